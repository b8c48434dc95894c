// /dev/console and the standard streams: what of the container's /dev the program holds from its first moment.

import { TsociError } from '../errors.ts';
import type { Spec } from '../spec/types.ts';
import { hasOwnDev } from './devices.ts';
import type { InitContext } from './init/context.ts';
import { isDevice, typeOf } from './inode.ts';
import { attach, cloneMount } from './mounts/attach.ts';
import { createOrFind, makeFolder, openInRoot, tryOpenInRoot } from './paths.ts';
import * as sys from './sys/index.ts';

export interface ConsoleStep {
  readonly kind: 'bind-console' | 'reopen-null';
}

export type ConsoleContext = Pick<InitContext, 'warn' | 'rootfs' | 'consoleSlave'>;

/** After pivot_root(2) and after the terminal is opened. */
export const planConsole = (spec: Spec): ConsoleStep[] =>
  spec.process?.terminal === true ? [{ kind: 'bind-console' }] : [];

/** After pivot_root(2), without a terminal: standard streams that are the host's /dev/null become the container's. */
export const planReopenNull = (spec: Spec): ConsoleStep[] =>
  spec.process?.terminal !== true && hasOwnDev(spec) ? [{ kind: 'reopen-null' }] : [];

/** CVE-2025-52565: what becomes /dev/console is a pty of a devpts, whatever names say. Majors 136 to 143: Unix98 slaves. */
function checkTerminal(slave: number): void {
  const { mode, rdev } = sys.fstat(slave);
  const isPty = (mode & sys.S_IFMT) === sys.S_IFCHR && sys.major(rdev) >= 136 && sys.major(rdev) <= 143;
  if (!isPty || sys.fileSystemType(slave) !== sys.DEVPTS_SUPER_MAGIC) {
    throw new TsociError('ERR_CONSOLE', 'the terminal is not a pseudo-terminal of a devpts file system');
  }
}

/** CVE-2026-88264: the file is new, or an existing one that is no link. */
function openConsoleFile(dev: number): number {
  const mask = sys.umask(0);
  createOrFind(dev, 'console', 0o666);
  sys.umask(mask);
  const fd = sys.openat(dev, 'console', sys.O_PATH | sys.O_NOFOLLOW | sys.O_CLOEXEC);
  if (typeOf(fd) !== sys.S_IFLNK) return fd;
  sys.close(fd);
  throw new TsociError('ERR_CONSOLE', '/dev/console is a link');
}

function bindConsole(ctx: ConsoleContext): void {
  checkTerminal(ctx.consoleSlave);
  sys.withFd(makeFolder(ctx.rootfs, '/dev'), (dev) =>
    sys.withFd(openConsoleFile(dev), (target) =>
      sys.withFd(cloneMount(ctx.consoleSlave, false), (mount) => attach(mount, target)),
    ),
  );
}

const isNull = (fd: number): boolean => isDevice(fd, sys.S_IFCHR, 1, 3);

/** A stream that the caller left closed is not the null device either. */
function isNullStream(fd: number): boolean {
  try {
    return isNull(fd);
  } catch (error) {
    if (sys.isErrno(error, sys.E.EBADF)) return false;
    throw error;
  }
}

/** SAFETY: O_NONBLOCK, since a FIFO may have taken the place just now. Undefined where devices may not be opened there. */
function tryOpenDevice(rootfs: number, path: string): number | undefined {
  try {
    return openInRoot(rootfs, path, sys.O_RDWR | sys.O_NOCTTY | sys.O_NONBLOCK | sys.O_NOFOLLOW);
  } catch (error) {
    if (sys.isErrno(error, sys.E.EACCES) || sys.isErrno(error, sys.E.EPERM)) return undefined;
    throw error;
  }
}

/** CVE-2026-88265: only a verified device is opened, only a verified one becomes a stream, and nothing is chowned. */
function openOwnNull(rootfs: number): number | undefined {
  const path = tryOpenInRoot(rootfs, '/dev/null', sys.O_PATH | sys.O_NOFOLLOW);
  if (path === undefined) return undefined;
  if (!sys.withFd(path, () => isNull(path))) return undefined;
  const fd = tryOpenDevice(rootfs, '/dev/null');
  if (fd === undefined) return undefined;
  if (isNull(fd)) {
    sys.fcntl(fd, sys.F_SETFL, sys.O_RDWR);
    return fd;
  }
  sys.close(fd);
  return undefined;
}

function reopenNull(ctx: ConsoleContext): void {
  const streams = [0, 1, 2].filter(isNullStream);
  if (streams.length === 0) return;
  const own = openOwnNull(ctx.rootfs);
  if (own === undefined) {
    ctx.warn('/dev/null of the container is not the null device, or cannot be opened: streams are left as they are');
    return;
  }
  sys.withFd(own, () => {
    for (const stream of streams) sys.dup3(own, stream, 0);
  });
}

export function runConsole(step: ConsoleStep, ctx: ConsoleContext): void {
  if (step.kind === 'bind-console') bindConsole(ctx);
  else reopenNull(ctx);
}

export const describeConsole = (step: ConsoleStep): string =>
  step.kind === 'bind-console' ? 'binding the terminal to /dev/console' : "opening the container's /dev/null anew";
