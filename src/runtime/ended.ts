// Why a container has ended, as far as anybody can know who is not its parent: a zombie tells its status, a pidfd that of a
// process that was reaped, the cgroup whether memory ran out.

import { type OomReport, oomReport } from '../linux/cgroups/oom.ts';
import { oomReportOfLog } from '../linux/cgroups/oom-log.ts';
import * as sys from '../linux/sys/index.ts';
import { exitCodeOfZombie } from './process.ts';
import { type ContainerRecord, readOom, writeOom } from './record.ts';

export interface Ended {
  /** The program's, or 128 + signal. */
  readonly exitStatus?: number;
  readonly oom?: OomReport;
}

/**
 * OOM kills so far. systemd removes the cgroup with its last process: then it is what was seen before, or what the kernel's
 * log says; kept until the container is deleted.
 */
export function oomOf(root: string, record: ContainerRecord): OomReport | undefined {
  const { id, cgroupPaths, since } = record;
  const seen = oomReport(cgroupPaths);
  if (since === undefined) return seen;
  // The cgroup may go while it is read: what is missing then is told elsewhere.
  const isWhole = seen?.peak !== undefined;
  const kept = isWhole ? undefined : readOom(root, id);
  if (seen === undefined && kept !== undefined) return kept;
  const told = isWhole ? undefined : (kept ?? oomReportOfLog(cgroupPaths, since));
  const kills = seen?.kills ?? told?.kills;
  if (kills === undefined) return undefined;
  const report = { ...told, ...seen, kills };
  writeOom(root, id, report);
  return report;
}

/** `pidfd`: of the container's first process, where it has been held since before its end; else -1. */
export function endOf(root: string, record: ContainerRecord, pidfd: number): Ended | undefined {
  const word =
    record.init === undefined
      ? undefined
      : (exitCodeOfZombie(record.init) ?? (pidfd < 0 ? undefined : sys.exitCodeByPidfd(pidfd)));
  const exitStatus = word === undefined ? record.exitStatus : sys.exitStatusOf(word);
  const oom = oomOf(root, record);
  if (exitStatus === undefined && oom === undefined) return undefined;
  return { ...(exitStatus === undefined ? {} : { exitStatus }), ...(oom === undefined ? {} : { oom }) };
}
