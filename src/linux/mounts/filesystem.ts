// A new file system: fsopen(2), fsconfig(2), fsmount(2). What the kernel writes into the context's log is told.

import { TsociError } from '../../errors.ts';
import * as sys from '../sys/index.ts';
import type { FileSystemParameter, FileSystemStep } from './plan.ts';

/** KERNEL: one message a read(2), `e tmpfs: Unknown parameter 'x'`; ENODATA when there are no more. */
function readLog(context: number): string[] {
  const lines: string[] = [];
  const buffer = new Uint8Array(1024);
  try {
    while (lines.length < 16) {
      const length = sys.read(context, buffer);
      if (length <= 0) break;
      const line = sys.door().decode(buffer.subarray(0, length)).trim();
      lines.push(/^[ewi] /.test(line) ? line.slice(2) : line);
    }
  } catch {
    // ENODATA: the log is read. Whatever else: the failure that is being told matters more.
  }
  return lines;
}

/** Runs one step of making the file system; a failure carries the kernel's own words. */
function withLog<T>(context: number, run: () => T): T {
  try {
    return run();
  } catch (error) {
    if (!(error instanceof sys.SyscallError)) throw error;
    const log = readLog(context);
    if (log.length === 0) throw error;
    throw new TsociError('ERR_STEP', `${error.message}: ${log.join('; ')}`, { errno: error.errno, cause: error });
  }
}

function setParameter(context: number, [key, value]: FileSystemParameter): void {
  if (value === null) sys.fsconfig(context, sys.FSCONFIG_SET_FLAG, key, null, 0);
  else sys.fsconfig(context, sys.FSCONFIG_SET_STRING, key, value, 0);
}

function openContext(type: string): number {
  try {
    return sys.fsopen(type, sys.FSOPEN_CLOEXEC);
  } catch (error) {
    if (!sys.isErrno(error, sys.E.ENODEV)) throw error;
    throw new TsociError('ERR_STEP', error.message, {
      errno: error.errno,
      cause: error,
      hint: `the kernel knows no file system "${type}"; a bind mount has bind or rbind among its options`,
    });
  }
}

/** What fsopen(2) needs to know of a mount. */
export type NewFileSystem = Pick<FileSystemStep, 'type' | 'source' | 'parameters' | 'attributes'>;

/** Makes the file system and returns the root of a detached mount of it. `extra` parameters go before the step's own. */
export function openFileSystem(step: NewFileSystem, extra: readonly FileSystemParameter[] = []): number {
  const context = openContext(step.type);
  return sys.withFd(context, () =>
    withLog(context, () => {
      sys.fsconfig(context, sys.FSCONFIG_SET_STRING, 'source', step.source, 0);
      for (const parameter of extra) setParameter(context, parameter);
      for (const parameter of step.parameters) setParameter(context, parameter);
      sys.fsconfig(context, sys.FSCONFIG_CMD_CREATE, null, null, 0);
      return sys.fsmount(context, sys.FSMOUNT_CLOEXEC, step.attributes);
    }),
  );
}

/**
 * mount(2) in the folder `target`: for what fsconfig(2) has no words for. SAFETY: by descriptor too, since "." is the
 * folder that the process is in. Leaves the process there.
 */
export function mountInto(target: number, step: Pick<FileSystemStep, 'type' | 'source' | 'flags' | 'data'>): void {
  sys.fchdir(target);
  sys.mount(step.source, '.', step.type, step.flags, step.data === '' ? null : step.data);
}
