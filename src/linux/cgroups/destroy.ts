// Removing a container's cgroups, by the recorded directories alone.

import { TsociError } from '../../errors.ts';
import * as sys from '../sys/index.ts';
import { childrenOf } from './members.ts';
import type { CgroupPaths } from './steps.ts';

/** Milliseconds that the cgroups together may take to be empty after their last process was killed. */
const REMOVE_TIMEOUT = 5000;

/**
 * Removes the container's cgroups and those that it made in them, but none of `existing` (runtime.md, "Delete").
 * One that cannot be removed does not keep it from the others: they are told together (ERR_CGROUP).
 */
export function destroyCgroup(paths: CgroupPaths, existing: readonly string[]): void {
  const deadline = sys.monotonicMillis() + REMOVE_TIMEOUT;
  const failures: string[] = [];
  for (const dir of Object.values(paths)) {
    if (existing.includes(dir)) continue;
    try {
      removeCgroup(dir, deadline);
    } catch (error) {
      if (!(error instanceof TsociError)) throw error;
      failures.push(error.message);
    }
  }
  if (failures.length > 0) {
    throw new TsociError('ERR_CGROUP', `removing the container's cgroups: ${failures.join('; ')}`);
  }
}

function removeCgroup(dir: string, deadline: number): void {
  // KERNEL: a killed process leaves its cgroup when it has ended, which v1 tells nobody: ask again, ever more seldom.
  for (let pause = 1; ; pause *= 2) {
    try {
      sys.unlinkat(sys.AT_FDCWD, dir, sys.AT_REMOVEDIR);
      return;
    } catch (error) {
      if (sys.isErrno(error, sys.E.ENOENT)) return;
      if (!sys.isErrno(error, sys.E.EBUSY)) throw error;
      const left = deadline - sys.monotonicMillis();
      if (left <= 0) throw error;
      const children = childrenOf(dir);
      if (children.length === 0) sys.poll([], Math.min(pause, left));
      for (const child of children) removeCgroup(child, deadline);
    }
  }
}
