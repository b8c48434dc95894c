// OOM kills as the kernel's log tells them: all that is left where systemd has removed the cgroup with its last process.

import * as sys from '../sys/index.ts';
import { probeCgroups } from './host.ts';
import { isUnlimited, type OomReport } from './oom.ts';
import { type Count, countOf } from './stats/read.ts';
import type { CgroupPaths } from './steps.ts';

const LOG = '/dev/kmsg';
/** KERNEL: PRINTK_MESSAGE_MAX and more; a record is read as a whole or not at all. */
const RECORD = 8192;

export interface LogLine {
  /** Milliseconds since boot, by the log's own clock. */
  readonly time: number;
  readonly text: string;
}

/** `priority,sequence,microseconds,flags;text`; none for what is not the kernel's own (facility 0). */
export function parseLogRecord(record: string): LogLine | undefined {
  const [, priority, micros, text = ''] = /^(\d+),\d+,(\d+),[^;]*;(.*)/.exec(record) ?? [];
  return priority === undefined || Number(priority) > 7 ? undefined : { time: Number(micros) / 1000, text };
}

const between = (text: string, begin: string, end: string): string | undefined => {
  const start = text.indexOf(begin);
  const stop = text.indexOf(end, start);
  return start < 0 || stop < 0 ? undefined : text.slice(start + begin.length, stop);
};

const bytes = (kibibytes: string): Count => countOf(String(BigInt(kibibytes) * 1024n));

/** Usage and limit of the cgroup that is told of next. */
function usageIn(text: string): Pick<OomReport, 'limit' | 'peak'> | undefined {
  const [, usage, limit] = /^memory: usage (\d+)kB, limit (\d+)kB/.exec(text) ?? [];
  if (usage === undefined || limit === undefined) return undefined;
  return { ...(isUnlimited(bytes(limit)) ? {} : { limit: bytes(limit) }), peak: bytes(usage) };
}

/**
 * What is told of the cgroup `path` (below its mount point) since `since` (ms). Pure. The kernel tells of ten kills in five
 * seconds, so there may have been more; what it tells of usage and limit counts where the limit was this cgroup's own.
 */
export function oomReportIn(lines: readonly LogLine[], path: string, since: number): OomReport | undefined {
  let usage: Pick<OomReport, 'limit' | 'peak'> | undefined;
  let report: OomReport | undefined;
  for (const { time, text } of lines) {
    usage = usageIn(text) ?? usage;
    if (!text.startsWith('oom-kill:')) continue;
    const victim = between(text, ',task_memcg=', ',task=');
    if (time >= since && victim !== undefined && `${victim}/`.startsWith(`${path}/`)) {
      const isOwn = between(text, ',oom_memcg=', ',task_memcg=') === path;
      report = { ...report, ...(isOwn ? usage : {}), kills: Number(report?.kills ?? 0) + 1 };
    }
    usage = undefined;
  }
  return report;
}

/** Undefined at the end; an empty text for what was overwritten meanwhile. */
function nextRecord(log: number, buffer: Uint8Array): string | undefined {
  try {
    const length = sys.read(log, buffer);
    // Somebody may have put /dev/null in its place.
    return length === 0 ? undefined : sys.door().decode(buffer.subarray(0, length));
  } catch (error) {
    if (sys.isErrno(error, sys.E.EPIPE)) return '';
    if (error instanceof sys.SyscallError) return undefined;
    throw error;
  }
}

/** None without the permission for it (CAP_SYSLOG, where kernel.dmesg_restrict is set). */
function readLog(): LogLine[] {
  const lines: LogLine[] = [];
  try {
    const log = sys.openat(sys.AT_FDCWD, LOG, sys.O_RDONLY | sys.O_NONBLOCK | sys.O_CLOEXEC);
    sys.withFd(log, () => {
      const buffer = new Uint8Array(RECORD);
      for (let text = nextRecord(log, buffer); text !== undefined; text = nextRecord(log, buffer)) {
        const line = parseLogRecord(text);
        if (line !== undefined) lines.push(line);
      }
    });
  } catch (error) {
    if (!(error instanceof sys.SyscallError)) throw error;
  }
  return lines;
}

/** As the hierarchy itself knows it: `/system.slice/a.scope`. */
function pathIn(dir: string): string | undefined {
  const mount = probeCgroups().hierarchies.find(({ mountPoint }) => dir.startsWith(`${mountPoint}/`));
  return mount === undefined ? undefined : dir.slice(mount.mountPoint.length);
}

/** KERNEL: the log's clock is not corrected as CLOCK_MONOTONIC is. Parts of the time since boot; in doubt it is told. */
const DRIFT = 1 / 10_000;
const RESOLUTION = 100;

/** `since`: ms of CLOCK_MONOTONIC before the container had a process. None where its cgroup is still there. */
export function oomReportOfLog({ memory, unified }: CgroupPaths, since: number): OomReport | undefined {
  const dir = memory ?? unified;
  const path = dir === undefined || sys.exists(dir) ? undefined : pathIn(dir);
  return path === undefined ? undefined : oomReportIn(readLog(), path, since - RESOLUTION - since * DRIFT);
}
