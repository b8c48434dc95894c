// Reports in docs/performance.md, each between two markers of its own.

import { readFileSync, writeFileSync } from 'node:fs';

const PATH = 'docs/performance.md';

/** Puts `text` between the markers `<!-- NAME -->` and `<!-- /NAME -->`. Throws where they are not there. */
export function writeReport(name: string, text: string): void {
  const [begin, end] = [`<!-- ${name} -->\n`, `<!-- /${name} -->`];
  const [head, rest] = readFileSync(PATH, 'utf8').split(begin);
  const tail = rest?.split(end)[1];
  if (head === undefined || tail === undefined) throw new Error(`bench: no markers ${name} in ${PATH}`);
  writeFileSync(PATH, `${head}${begin}\n${text}\n\n${end}${tail}`);
}
