// One more process joins the container's cgroups.

import { TsociError } from '../../errors.ts';
import { parseCgroups } from '../cgroups/host.ts';
import { runCgroupStep } from '../cgroups/run.ts';
import * as sys from '../sys/index.ts';

/**
 * Puts `pid` into each of `dirs`; with `optional` those that we may not join are left out. KERNEL: a v2 cgroup that gives
 * controllers to others takes no processes: then it is the one that `init` has gone to, where that is given. Throws ERR_CGROUP.
 */
export function joinCgroups(dirs: readonly string[], pid: number, init: number | undefined, optional: boolean): void {
  for (const dir of dirs) {
    try {
      runCgroupStep({ kind: 'cgroup-join', dir, optional }, pid, []);
    } catch (error) {
      if (!(error instanceof sys.SyscallError)) throw error;
      const own = init !== undefined && error.errno === sys.E.EBUSY ? unifiedOf(init) : undefined;
      if (own === undefined || own === dir) throw told(error, dir, pid);
      runCgroupStep({ kind: 'cgroup-join', dir: own, optional }, pid, []);
    }
  }
}

/** COMPAT: runc's words. */
const told = (error: sys.SyscallError, dir: string, pid: number): TsociError =>
  new TsociError('ERR_CGROUP', `error adding pid ${pid} to cgroups: ${dir}/cgroup.procs: ${error.reason}`, {
    errno: error.errno,
    cause: error,
  });

/** The v2 cgroup of a process, as a directory. */
function unifiedOf(pid: number): string | undefined {
  const host = parseCgroups(sys.readText('/proc/self/mountinfo'), sys.readText(`/proc/${pid}/cgroup`));
  const unified = host.hierarchies.find(({ version }) => version === 2);
  return unified === undefined ? undefined : `${unified.mountPoint}${unified.own}`;
}
