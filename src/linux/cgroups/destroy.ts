// Removing a container's cgroups, by the recorded directories alone.

import { TsociError } from '../../errors.ts';
import * as sys from '../sys/index.ts';
import { childrenOf } from './members.ts';
import type { CgroupPaths } from './steps.ts';
import { stopUnit } from './systemd/manager.ts';
import type { UnitName } from './systemd/property.ts';

/** Milliseconds that the cgroups together may take to be empty after their last process was killed. */
const REMOVE_TIMEOUT = 5000;

/** Milliseconds that systemd may take to see by itself that a unit is empty. */
const UNIT_TIMEOUT = 1000;

/**
 * Ends the container's unit. What cannot be said to systemd is told only if a cgroup stays: it ends a unit without processes
 * by itself, but misses that where the cgroup goes before it has looked.
 */
function endUnit(unit: UnitName, dirs: readonly string[]): string[] {
  try {
    stopUnit(unit);
    return [];
  } catch (error) {
    if (!(error instanceof TsociError)) throw error;
    const deadline = sys.monotonicMillis() + UNIT_TIMEOUT;
    while (dirs.some(sys.exists) && sys.monotonicMillis() < deadline) sys.poll([], 10);
    return [error.message];
  }
}

/**
 * Removes the container's cgroups and those that it made in them, but none of `existing` (runtime.md, "Delete").
 * One that cannot be removed does not keep it from the others: they are told together (ERR_CGROUP).
 */
export function destroyCgroup(paths: CgroupPaths, existing: readonly string[], unit: UnitName | undefined): void {
  const dirs = Object.values(paths);
  const isOurs = !dirs.some((dir) => existing.includes(dir));
  const told = unit !== undefined && isOurs ? endUnit(unit, dirs) : [];
  const deadline = sys.monotonicMillis() + REMOVE_TIMEOUT;
  const failures: string[] = [];
  for (const dir of dirs) {
    if (existing.includes(dir)) continue;
    try {
      removeCgroup(dir, deadline);
    } catch (error) {
      if (!(error instanceof TsociError)) throw error;
      failures.push(error.message);
    }
  }
  if (failures.length > 0) {
    throw new TsociError('ERR_CGROUP', `removing the container's cgroups: ${[...told, ...failures].join('; ')}`);
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
