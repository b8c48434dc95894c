// The stack of an internal error in the names of the sources: a table of the bundled lines is loaded only then.

import { door } from '../linux/sys/index.ts';

type LineTables = Readonly<Record<string, { readonly sources: readonly string[]; readonly lines: string }>>;

/** `main:120` to `src/runtime/create.ts:44`; what is not in the table stays as it is. */
function sourceOf(tables: LineTables, blob: string, line: number): string {
  const table = tables[blob];
  const [source, original] = (table?.lines.split(' ')[line - 1] ?? '-').split(':');
  const path = table?.sources[Number(source)];
  return path === undefined ? `${blob}:${line}` : `${path}:${original}`;
}

/** Lines as `at name (blob:line:column)`. */
export function mapStack(stack: string): string {
  const tables = door().load('lines') as LineTables;
  return stack
    .split('\n')
    .map((text) => {
      const open = text.lastIndexOf('(');
      const [blob, line] = text.slice(open + 1, text.lastIndexOf(')')).split(':');
      if (open < 0 || blob === undefined || line === undefined) return text;
      return `${text.slice(0, open)}(${sourceOf(tables, blob, Number(line))})`;
    })
    .join('\n');
}
