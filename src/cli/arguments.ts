// Arguments to flags, by the rules that runc's users rely on: one dash or two, `--flag=value` or `--flag value`, the last
// one wins, a comma separates nothing. Parsed by hand: see docs/architecture.md for the measure that decided it.

import { TsociError } from '../errors.ts';
import type { Command, Flag } from './commands.ts';

export interface Arguments {
  readonly flags: ReadonlyMap<string, readonly string[]>;
  readonly positional: readonly string[];
}

const usageError = (message: string): TsociError => new TsociError('ERR_USAGE', message);

const find = (flags: readonly Flag[], name: string): Flag | undefined =>
  flags.find((flag) => flag.name === name || flag.alias === name);

/** No flag. */
export const isWord = (arg: string): boolean => !arg.startsWith('-') || arg === '-';

const TRUE = ['true', '1', 't', 'T', 'TRUE', 'True'];
const FALSE = ['false', '0', 'f', 'F', 'FALSE', 'False'];

/** As Go reads it; undefined for what is neither. */
export const booleanOf = (word: string): boolean | undefined =>
  TRUE.includes(word) ? true : FALSE.includes(word) ? false : undefined;

const isInteger = (text: string): boolean => {
  const digits = text.startsWith('-') ? text.slice(1) : text;
  return digits !== '' && digits.length < 16 && [...digits].every((c) => c >= '0' && c <= '9');
};

function checkValue(flag: Flag, name: string, value: string): void {
  const fits =
    flag.type === 'boolean' ? booleanOf(value) !== undefined : !flag.type.startsWith('integer') || isInteger(value);
  if (fits) return;
  const [kind, what] = flag.type === 'boolean' ? ['boolean ', ''] : ['', 'flag '];
  throw usageError(`invalid ${kind}value "${value}" for ${what}-${name}: parse error`);
}

type Syntax = Pick<Command, 'flags' | 'maxArguments' | 'stopEarly'>;

/**
 * Stops at the first argument that is no flag when `stopEarly`, and always at `--`. An unknown flag after an argument is one
 * more argument where there may be one (`kill ID -9`). Throws ERR_USAGE with runc's words.
 */
export function parseArguments(args: readonly string[], { flags, maxArguments, stopEarly }: Syntax): Arguments {
  const values = new Map<string, readonly string[]>();
  const positional: string[] = [];
  for (let at = 0; at < args.length; at++) {
    const arg = args[at] as string;
    if (arg === '--') {
      positional.push(...args.slice(at + 1));
      break;
    }
    if (isWord(arg) && stopEarly === true) {
      positional.push(...args.slice(at));
      break;
    }
    const text = arg.startsWith('--') ? arg.slice(2) : arg.slice(1);
    const equals = text.indexOf('=');
    const name = equals < 0 ? text : text.slice(0, equals);
    const flag = isWord(arg) ? undefined : find(flags, name);
    if (flag === undefined) {
      const mayFollow = positional.length > 0 && positional.length < maxArguments;
      if (!isWord(arg) && !mayFollow) throw usageError(`flag provided but not defined: -${name}`);
      positional.push(arg);
      continue;
    }
    let value = equals < 0 ? undefined : text.slice(equals + 1);
    if (value === undefined && flag.type === 'boolean') value = 'true';
    if (value === undefined) value = args[++at];
    if (value === undefined) throw usageError(`flag needs an argument: -${name}`);
    checkValue(flag, name, value);
    values.set(flag.name, flag.type.endsWith('s') ? [...(values.get(flag.name) ?? []), value] : [value]);
  }
  return { flags: values, positional };
}

export const text = (args: Arguments, name: string): string | undefined => args.flags.get(name)?.at(-1);

/** All values of a flag that may stand several times. */
export const list = (args: Arguments, name: string): readonly string[] => args.flags.get(name) ?? [];

export const isSet = (args: Arguments, name: string): boolean => booleanOf(text(args, name) ?? '') === true;

export const integer = (args: Arguments, name: string): number => Number(text(args, name) ?? 0);
