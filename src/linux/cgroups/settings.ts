// What the controllers' files share: a value to write, and whether it was asked for.

import type { Int64 } from '../../spec/types.ts';

export interface Setting {
  readonly file: string;
  readonly value: string;
  /** Where in the configuration it is asked for. */
  readonly pointer: string;
  /** What is written where there is no such file: another one, or nothing. */
  readonly otherwise?: { readonly file: string; readonly value: string } | 'nothing';
  /**
   * KERNEL: some files are held against each other. What a cgroup that was there before may still have in the way of `value`
   * (EINVAL), and how it is lifted.
   */
  readonly lift?: { readonly file: string; readonly value: string };
}

/** COMPAT: 0 means "leave alone", as runc has it and as engines send it. */
export const isAsked = (value: Int64 | undefined): value is Int64 => value !== undefined && BigInt(value) !== 0n;

/** `settings` for which `lift` may have to be lifted. */
export const lifting = (lift: NonNullable<Setting['lift']>, settings: readonly Setting[]): Setting[] =>
  settings.map((setting) => ({ ...setting, lift }));

/** The setting, where a value other than 0 is asked for. */
export const numberSetting = (file: string, value: Int64 | undefined, pointer: string): Setting[] =>
  isAsked(value) ? [{ file, value: String(value), pointer }] : [];

export const textSetting = (file: string, value: string | undefined, pointer: string): Setting[] =>
  value === undefined || value === '' ? [] : [{ file, value, pointer }];
