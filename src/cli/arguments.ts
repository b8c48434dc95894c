// Arguments to flags, by the rules that runc's users rely on: one dash or two, `--flag=value` or `--flag value`, the last
// one wins, a comma separates nothing. Parsed by hand: see docs/architecture.md for the measure that decided it.

import { TsociError } from '../errors.ts';
import type { Flag } from './commands.ts';

export interface Arguments {
  readonly flags: ReadonlyMap<string, readonly string[]>;
  readonly positional: readonly string[];
}

const usageError = (message: string): TsociError => new TsociError('ERR_USAGE', message);

function find(flags: readonly Flag[], name: string): Flag {
  const found = flags.find((flag) => flag.name === name || flag.alias === name);
  if (found === undefined) throw usageError(`flag provided but not defined: -${name}`);
  return found;
}

const BOOLEANS = ['true', 'false', '1', '0', 't', 'f', 'T', 'F', 'TRUE', 'FALSE', 'True', 'False'];

const isInteger = (text: string): boolean => {
  const digits = text.startsWith('-') ? text.slice(1) : text;
  return digits !== '' && digits.length < 16 && [...digits].every((c) => c >= '0' && c <= '9');
};

function checkValue(flag: Flag, value: string): void {
  const fits = flag.type === 'boolean' ? BOOLEANS.includes(value) : flag.type !== 'integer' || isInteger(value);
  if (fits) return;
  const kind = flag.type === 'boolean' ? 'boolean ' : '';
  throw usageError(`invalid ${kind}value "${value}" for flag -${flag.name}: parse error`);
}

/**
 * Parses `args` with `flags`. Stops at the first argument that is none when `stopEarly`, and always at `--`.
 * Throws ERR_USAGE with runc's words.
 */
export function parseArguments(args: readonly string[], flags: readonly Flag[], stopEarly: boolean): Arguments {
  const values = new Map<string, readonly string[]>();
  const positional: string[] = [];
  for (let at = 0; at < args.length; at++) {
    const arg = args[at] as string;
    if (arg === '--') {
      positional.push(...args.slice(at + 1));
      break;
    }
    if (!arg.startsWith('-') || arg === '-') {
      if (stopEarly) {
        positional.push(...args.slice(at));
        break;
      }
      positional.push(arg);
      continue;
    }
    const text = arg.startsWith('--') ? arg.slice(2) : arg.slice(1);
    const equals = text.indexOf('=');
    const flag = find(flags, equals < 0 ? text : text.slice(0, equals));
    let value = equals < 0 ? undefined : text.slice(equals + 1);
    if (value === undefined && flag.type === 'boolean') value = 'true';
    if (value === undefined) value = args[++at];
    if (value === undefined) throw usageError(`flag needs an argument: -${flag.name}`);
    checkValue(flag, value);
    values.set(flag.name, flag.type === 'strings' ? [...(values.get(flag.name) ?? []), value] : [value]);
  }
  return { flags: values, positional };
}

export const text = (args: Arguments, name: string): string | undefined => args.flags.get(name)?.at(-1);

/** All values of a flag that may stand several times. */
export const list = (args: Arguments, name: string): readonly string[] => args.flags.get(name) ?? [];

export const isSet = (args: Arguments, name: string): boolean =>
  ['true', '1', 't', 'T', 'TRUE', 'True'].includes(text(args, name) ?? '');

export const integer = (args: Arguments, name: string): number => Number(text(args, name) ?? 0);
