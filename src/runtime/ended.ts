// Why a container has ended, as far as anybody can know who is not its parent: a zombie tells its status, a pidfd that of a
// process that was reaped, the cgroup whether memory ran out.

import { type OomReport, oomReport } from '../linux/cgroups/oom.ts';
import * as sys from '../linux/sys/index.ts';
import { exitCodeOfZombie } from './process.ts';
import type { ContainerRecord } from './record.ts';

export interface Ended {
  /** The program's, or 128 + signal. */
  readonly exitStatus?: number;
  readonly oom?: OomReport;
}

/** `pidfd`: of the container's first process, where it has been held since before its end; else -1. */
export function endOf(record: ContainerRecord, pidfd: number): Ended | undefined {
  const word =
    record.init === undefined
      ? undefined
      : (exitCodeOfZombie(record.init) ?? (pidfd < 0 ? undefined : sys.exitCodeByPidfd(pidfd)));
  const exitStatus = word === undefined ? record.exitStatus : sys.exitStatusOf(word);
  const oom = oomReport(record.cgroupPaths);
  if (exitStatus === undefined && oom === undefined) return undefined;
  return { ...(exitStatus === undefined ? {} : { exitStatus }), ...(oom === undefined ? {} : { oom }) };
}
