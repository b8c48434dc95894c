// `events`: what a container uses, every now and then; when memory has run out; and its end.

import { TsociError } from '../errors.ts';
import { type OomReport, oomReport, watchOom } from '../linux/cgroups/oom.ts';
import { statsOf } from '../linux/cgroups/stats/index.ts';
import * as sys from '../linux/sys/index.ts';
import { type Ended, endOf, oomOf } from './ended.ts';
import { isAlive, type ProcessIdentity } from './process.ts';
import { type ContainerRecord, readRecord } from './record.ts';
import { statusOf } from './status.ts';

export type ContainerEvent =
  | { readonly type: 'stats'; readonly id: string; readonly data: ReturnType<typeof statsOf> }
  /** COMPAT: as bare as runc's: limit and peak are in the data of `exit`. */
  | { readonly type: 'oom'; readonly id: string }
  | { readonly type: 'exit'; readonly id: string; readonly data: Ended };

function runningRecord(root: string, id: string): ContainerRecord {
  const record = readRecord(root, id);
  const status = statusOf(root, record);
  if (status !== 'stopped' && status !== 'creating') return record;
  throw new TsociError('ERR_CONTAINER_STATUS', `container with id ${id} is not running`);
}

const statsEvent = ({ id, cgroupPaths }: ContainerRecord): ContainerEvent => ({
  type: 'stats',
  id,
  data: statsOf(cgroupPaths),
});

/** One event of type `stats`. Throws ERR_CONTAINER_STATUS for a container that has ended. */
export const statsOfContainer = (root: string, id: string): ContainerEvent => statsEvent(runningRecord(root, id));

/** Tells events until the container's end; `interval` is in ms. */
export function streamEvents(root: string, id: string, interval: number, tell: (event: ContainerEvent) => void): void {
  const record = runningRecord(root, id);
  const pidfd = sys.pidfd_open((record.init as ProcessIdentity).pid, 0);
  const oom = watchOom(record.cgroupPaths);
  const watched = [pidfd, ...(oom === undefined ? [] : [oom])];
  let kills = killsIn(oomReport(record.cgroupPaths));
  const compare = (report: OomReport | undefined): void => {
    const now = killsIn(report);
    if (now <= kills) return; // none where the cgroup is gone
    kills = now;
    tell({ type: 'oom', id });
  };
  // SAFETY: a pid that is used again is another process: looked at after it is held.
  for (let isOver = !isAlive(record.init as ProcessIdentity); !isOver; ) {
    const ready = sys.poll(watched, interval);
    isOver = ready.includes(pidfd);
    if (oom !== undefined && ready.includes(oom)) sys.read(oom, new Uint8Array(4096));
    compare(oomReport(record.cgroupPaths) === undefined ? undefined : oomOf(root, record));
    if (ready.length === 0) tell(statsEvent(record));
  }
  const ended = endOf(root, record, pidfd) ?? {};
  compare(ended.oom);
  tell({ type: 'exit', id, data: ended });
}

const killsIn = (report: OomReport | undefined): bigint => BigInt(report?.kills ?? 0);
