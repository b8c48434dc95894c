// Controllers of cgroup v2: each cgroup gives its own to those below (cgroups(7), "cgroup.subtree_control").

import { TsociError } from '../../errors.ts';
import * as sys from '../sys/index.ts';
import type { EnableStep, NeededController } from './steps.ts';

const namesIn = (path: string): string[] =>
  sys
    .readText(path)
    .split(/\s+/)
    .filter((name) => name !== '');

/** All at once, as it nearly always goes; else one by one: one that cannot be had must not keep us from the others. */
function enableIn(dir: string): void {
  const enabled = namesIn(`${dir}/cgroup.subtree_control`);
  const missing = namesIn(`${dir}/cgroup.controllers`).filter((name) => !enabled.includes(name));
  if (missing.length === 0 || enable(dir, missing) || missing.length === 1) return;
  for (const name of missing) enable(dir, [name]);
}

/** Whether it worked. What did not is told by the controller's absence below, if anything needs it. */
function enable(dir: string, names: readonly string[]): boolean {
  try {
    sys.writeText(`${dir}/cgroup.subtree_control`, names.map((name) => `+${name}`).join(' '));
    return true;
  } catch (error) {
    if (error instanceof sys.SyscallError) return false;
    throw error;
  }
}

/** The first of `needed` that the cgroup `dir` does not have. */
function missingController(dir: string, needed: readonly NeededController[]): NeededController | undefined {
  if (needed.length === 0) return undefined;
  const available = namesIn(`${dir}/cgroup.controllers`);
  return needed.find(({ name }) => !available.includes(name));
}

/** Enables in every ancestor the controllers that it has to give. Throws ERR_CGROUP for a needed one that does not arrive. */
export function enableControllers({ dir, mountPoint, needed }: EnableStep): void {
  let at = mountPoint;
  for (const part of dir.slice(mountPoint.length + 1).split('/')) {
    enableIn(at);
    at = `${at}/${part}`;
  }
  const missing = missingController(dir, needed);
  if (missing === undefined) return;
  const { name, pointer } = missing;
  throw new TsociError('ERR_CGROUP', `${pointer}: controller "${name}" is not available in ${dir}`, {
    pointer,
    hint: `it is in no cgroup.controllers, or a cgroup above has processes of its own and cannot give it`,
  });
}

/** The same for a cgroup that is there already, in which mostly all are enabled. */
export function enableMissing(step: EnableStep): void {
  if (missingController(step.dir, step.needed) !== undefined) enableControllers(step);
}
