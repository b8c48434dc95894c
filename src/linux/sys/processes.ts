// Processes, signals, pipes and waiting: fork(2)'s shape over clone3(2), and what belongs to it.

import * as calls from './calls.ts';
import * as k from './constants.ts';
import { SyscallError } from './error.ts';
import { SIGNAL_TEXTS } from './error-texts.ts';
import { withFd } from './files.ts';
import { encodeCloneArgs } from './structs.ts';

/**
 * clone3(2) as fork: the child goes on in the same program. Returns its pid, 0 in the child.
 * `flags` are CLONE_NEW* and CLONE_PARENT; the exit signal is SIGCHLD. `cgroup` is a descriptor of the v2 cgroup that
 * the child is made in.
 */
export function fork(flags = 0, cgroup?: number): number {
  // KERNEL: with CLONE_PARENT the exit signal is the caller's own, and naming one is EINVAL.
  const exitSignal = (flags & k.CLONE_PARENT) !== 0 ? 0 : k.SIGCHLD;
  return calls.clone3(encodeCloneArgs({ flags, exitSignal, ...(cgroup === undefined ? {} : { cgroup }) }));
}

export interface Ended {
  readonly pid: number;
  /** Exit status, or 128 + signal. */
  readonly status: number;
  readonly signal: number | undefined;
}

/** The exit status that the status word of wait(2) tells, or 128 + signal. */
export function exitStatusOf(word: number): number {
  const signal = word & 0x7f;
  return signal === 0 ? (word >> 8) & 0xff : 128 + signal;
}

function wait(pid: number, options: number): Ended | undefined {
  const status = new Uint8Array(4);
  const ended = calls.wait4(pid, status, options, null);
  if (ended === 0) return undefined;
  const word = new DataView(status.buffer).getInt32(0, true);
  const signal = word & 0x7f;
  return { pid: ended, status: exitStatusOf(word), signal: signal === 0 ? undefined : signal };
}

/** Waits for the end of a child. */
export const waitFor = (pid: number): Ended => wait(pid, 0) as Ended;

/** The same for at most `timeout` ms; undefined when it has not ended by then. */
export function waitAtMost(pid: number, timeout: number): Ended | undefined {
  return withFd(calls.pidfd_open(pid, 0), (pidfd) => (poll([pidfd], timeout).length === 0 ? undefined : waitFor(pid)));
}

/** One child that has ended, if any has; never blocks. */
export function reapOne(): Ended | undefined {
  try {
    return wait(-1, k.WNOHANG);
  } catch (error) {
    if (error instanceof SyscallError && error.errno === k.E.ECHILD) return undefined;
    throw error;
  }
}

/** kill(2), where the process may be gone already. */
export function killQuietly(pid: number, signal: number): void {
  try {
    calls.kill(pid, signal);
  } catch (error) {
    if (!(error instanceof SyscallError && error.errno === k.E.ESRCH)) throw error;
  }
}

export function pipe(flags: number): [read: number, write: number] {
  const pair = new Uint8Array(8);
  calls.pipe2(pair, flags);
  const view = new DataView(pair.buffer);
  return [view.getInt32(0, true), view.getInt32(4, true)];
}

/** Seconds and nanoseconds of a clock (clock_gettime(2)). */
export function clock(id: number): { seconds: number; nanoseconds: number } {
  const time = new Uint8Array(16);
  calls.clock_gettime(id, time);
  const view = new DataView(time.buffer);
  return { seconds: Number(view.getBigInt64(0, true)), nanoseconds: Number(view.getBigInt64(8, true)) };
}

export function monotonicMillis(): number {
  const { seconds, nanoseconds } = clock(k.CLOCK_MONOTONIC);
  return seconds * 1000 + Math.floor(nanoseconds / 1_000_000);
}

