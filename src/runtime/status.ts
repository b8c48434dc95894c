// runtime.md, "State" and "Lifecycle": the status of a container, and what may be done in each.

import { freezerState } from '../linux/cgroups/freezer.ts';
import * as sys from '../linux/sys/index.ts';
import type { State } from '../spec/types.ts';
import { OCI_VERSION } from '../spec/versions.ts';
import { isAlive } from './process.ts';
import { type ContainerRecord, startSocketOf } from './record.ts';

export type Status = State['status'];

/** Asks the kernel; nothing but the record and the start socket is kept by us. */
export function statusOf(root: string, record: ContainerRecord): Status {
  if (record.init === undefined) return isAlive(record.creator) ? 'creating' : 'stopped';
  if (!isAlive(record.init)) return 'stopped';
  if (freezerState(record.cgroupPaths) === 'frozen') return 'paused';
  return sys.exists(startSocketOf(root, record.id)) ? 'created' : 'running';
}

/** The state of runtime.md, as hooks and seccomp agents get it. */
export function stateOf(record: ContainerRecord, status: Status, pid: number): State {
  return {
    ociVersion: OCI_VERSION,
    id: record.id,
    status,
    pid,
    bundle: record.bundle,
    ...(record.annotations === undefined ? {} : { annotations: record.annotations }),
  };
}
