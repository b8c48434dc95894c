// What the steps inside the container share: descriptors opened on the way, and the words of the caller.

import type { State } from '../../spec/types.ts';
import { type Log, send } from './channel.ts';

export interface InitContext extends Log {
  readonly bundle: string;
  /** The container is in a user namespace other than ours. */
  readonly userns: boolean;
  /** O_PATH descriptor of the host's /proc, proven to be procfs, opened before anything of the container was. */
  readonly proc: number;
  /** Asks the parent for the source of the mount with this number, a detached tree; undefined where it has no privileges. */
  readonly askSource: (index: number) => number | undefined;
  /** O_PATH descriptor of the container's root; -1 until the rootfs step has run. */
  rootfs: number;
  /** Slave end of the container's pty; -1 without a terminal. */
  consoleSlave: number;
  /** The connected console socket (or our own, in the foreground); -1 without a terminal. */
  readonly consoleSocket: number;
  /** Our end of the conversation: with the creator, then with whoever starts us. */
  channel: number;
  /** Where `start` connects to; -1 when the creator itself starts us. */
  readonly listener: number;
  /** The caller's environment, which hooks without their own inherit. */
  readonly callerEnvironment: readonly string[];
  /** The state for a hook's stdin, with the pid as this process sees itself. */
  readonly state: (status: State['status']) => State;
  /** The process is in the directory where the program will start. */
  isInCwd: boolean;
  /** Environment of the program, completed on the way (HOME). */
  environment: string[];
  /** Path of the program, once it is looked up. */
  program: string;
}

/** What is found out on the way. */
type Later = 'rootfs' | 'consoleSlave' | 'isInCwd' | 'environment' | 'program' | keyof Log;

/** As it is at the beginning. Its log is the parent's, which wants steps told where `isTraced`. */
export function newContext(given: Omit<InitContext, Later>, isTraced: boolean): InitContext {
  // By the channel of the time: after `ready` it is another.
  const tell = (type: 'warning' | 'debug') => (text: string) => send(ctx.channel, { type, text });
  const ctx: InitContext = {
    ...given,
    rootfs: -1,
    consoleSlave: -1,
    isInCwd: false,
    environment: [],
    program: '',
    warn: tell('warning'),
    debug: isTraced ? tell('debug') : undefined,
  };
  return ctx;
}
