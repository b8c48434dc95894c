// The door of tests: every call is written down, and answered from a script.

import type { Argument, Door } from './door.ts';
import { type CallName, TABLE } from './table.ts';

export interface RecordedCall {
  readonly name: CallName | 'clone3';
  readonly args: readonly Argument[];
}

/** Returns the kernel's result for a call: >= 0, or -errno. */
export type Answer = (call: RecordedCall) => number;

export interface Recorder extends Door {
  readonly calls: readonly RecordedCall[];
}

/** By number and signature, as several rows share a number. */
function nameOf(nr: number, signature: string): CallName {
  const found = (Object.keys(TABLE) as CallName[]).find(
    (name) => TABLE[name][0] === nr && TABLE[name][2] === signature,
  );
  if (found === undefined) throw new Error(`no row for system call ${nr} with "${signature}"`);
  return found;
}

/** Without what is undefined behind the last argument. */
const given = (args: readonly (Argument | undefined)[]): Argument[] =>
  args.slice(0, args.findLastIndex((value) => value !== undefined) + 1) as Argument[];

export function openRecorder(answer: Answer = () => 0): Recorder {
  const calls: RecordedCall[] = [];
  const record = (call: RecordedCall): number => {
    calls.push(call);
    return answer(call);
  };
  return {
    calls,
    bind:
      (nr, signature, failed) =>
      (...args) => {
        for (;;) {
          const result = record({ name: nameOf(nr, signature), args: given(args) });
          if (result >= 0 || failed === undefined || !failed(-result, ...args)) return result;
        }
      },
    clone3: (args) => record({ name: 'clone3', args: [args] }),
    encode: (text) => new TextEncoder().encode(text),
    decode: (bytes) => new TextDecoder().decode(bytes),
    parseJson: (bytes) => JSON.parse(new TextDecoder().decode(bytes)),
    argv: () => [],
    environ: () => [],
    arch: 'x64',
    sealed: () => 0,
    load: (name) => {
      throw new TypeError(`no blob "${name}"`);
    },
  };
}
