// A process is known by its pid and its start time: a pid that is used again is another process.

import * as sys from '../linux/sys/index.ts';

export interface ProcessIdentity {
  readonly pid: number;
  /** Clock ticks after boot (field 22 of /proc/PID/stat). */
  readonly startTime: number;
}

interface Stat {
  readonly state: string;
  readonly startTime: number;
  /** As wait(2) gives it; 0 for who may not look. */
  readonly exitCode: number;
}

/** /proc/PID/stat; undefined when there is no such process. The name in parentheses may hold anything. */
function statOf(pid: number): Stat | undefined {
  try {
    const text = sys.readText(`/proc/${pid}/stat`);
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    return { state: fields[0] as string, startTime: Number(fields[19]), exitCode: Number(fields[49]) };
  } catch (error) {
    if (error instanceof sys.SyscallError && [sys.E.ENOENT, sys.E.ESRCH].includes(error.errno)) return undefined;
    throw error;
  }
}

export const identify = (pid: number): ProcessIdentity => ({ pid, startTime: statOf(pid)?.startTime ?? 0 });

/** The process lives: it is the same one, and neither a zombie nor dead. */
export function isAlive(process: ProcessIdentity): boolean {
  const stat = statOf(process.pid);
  return stat !== undefined && stat.startTime === process.startTime && stat.state !== 'Z' && stat.state !== 'X';
}

/** The status word of wait(2) of a process that has ended and was not reaped yet. */
export function exitCodeOfZombie(process: ProcessIdentity): number | undefined {
  const stat = statOf(process.pid);
  return stat?.startTime === process.startTime && stat.state === 'Z' ? stat.exitCode : undefined;
}

/**
 * A pidfd of the process, the caller's to close; undefined when it is gone.
 * SAFETY: a pid that is used again is another process: looked at after it is held.
 */
export function holdProcess(process: ProcessIdentity): number | undefined {
  let pidfd: number;
  try {
    pidfd = sys.pidfd_open(process.pid, 0);
  } catch (error) {
    if (sys.isErrno(error, sys.E.ESRCH)) return undefined;
    throw error;
  }
  if (isAlive(process)) return pidfd;
  sys.close(pidfd);
  return undefined;
}

/**
 * Sends a signal by pidfd, so that a pid that is used again is never signalled.
 * Returns false when the process is gone.
 */
export function signalProcess(process: ProcessIdentity, signal: number): boolean {
  const pidfd = holdProcess(process);
  return pidfd !== undefined && sys.withFd(pidfd, () => sendTo(pidfd, signal));
}

function sendTo(pidfd: number, signal: number): boolean {
  try {
    sys.pidfd_send_signal(pidfd, signal, null, 0);
    return true;
  } catch (error) {
    if (error instanceof sys.SyscallError && error.errno === sys.E.ESRCH) return false;
    throw error;
  }
}

/** Waits until the process has ended, at most `timeout` milliseconds. Returns whether it has. */
export function waitForEnd(process: ProcessIdentity, timeout: number): boolean {
  const pidfd = holdProcess(process);
  return pidfd === undefined || sys.withFd(pidfd, () => sys.poll([pidfd], timeout).length > 0);
}
