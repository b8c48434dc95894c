// `pause` and `resume`: beyond the specification, as engines know them.

import { TsociError } from '../errors.ts';
import { freeze } from '../linux/cgroups/freeze.ts';
import { thaw } from '../linux/cgroups/freezer.ts';
import { readRecord } from './record.ts';
import { statusOf } from './status.ts';

/** On return no process of the container runs. Throws ERR_CONTAINER_STATUS unless it is created or running. */
export function pauseContainer(root: string, id: string): void {
  const record = readRecord(root, id);
  const status = statusOf(root, record);
  if (status !== 'running' && status !== 'created')
    throw new TsociError('ERR_CONTAINER_STATUS', 'container not running');
  freeze(record.cgroupPaths);
}

/** Throws ERR_CONTAINER_STATUS unless the container is paused. */
export function resumeContainer(root: string, id: string): void {
  const record = readRecord(root, id);
  if (statusOf(root, record) !== 'paused') throw new TsociError('ERR_CONTAINER_STATUS', 'container not paused');
  thaw(record.cgroupPaths);
}
