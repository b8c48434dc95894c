// From source maps to a table that the executable can carry: which TypeScript file and line a bundled line comes from.

import { readFileSync } from 'node:fs';

const BASE64 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';

/** Base64 VLQ numbers of one segment of a source map (ECMA-426). */
function decodeSegment(segment: string): number[] {
  const numbers: number[] = [];
  let value = 0;
  let shift = 0;
  for (const c of segment) {
    const digit = BASE64.indexOf(c);
    value |= (digit & 31) << shift;
    shift += 5;
    if ((digit & 32) !== 0) continue;
    numbers.push((value & 1) === 1 ? -(value >> 1) : value >> 1);
    value = 0;
    shift = 0;
  }
  return numbers;
}

/** For each line of the bundle the [source, line] of its first segment. */
function firstOfLines(mappings: string): (readonly [source: number, line: number] | null)[] {
  let source = 0;
  let line = 0;
  return mappings.split(';').map((text) => {
    let first: readonly [number, number] | null = null;
    for (const segment of text.split(',').filter((part) => part !== '')) {
      const [, sourceDelta, lineDelta] = decodeSegment(segment);
      if (sourceDelta === undefined || lineDelta === undefined) continue;
      source += sourceDelta;
      line += lineDelta;
      first ??= [source, line + 1];
    }
    return first;
  });
}

/**
 * A script whose value is `{ BLOB: { sources: [path, …], lines: "source:line source:line …" } }`, a word a bundled line,
 * `-` where there is none.
 */
export function lineTable(scripts: Readonly<Record<string, string>>): string {
  const tables: Record<string, { sources: string[]; lines: string }> = {};
  for (const [blob, script] of Object.entries(scripts)) {
    const map = JSON.parse(readFileSync(`${script}.map`, 'utf8')) as { sources: string[]; mappings: string };
    const lines = firstOfLines(map.mappings).map((place) => (place === null ? '-' : `${place[0]}:${place[1]}`));
    tables[blob] = { sources: map.sources.map((path) => path.replace(/^(\.\.\/)+/, '')), lines: lines.join(' ') };
  }
  return `(${JSON.stringify(tables)});\n`;
}
