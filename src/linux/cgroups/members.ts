// The processes in a container's cgroups, by the recorded directories alone.

import * as sys from '../sys/index.ts';
import type { CgroupPaths } from './steps.ts';

/** SAFETY: v2 shows a process of which our pid namespace knows nothing as 0, and a signal to 0 is one to ourselves. */
const pidsIn = (text: string): number[] =>
  text
    .split('\n')
    .map(Number)
    .filter((pid) => pid > 0);

export const childrenOf = (dir: string): string[] =>
  sys
    .listDir(dir)
    .map((name) => `${dir}/${name}`)
    .filter((path) => sys.isDirectory(path));

/** KERNEL: a threaded cgroup (cgroups(7)) tells no processes; any thread stands for its process. */
function membersOf(dir: string): number[] {
  try {
    return pidsIn(sys.readText(`${dir}/cgroup.procs`));
  } catch (error) {
    if (!sys.isErrno(error, sys.E.EOPNOTSUPP)) throw error;
    return pidsIn(sys.readText(`${dir}/cgroup.threads`));
  }
}

/** Processes in the cgroup and below it; none where it is not there. */
export function pidsBelow(dir: string): number[] {
  try {
    const own = membersOf(dir);
    return [...own, ...childrenOf(dir).flatMap(pidsBelow)];
  } catch (error) {
    if (sys.isErrno(error, sys.E.ENOENT, sys.E.ENODEV)) return [];
    throw error;
  }
}

/**
 * Processes in the cgroups and below them, by the first hierarchy that has any: without privileges not every hierarchy
 * has a cgroup of the container's.
 */
export function pidsOf(paths: CgroupPaths): number[] {
  const first = ['unified', 'freezer', 'devices'];
  const keys = [...first, ...Object.keys(paths).filter((key) => !first.includes(key))];
  for (const key of keys) {
    const dir = paths[key];
    const pids = dir === undefined ? [] : pidsBelow(dir);
    if (pids.length > 0) return pids;
  }
  return [];
}
