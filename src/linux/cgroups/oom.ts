// Processes that the kernel has killed because the container's memory was used up: as long as the cgroup is there, it knows.

import * as sys from '../sys/index.ts';
import { type Count, MAX_UINT64, readCount, readTable } from './stats/read.ts';
import type { CgroupPaths } from './steps.ts';

export interface OomReport {
  /** Processes killed, at least one. */
  readonly kills: Count;
  /** Bytes; absent without a limit. */
  readonly limit?: Count;
  /** Bytes; absent where the kernel does not keep it. */
  readonly peak?: Count;
}

/** KERNEL: "no limit" is the largest multiple of a page in v1, and in the log. */
export const isUnlimited = (limit: Count): boolean => BigInt(limit) === MAX_UINT64 || BigInt(limit) >= 1n << 62n;

function report(kills: Count | undefined, limit: Count | undefined, peak: Count | undefined): OomReport | undefined {
  if (kills === undefined || BigInt(kills) === 0n) return undefined;
  return {
    kills,
    ...(limit === undefined || isUnlimited(limit) ? {} : { limit }),
    ...(peak === undefined ? {} : { peak }),
  };
}

/** None when nothing was killed, or the cgroup is gone. */
export function oomReport(paths: CgroupPaths): OomReport | undefined {
  const { memory, unified } = paths;
  if (memory !== undefined) {
    const kills = readTable(`${memory}/memory.oom_control`)?.['oom_kill'];
    return report(
      kills,
      readCount(`${memory}/memory.limit_in_bytes`),
      readCount(`${memory}/memory.max_usage_in_bytes`),
    );
  }
  const kills = readTable(`${unified}/memory.events`)?.['oom_kill'];
  return report(kills, readCount(`${unified}/memory.max`), readCount(`${unified}/memory.peak`));
}

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];

/** For people: 4 MiB. */
function sizeText(bytes: Count): string {
  let size = Number(bytes);
  let unit = 0;
  for (; size >= 1024 && unit < UNITS.length - 1; unit++) size /= 1024;
  return `${Math.round(size * 10) / 10} ${UNITS[unit]}`;
}

/** `memory limit 4 MiB, peak 4 MiB`. */
export function describeOom({ limit, peak }: OomReport): string {
  const parts = [
    limit === undefined ? 'no memory limit of its own' : `memory limit ${sizeText(limit)}`,
    ...(peak === undefined ? [] : [`peak ${sizeText(peak)}`]),
  ];
  return parts.join(', ');
}

/**
 * A descriptor that can be read when the kernel may have killed something. Undefined where no memory cgroup is there.
 * v1: eventfd(2) bound to memory.oom_control; v2: inotify(7) of memory.events.
 */
export function watchOom({ memory, unified }: CgroupPaths): number | undefined {
  if (memory !== undefined && sys.exists(`${memory}/memory.oom_control`)) return watchLegacy(memory);
  const file = `${unified}/memory.events`;
  return unified !== undefined && sys.exists(file) ? sys.watchFile(file) : undefined;
}

function watchLegacy(dir: string): number {
  const event = sys.eventfd2(0, sys.EFD_CLOEXEC | sys.EFD_NONBLOCK);
  const control = sys.openat(sys.AT_FDCWD, `${dir}/memory.oom_control`, sys.O_RDONLY | sys.O_CLOEXEC);
  return sys.withFd(control, () => {
    sys.writeText(`${dir}/cgroup.event_control`, `${event} ${control}`);
    return event;
  });
}
