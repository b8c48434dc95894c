// One more process joins the container's cgroups.

import { parseCgroups } from '../cgroups/host.ts';
import { runCgroupStep } from '../cgroups/run.ts';
import * as sys from '../sys/index.ts';

export interface ForkedInto {
  /** 0 in the child. */
  readonly pid: number;
  /** It is in the cgroup already. */
  readonly isInside: boolean;
}

/** fork(2); where there is one cgroup to join, as on a v2 host, right into it if the kernel lets us. */
export function forkIntoCgroup(dirs: readonly string[]): ForkedInto {
  const fd = dirs.length === 1 ? openCgroup(dirs[0] as string) : -1;
  if (fd < 0) return { pid: sys.fork(), isInside: false };
  return sys.withFd(fd, () => {
    try {
      return { pid: sys.fork(0, fd), isInside: true };
    } catch (error) {
      if (!(error instanceof sys.SyscallError)) throw error;
      return { pid: sys.fork(), isInside: false };
    }
  });
}

function openCgroup(dir: string): number {
  try {
    return sys.openat(sys.AT_FDCWD, dir, sys.O_PATH | sys.O_DIRECTORY | sys.O_CLOEXEC);
  } catch (error) {
    if (error instanceof sys.SyscallError) return -1;
    throw error;
  }
}

/**
 * Puts `pid` into each of `dirs`; with `optional` those that we may not join are left out. KERNEL: a v2 cgroup that gives
 * controllers to others takes no processes: then it is the one that `init` has gone to.
 */
export function joinCgroups(dirs: readonly string[], pid: number, init: number, optional: boolean): void {
  for (const dir of dirs) {
    try {
      runCgroupStep({ kind: 'cgroup-join', dir, optional }, pid, []);
    } catch (error) {
      const own = sys.isErrno(error, sys.E.EBUSY) ? unifiedOf(init) : undefined;
      if (own === undefined || own === dir) throw error;
      runCgroupStep({ kind: 'cgroup-join', dir: own, optional }, pid, []);
    }
  }
}

/** The v2 cgroup of a process, as a directory. */
function unifiedOf(pid: number): string | undefined {
  const host = parseCgroups(sys.readText('/proc/self/mountinfo'), sys.readText(`/proc/${pid}/cgroup`));
  const unified = host.hierarchies.find(({ version }) => version === 2);
  return unified === undefined ? undefined : `${unified.mountPoint}${unified.own}`;
}
