// The table of docs/cgroups.md, from the rows that the cases go through: `npx tsx conformance/cgroups/document.ts` writes it.

import { readFileSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Files, type Outcome, type Row, rows } from './rows.ts';
import { units } from './units.ts';

const [BEGIN, END] = ['<!-- rows -->\n', '\n<!-- /rows -->'];

/** From the folder that the tests run in: bundled for a guest, this file lies elsewhere. */
export const documentPath = resolve('docs/cgroups.md');

const filesText = (files: Files): string =>
  Object.entries(files)
    .map(([file, text]) => `\`${file}\` = ${text}`)
    .join('<br>');

function outcomeText(outcome: Outcome): string {
  if ('refused' in outcome) return `refused: ${outcome.refused}`;
  if ('nothing' in outcome) return outcome.nothing;
  const { files, or } = outcome;
  return filesText(files) + (or === undefined ? '' : `<br>or, without it: ${filesText(or)}`);
}

/** `{"limit":5}` → `limit: 5`; the outermost name is the field's. */
const valueText = (row: Row): string => {
  const value = Object.values(row.resources);
  return JSON.stringify(value.length === 1 ? value[0] : row.resources).replaceAll('"', '');
};

/** Where v1 has no such controller: "as v2" below `unified/`. */
const hybridText = ({ v1, v2 }: Row): string =>
  'files' in v1 && 'files' in v2 ? 'as v1, else `unified/` as v2' : 'as v1';

const unitText = (row: Row, version: 'v1' | 'v2'): string =>
  Object.entries(units[row.field]?.[version] ?? {})
    .map(([name, value]) => `\`${name}=${value}\``)
    .join('<br>');

const HEADER = [
  'field',
  'for example',
  'v1',
  'hybrid',
  'v2',
  'systemd, v1 and hybrid',
  'systemd, v2',
  'effect that is tested',
];

const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;

export function documentTable(table: readonly Row[]): string {
  const lines = table.map((row) =>
    line([
      row.field,
      `\`${valueText(row)}\``,
      outcomeText(row.v1),
      hybridText(row),
      outcomeText(row.v2),
      unitText(row, 'v1'),
      unitText(row, 'v2'),
      row.effect ?? '',
    ]),
  );
  return [line(HEADER), `${HEADER.map(() => '|---').join('')}|`, ...lines].join('\n');
}

/** `text` with `table` between its markers. */
export function documentWith(text: string, table: string): string {
  const [head, rest = ''] = text.split(BEGIN);
  return `${head}${BEGIN}${table}${END}${rest.split(END)[1] ?? ''}`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  writeFileSync(documentPath, documentWith(readFileSync(documentPath, 'utf8'), documentTable(rows)));
}
