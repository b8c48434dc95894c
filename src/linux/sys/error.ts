// A failed system call, printed as strace(1) prints one: `openat(AT_FDCWD, "/x", O_RDONLY|O_CLOEXEC): no such file …`.

import { TsociError } from '../../errors.ts';
import * as k from './constants.ts';
import type { Argument } from './door.ts';
import { ERROR_TEXTS } from './error-texts.ts';
import { TABLE } from './table.ts';

export const EINTR = 4;

export const errnoText = (errno: number): string => ERROR_TEXTS[errno] ?? `errno ${errno}`;

/** Name of an error number: `ENOENT`. */
export const errnoName = (errno: number): string =>
  Object.entries(k.E).find(([, value]) => value === errno)?.[0] ?? `E${errno}`;

const OPEN_FLAGS: readonly [number, string][] = [
  [k.O_PATH, 'O_PATH'],
  [k.O_CREAT, 'O_CREAT'],
  [k.O_EXCL, 'O_EXCL'],
  [k.O_TRUNC, 'O_TRUNC'],
  [k.O_APPEND, 'O_APPEND'],
  [k.O_NONBLOCK, 'O_NONBLOCK'],
  [k.O_NOCTTY, 'O_NOCTTY'],
  [k.O_DIRECTORY, 'O_DIRECTORY'],
  [k.O_NOFOLLOW, 'O_NOFOLLOW'],
  [k.O_CLOEXEC, 'O_CLOEXEC'],
];

function openFlags(flags: number): string {
  const access = ['O_RDONLY', 'O_WRONLY', 'O_RDWR'][flags & 3] ?? '3';
  const names = OPEN_FLAGS.filter(([bit]) => (flags & bit) !== 0).map(([, name]) => name);
  return [...((flags & k.O_PATH) === 0 ? [access] : []), ...names].join('|');
}

function printed(value: Argument, kind: string): string {
  if (value === null) return 'NULL';
  if (typeof value === 'string') return JSON.stringify(value);
  if (typeof value === 'number' || typeof value === 'bigint') return printedNumber(Number(value), kind);
  if (Array.isArray(value)) return `[${value.map((item) => JSON.stringify(item)).join(', ')}]`;
  return '…';
}

function printedNumber(value: number, kind: string): string {
  if (kind === 'dirfd' && value === k.AT_FDCWD) return 'AT_FDCWD';
  if (kind === 'open') return openFlags(value);
  if (kind === 'octal') return `0${value.toString(8)}`;
  if (kind === 'hex' && value !== 0) return `0x${value.toString(16)}`;
  return String(value);
}

function printCall(name: string, args: readonly (Argument | undefined)[]): string {
  const row = (TABLE as Readonly<Record<string, readonly [number, number, string, string]>>)[name];
  const kinds = (row?.[3] ?? '').split(' ').filter((parameter) => parameter !== '');
  return `${name}(${kinds.map((kind, index) => printed(args[index] ?? null, kind.split(':')[1] ?? '')).join(', ')})`;
}

/** Many are expected, and caught at once: so the words are made when they are asked for. */
export class SyscallError extends TsociError {
  readonly call: string;
  override readonly errno: number;
  readonly #args: readonly (Argument | undefined)[];

  constructor(call: string, args: readonly (Argument | undefined)[], errno: number) {
    super('ERR_STEP', undefined, { errno });
    this.call = call;
    this.errno = errno;
    this.#args = args;
  }

  override get message(): string {
    return `${printCall(this.call, this.#args)}: ${errnoText(this.errno)}`;
  }

  get errnoName(): string {
    return errnoName(this.errno);
  }

  /** The kernel's reason alone: `no such file or directory`. */
  get reason(): string {
    return errnoText(this.errno);
  }
}

declare const host: unknown;

/** In the engine without a stack, which would cost more than the call: the step and the call say where it was. */
export function failure(call: string, args: readonly (Argument | undefined)[], errno: number): SyscallError {
  const errors = Error as unknown as { stackTraceLimit: number };
  const limit = errors.stackTraceLimit;
  if (typeof host !== 'undefined') errors.stackTraceLimit = 0;
  const error = new SyscallError(call, args, errno);
  errors.stackTraceLimit = limit;
  return error;
}
