// The states of all containers below a root, or of one: runc's own object, which is the specification's state and more.

import * as sys from '../linux/sys/index.ts';
import { OCI_VERSION } from '../spec/versions.ts';
import { type Ended, endOf } from './ended.ts';
import type { ContainerRecord } from './record.ts';
import { directoryOf, listIds, readRecord } from './record.ts';
import { type Status, statusOf } from './status.ts';

export interface ContainerView {
  readonly ociVersion: string;
  readonly id: string;
  /** 0 when stopped. */
  readonly pid: number;
  readonly status: Status;
  readonly bundle: string;
  readonly rootfs: string;
  readonly created: string;
  readonly annotations?: Readonly<Record<string, string>>;
  /** uid. */
  readonly owner: number;
  /** Why it has ended, where that can be known. */
  readonly ended?: Ended;
}

function viewOf(root: string, record: ContainerRecord): ContainerView {
  const status = statusOf(root, record);
  return {
    ociVersion: OCI_VERSION,
    id: record.id,
    pid: status === 'stopped' ? 0 : (record.init?.pid ?? 0),
    status,
    bundle: record.bundle,
    rootfs: record.rootfs,
    created: record.created,
    ...(record.annotations === undefined ? {} : { annotations: record.annotations }),
    owner: record.owner,
    ...endOfStopped(root, record, status),
  };
}

function endOfStopped(root: string, record: ContainerRecord, status: Status): { ended?: Ended } {
  const ended = status === 'stopped' ? endOf(root, record, -1) : undefined;
  return ended === undefined ? {} : { ended };
}

export const viewContainer = (root: string, id: string): ContainerView => viewOf(root, readRecord(root, id));

/** What cannot be read is told to `tell` and passed over; a file that lies there is no container. */
export function listContainers(root: string, tell: (text: string) => void): ContainerView[] {
  const views: ContainerView[] = [];
  for (const id of listIds(root)) {
    try {
      views.push(viewContainer(root, id));
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      if (sys.isDirectory(directoryOf(root, id))) tell(`load container ${id}: ${error.message}`);
    }
  }
  return views;
}
