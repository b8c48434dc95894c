// A signal to every process in a container's cgroups, by the recorded directories alone.

import { TsociError } from '../../errors.ts';
import * as sys from '../sys/index.ts';
import { freeze } from './freeze.ts';
import { freezerState, thaw } from './freezer.ts';
import { pidsOf } from './members.ts';
import type { CgroupPaths } from './steps.ts';

/** KERNEL(5.14): cgroup.kill ends the whole tree at once, also what forks meanwhile. Returns whether it did. */
function killTree(dir: string | undefined): boolean {
  if (dir === undefined) return false;
  try {
    sys.writeText(`${dir}/cgroup.kill`, '1');
    return true;
  } catch (error) {
    // Not there, or none of ours: one by one then.
    if (error instanceof sys.SyscallError) return false;
    throw error;
  }
}

/** SAFETY: of processes that stand still none forks, so none escapes, and none ends, so no pid is another's meanwhile. */
function standStill(paths: CgroupPaths): void {
  try {
    freeze(paths);
  } catch (error) {
    // No freezer, none of ours, or a process that hangs in the kernel: then without.
    if (!(error instanceof TsociError)) throw error;
  }
}

/** Returns the pids of the processes that were there. A paused container stays paused, but for SIGKILL. */
export function signalAll(paths: CgroupPaths, signal: number): readonly number[] {
  const before = pidsOf(paths);
  if (before.length === 0) return before;
  const isKill = signal === sys.SIGKILL;
  const isPaused = freezerState(paths) === 'frozen';
  if (!isPaused && !(isKill && killTree(paths['unified']))) standStill(paths);
  // KERNEL: a hybrid host may have one in another hierarchy alone.
  const pids = pidsOf(paths);
  for (const pid of pids) sys.killQuietly(pid, signal);
  // KERNEL: with cgroup v1 a frozen process takes its SIGKILL only when it is thawed.
  if (isKill || !isPaused) thaw(paths);
  return isKill ? [...before, ...pids] : pids;
}
