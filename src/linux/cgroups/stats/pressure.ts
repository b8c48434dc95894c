// Pressure stall information of a v2 cgroup (Documentation/accounting/psi.rst of the kernel).

import { textOf } from '../freezer.ts';
import { type Count, countOf } from './read.ts';

export interface Pressure {
  readonly avg10: number;
  readonly avg60: number;
  readonly avg300: number;
  /** Microseconds. */
  readonly total: Count;
}

/** `some avg10=0.00 avg60=0.00 avg300=0.00 total=0`, and the same for `full`. */
export function parsePressure(text: string): Readonly<Record<string, Pressure>> {
  const kinds: Record<string, Pressure> = {};
  for (const line of text.split('\n')) {
    const [kind, ...words] = line.split(' ');
    if (kind === undefined || words.length === 0) continue;
    const value = (name: string) => words.find((word) => word.startsWith(`${name}=`))?.slice(name.length + 1) ?? '0';
    const average = (name: string) => Number(value(name));
    kinds[kind] = {
      avg10: average('avg10'),
      avg60: average('avg60'),
      avg300: average('avg300'),
      total: countOf(value('total')),
    };
  }
  return kinds;
}

/** Nothing where the kernel keeps none. */
export function pressureOf(path: string): { psi?: Readonly<Record<string, Pressure>> } {
  const text = textOf(path);
  return text === undefined || text === '' ? {} : { psi: parsePressure(text) };
}