/** Those of `fds` that can be read, are closed, or have failed; none when `timeout` ms (-1: for ever) have passed. */
export function poll(fds: readonly number[], timeout: number): number[] {
  const array = new Uint8Array(8 * fds.length);
  const view = new DataView(array.buffer);
  for (const [index, fd] of fds.entries()) {
    view.setInt32(8 * index, fd, true);
    view.setInt16(8 * index + 4, k.POLLIN, true);
  }
  let limit: Uint8Array | null = null;
  if (timeout >= 0) {
    limit = new Uint8Array(16);
    const time = new DataView(limit.buffer);
    time.setBigInt64(0, BigInt(Math.floor(timeout / 1000)), true);
    time.setBigInt64(8, BigInt(Math.floor(timeout % 1000)) * 1_000_000n, true);
  }
  try {
    calls.ppoll(array, limit);
  } catch (error) {
    if (error instanceof SyscallError && error.errno === k.E.EINTR) return poll(fds, timeout);
    throw error;
  }
  return fds.filter((_, index) => view.getInt16(8 * index + 6, true) !== 0);
}

const ALL_SIGNALS = Uint8Array.of(255, 255, 255, 255, 255, 255, 255, 255);

export function unblockSignals(): void {
  calls.rt_sigprocmask(k.SIG_SETMASK, new Uint8Array(8), null);
}

/** Blocks every signal and returns a signalfd(2) that receives them instead. */
export function openSignals(): number {
  calls.rt_sigprocmask(k.SIG_SETMASK, ALL_SIGNALS, null);
  return calls.signalfd4(-1, ALL_SIGNALS, k.SFD_CLOEXEC);
}

/** The next signal: its number, and the pid of who sent it, 0 for the kernel (struct signalfd_siginfo). */
export function readSignal(fd: number): { readonly signal: number; readonly sender: number } {
  const info = new Uint8Array(128);
  calls.read(fd, info);
  const view = new DataView(info.buffer);
  return { signal: view.getUint32(0, true), sender: view.getUint32(12, true) };
}

/** HUP, INT, QUIT and TERM. */
const ENDING = Uint8Array.of(0x07, 0x40, 0, 0, 0, 0, 0, 0);

/**
 * Waits until `fd` can be read. A signal that asks for the end is obeyed: exit status 128 and its number. They stay blocked.
 * KERNEL: the first process of a pid namespace is spared by every signal that it has no handler for, and we can have none.
 */
export function awaitOrEnd(fd: number): void {
  calls.rt_sigprocmask(k.SIG_SETMASK, ENDING, null);
  const signals = calls.signalfd4(-1, ENDING, k.SFD_CLOEXEC);
  if (poll([fd, signals], -1).includes(signals)) calls.exit_group(128 + readSignal(signals).signal);
  calls.close(signals);
}

/** Numbers of signals by their names without SIG (signal(7)). */
export const SIGNALS: Readonly<Record<string, number>> = {
  HUP: 1,
  INT: 2,
  QUIT: 3,
  ILL: 4,
  TRAP: 5,
  ABRT: 6,
  IOT: 6,
  BUS: 7,
  FPE: 8,
  KILL: 9,
  USR1: 10,
  SEGV: 11,
  USR2: 12,
  PIPE: 13,
  ALRM: 14,
  TERM: 15,
  STKFLT: 16,
  CHLD: 17,
  CLD: 17,
  CONT: 18,
  STOP: 19,
  TSTP: 20,
  TTIN: 21,
  TTOU: 22,
  URG: 23,
  XCPU: 24,
  XFSZ: 25,
  VTALRM: 26,
  PROF: 27,
  WINCH: 28,
  IO: 29,
  POLL: 29,
  PWR: 30,
  SYS: 31,
};

/** For people: `killed (SIGKILL)`. */
export function signalText(signal: number): string {
  const name = `SIG${Object.keys(SIGNALS).find((each) => SIGNALS[each] === signal) ?? signal}`;
  const words = SIGNAL_TEXTS[signal];
  return words === undefined ? name : `${words} (${name})`;
}
