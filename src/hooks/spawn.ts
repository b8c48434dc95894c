// Runs one program to its end: hooks, newuidmap. Its streams are kept, its time is bounded, and it inherits nothing of ours.

import * as sys from '../linux/sys/index.ts';

export interface Program {
  readonly path: string;
  readonly args: readonly string[];
  /** The whole environment. */
  readonly env: readonly string[];
  readonly stdin: string;
  readonly cwd?: string;
  /** Called in the program's process as the last thing before it is executed. */
  readonly confine?: () => void;
  /** Milliseconds; none when absent. */
  readonly timeout?: number;
  /** How much is kept of each stream; the rest is read and thrown away. 64 KiB when absent. */
  readonly keptBytes?: number;
}

export interface Outcome {
  /** Exit status, or 128 + signal. */
  readonly status: number;
  readonly signal: number | undefined;
  readonly stdout: string;
  readonly stderr: string;
  readonly timedOut: boolean;
  /** errno of a failed execve(2), 0 when the program ran. */
  readonly execErrno: number;
}

/** The program never blocks on us: what is not kept is read all the same. */
const KEPT_BYTES = 64 * 1024;

interface Stream {
  readonly fd: number;
  readonly limit: number;
  text: string;
  open: boolean;
}

function drain(stream: Stream, buffer: Uint8Array): void {
  const count = sys.read(stream.fd, buffer);
  if (count === 0) stream.open = false;
  else if (stream.text.length < stream.limit) stream.text += sys.door().decode(buffer.subarray(0, count));
}

function stdinOf(text: string): number {
  const fd = sys.memfd_create('stdin', sys.MFD_CLOEXEC);
  sys.write(fd, sys.door().encode(text));
  sys.lseek(fd, 0, sys.SEEK_SET);
  return fd;
}

/** In the child: never returns. */
function become(program: Program, stdin: number, stdout: number, stderr: number, failure: number): never {
  try {
    sys.setsid();
    sys.unblockSignals();
    // The standard streams may be among 0-2 themselves: first out of the way, then into place.
    const streams = [stdin, stdout, stderr].map((fd) => sys.fcntl(fd, sys.F_DUPFD_CLOEXEC, 10));
    const report = sys.fcntl(failure, sys.F_DUPFD_CLOEXEC, 10);
    for (const [target, fd] of streams.entries()) sys.dup3(fd, target, 0);
    sys.close_range(3, sys.UINT_MAX, sys.CLOSE_RANGE_CLOEXEC);
    try {
      if (program.cwd !== undefined) sys.chdir(program.cwd);
      program.confine?.();
      sys.execve(program.path, program.args, program.env);
    } catch (error) {
      const errno = error instanceof sys.SyscallError ? error.errno : sys.E.EINVAL;
      sys.write(report, Uint8Array.of(errno));
    }
  } finally {
    sys.exit_group(127);
  }
}

/** Waits for the end of `pid`, reading its streams, at most `timeout` milliseconds; then kills its process group. */
function attend(pid: number, streams: readonly Stream[], timeout: number | undefined): boolean {
  const pidfd = sys.pidfd_open(pid, 0);
  const deadline = timeout === undefined ? undefined : sys.monotonicMillis() + timeout;
  const buffer = new Uint8Array(4096);
  try {
    for (;;) {
      const open = streams.filter((stream) => stream.open);
      const left = deadline === undefined ? -1 : Math.max(0, deadline - sys.monotonicMillis());
      const ready = sys.poll([pidfd, ...open.map((stream) => stream.fd)], left);
      if (ready.length === 0) {
        sys.kill(-pid, sys.SIGKILL);
        return true;
      }
      for (const stream of open) if (ready.includes(stream.fd)) drain(stream, buffer);
      // What was written before the exit is in the pipes by now: it is read until nothing is ready any more.
      if (ready.length === 1 && ready[0] === pidfd) return false;
    }
  } finally {
    sys.close(pidfd);
  }
}

function failureOf(fd: number): number {
  const errno = new Uint8Array(1);
  return sys.read(fd, errno) === 1 ? (errno[0] as number) : 0;
}

export function runProgram(program: Program): Outcome {
  const stdin = stdinOf(program.stdin);
  const [out, outWrite] = sys.pipe(sys.O_CLOEXEC);
  const [err, errWrite] = sys.pipe(sys.O_CLOEXEC);
  const [failure, failureWrite] = sys.pipe(sys.O_CLOEXEC);
  const pid = sys.fork();
  if (pid === 0) become(program, stdin, outWrite, errWrite, failureWrite);
  for (const fd of [stdin, outWrite, errWrite, failureWrite]) sys.close(fd);
  const limit = program.keptBytes ?? KEPT_BYTES;
  const stdout: Stream = { fd: out, limit, text: '', open: true };
  const stderr: Stream = { fd: err, limit, text: '', open: true };
  const timedOut = attend(pid, [stdout, stderr], program.timeout);
  const { status, signal } = sys.waitFor(pid);
  const execErrno = failureOf(failure);
  for (const fd of [out, err, failure]) sys.close(fd);
  return { status, signal, stdout: stdout.text, stderr: stderr.text, timedOut, execErrno };
}
