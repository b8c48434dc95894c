// Reading what the kernel keeps in a cgroup's files. A file that is not there is a controller that is not there, or a
// kernel that does not know it: then there is nothing to tell.

import { textOf } from '../freezer.ts';

/** Exact: a number where it fits one, else a bigint. */
export type Count = number | bigint;

export const MAX_UINT64 = 0xffffffffffffffffn;

export function countOf(text: string): Count {
  const number = Number(text);
  return Number.isSafeInteger(number) ? number : BigInt(text);
}

/** The value of a file that holds one; `max` is `unlimited`. */
export function readCount(path: string, unlimited: Count = MAX_UINT64): Count | undefined {
  const text = textOf(path)?.trim();
  if (text === undefined || text === '') return undefined;
  return text === 'max' ? unlimited : countOf(text);
}

/** Lines of a name and a number, as memory.stat has them. */
export function readTable(path: string): Readonly<Record<string, Count>> | undefined {
  const text = textOf(path);
  if (text === undefined) return undefined;
  const table: Record<string, Count> = {};
  for (const line of text.split('\n')) {
    const [name, value] = line.split(' ');
    if (name !== undefined && value !== undefined && value !== '') table[name] = countOf(value);
  }
  return table;
}

/** COMPAT: in runc's document what is zero is left out, but for some members. */
export function nonZero<T extends object>(members: T): { [K in keyof T]?: NonNullable<T[K]> } {
  const kept = Object.entries(members).filter(([, value]) => value !== undefined && value !== 0 && value !== 0n);
  return Object.fromEntries(kept) as { [K in keyof T]?: NonNullable<T[K]> };
}

export const times = (count: Count | undefined, factor: number): Count =>
  countOf(String(BigInt(count ?? 0) * BigInt(factor)));
