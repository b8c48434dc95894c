// What the schema cannot say: each chapter of the specification has its named checks.

import type { Spec } from '../types.ts';

export interface Problem {
  /** RFC 6901. */
  readonly pointer: string;
  /** What was found, and what was expected. */
  readonly message: string;
}

export type Check = (spec: Spec) => readonly Problem[];

export const problem = (pointer: string, message: string): Problem => ({ pointer, message });

export const isAbsolute = (path: string): boolean => path.startsWith('/');

/** One part of a JSON pointer. */
export const escaped = (name: string): string => name.split('~').join('~0').split('/').join('~1');

/** The places of the values that were there before in the list. */
export function duplicates(values: readonly string[]): number[] {
  const seen = new Set<string>();
  const found: number[] = [];
  for (const [index, value] of values.entries()) {
    if (seen.has(value)) found.push(index);
    seen.add(value);
  }
  return found;
}
