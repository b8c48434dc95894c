// The freezer of a container's cgroups, by the recorded directories alone.

import * as sys from '../sys/index.ts';
import type { CgroupPaths } from './steps.ts';

/** A file's text; none when it cannot be read. */
export function textOf(path: string): string | undefined {
  try {
    return sys.readText(path);
  } catch (error) {
    if (error instanceof sys.SyscallError) return undefined;
    throw error;
  }
}
/** Of a v1 freezer cgroup, or a v2 cgroup. */
export function freezerStateOf(dir: string): 'frozen' | 'thawed' {
  const legacy = textOf(`${dir}/freezer.state`);
  if (legacy !== undefined) return legacy.startsWith('THAWED') ? 'thawed' : 'frozen';
  return textOf(`${dir}/cgroup.freeze`)?.startsWith('1') === true ? 'frozen' : 'thawed';
}

export function freezerState(paths: CgroupPaths): 'frozen' | 'thawed' {
  const dir = paths['freezer'] ?? paths['unified'];
  return dir === undefined ? 'thawed' : freezerStateOf(dir);
}

export function thaw(paths: CgroupPaths): void {
  if (freezerState(paths) === 'thawed') return;
  const legacy = paths['freezer'];
  if (legacy !== undefined) sys.writeText(`${legacy}/freezer.state`, 'THAWED');
  else sys.writeText(`${paths['unified']}/cgroup.freeze`, '0');
}
