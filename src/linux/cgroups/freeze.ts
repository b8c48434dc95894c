// Freezing a container's cgroups, and waiting until every process in them stands still.

import { TsociError } from '../../errors.ts';
import * as sys from '../sys/index.ts';
import { thaw } from './freezer.ts';
import type { CgroupPaths } from './steps.ts';

/** Milliseconds that the processes may take to stand still: one in an uninterruptible sleep takes its time. */
const FREEZE_TIMEOUT = 10_000;

/** On return all processes stand still. Throws ERR_CGROUP, and lets them go on, where some do not. */
export function freeze(paths: CgroupPaths): void {
  const legacy = paths['freezer'];
  const unified = paths['unified'];
  if (legacy === undefined && unified === undefined) {
    throw new TsociError('ERR_CGROUP', 'the container has no cgroup with a freezer');
  }
  try {
    if (legacy !== undefined) freezeLegacy(legacy);
    else freezeUnified(unified as string);
  } catch (error) {
    thaw(paths);
    throw error;
  }
}

const timedOut = (dir: string): TsociError =>
  new TsociError('ERR_CGROUP', `unable to freeze ${dir}: processes still run after ${FREEZE_TIMEOUT / 1000} s`);

/** KERNEL: v1 tells nobody when FREEZING has become FROZEN; a process that is forked meanwhile is caught by reading. */
function freezeLegacy(dir: string): void {
  sys.writeText(`${dir}/freezer.state`, 'FROZEN');
  for (let waited = 0, pause = 1; sys.readText(`${dir}/freezer.state`) !== 'FROZEN\n'; waited += pause, pause *= 2) {
    if (waited > FREEZE_TIMEOUT) throw timedOut(dir);
    sys.poll([], pause);
    sys.writeText(`${dir}/freezer.state`, 'FROZEN');
  }
}

function freezeUnified(dir: string): void {
  const file = `${dir}/cgroup.events`;
  const deadline = sys.monotonicMillis() + FREEZE_TIMEOUT;
  sys.withFd(sys.watchFile(file), (watch) => {
    sys.writeText(`${dir}/cgroup.freeze`, '1');
    while (!sys.readText(file).includes('frozen 1')) {
      const left = deadline - sys.monotonicMillis();
      if (left <= 0) throw timedOut(dir);
      if (sys.poll([watch], left).length > 0) sys.read(watch, new Uint8Array(4096));
    }
  });
}
