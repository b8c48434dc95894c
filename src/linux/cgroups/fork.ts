// Making a process in a cgroup of v2.

import * as sys from '../sys/index.ts';

export interface ForkedInto {
  /** 0 in the child. */
  readonly pid: number;
  /** It is in the cgroup already. */
  readonly isInside: boolean;
}

/**
 * fork(2) into the cgroup `dir`, where the kernel lets us. KERNEL(5.7): a process that is born in its cgroup needs not be
 * moved there, for which the kernel waits until all processors have seen it.
 */
export function forkIntoCgroup(flags: number, dir: string | undefined): ForkedInto {
  const fd = dir === undefined ? -1 : openCgroup(dir);
  if (fd < 0) return { pid: sys.fork(flags), isInside: false };
  return sys.withFd(fd, () => {
    try {
      return { pid: sys.fork(flags, fd), isInside: true };
    } catch (error) {
      if (!(error instanceof sys.SyscallError)) throw error;
      return { pid: sys.fork(flags), isInside: false };
    }
  });
}

function openCgroup(dir: string): number {
  try {
    return sys.openFolder(dir);
  } catch (error) {
    if (error instanceof sys.SyscallError) return -1;
    throw error;
  }
}
