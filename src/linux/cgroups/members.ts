// The processes in a container's cgroups, by the recorded directories alone.

import * as sys from '../sys/index.ts';
import type { CgroupPaths } from './steps.ts';

const numbersIn = (text: string): number[] =>
  text
    .split('\n')
    .filter((line) => line !== '')
    .map(Number);

export const childrenOf = (dir: string): string[] =>
  sys
    .listDir(dir)
    .map((name) => `${dir}/${name}`)
    .filter((path) => sys.isDirectory(path));

/** KERNEL: a threaded cgroup (cgroups(7)) tells no processes; any thread stands for its process. */
function membersOf(dir: string): number[] {
  try {
    return numbersIn(sys.readText(`${dir}/cgroup.procs`));
  } catch (error) {
    if (!sys.isErrno(error, sys.E.EOPNOTSUPP)) throw error;
    return numbersIn(sys.readText(`${dir}/cgroup.threads`));
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

/** KERNEL(5.14): cgroup.kill ends the whole tree at once, also what forks meanwhile. */
function killTree(dir: string | undefined): void {
  if (dir === undefined) return;
  try {
    sys.writeText(`${dir}/cgroup.kill`, '1');
  } catch (error) {
    // Not there, or none of ours: one by one then.
    if (!(error instanceof sys.SyscallError)) throw error;
  }
}

/** Signals every process in the cgroup until the list no longer grows. */
export function killAll(paths: CgroupPaths, signal: number): void {
  if (signal === sys.SIGKILL) killTree(paths['unified']);
  const signalled = new Set<number>();
  for (;;) {
    const pids = pidsOf(paths).filter((pid) => !signalled.has(pid));
    if (pids.length === 0) return;
    for (const pid of pids) {
      signalled.add(pid);
      sys.killQuietly(pid, signal);
    }
  }
}
