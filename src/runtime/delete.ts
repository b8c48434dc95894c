// runtime.md, "Delete": what create made is unmade, and nothing else; then the poststop hooks.

import { TsociError } from '../errors.ts';
import { runHooksWarning } from '../hooks/hooks.ts';
import { destroyCgroup } from '../linux/cgroups/destroy.ts';
import { thaw } from '../linux/cgroups/freezer.ts';
import { signalAll } from '../linux/cgroups/signal.ts';
import { unmountHostRootfs } from '../linux/rootfs.ts';
import * as sys from '../linux/sys/index.ts';
import { checkId } from './ids.ts';
import { signalProcess, waitForEnd } from './process.ts';
import { type ContainerRecord, directoryOf, readRecord, removeDirectory } from './record.ts';
import { stateOf, statusOf } from './status.ts';

/** How long a killed container may take to end (runc's measure). */
const KILL_TIMEOUT = 10_000;

export interface DeleteOptions {
  readonly root: string;
  readonly id: string;
  readonly force: boolean;
  readonly warn: (text: string) => void;
}

export function deleteContainer(options: DeleteOptions): void {
  const record = recordOf(options);
  if (record === undefined) return;
  const status = statusOf(options.root, record);
  // COMPAT: a created container is deleted too, as runc and crun do; the specification's text says `stopped` alone.
  if (status !== 'stopped' && status !== 'created' && !options.force) {
    throw new TsociError('ERR_CONTAINER_STATUS', `cannot delete container ${record.id} that is not stopped: ${status}`);
  }
  destroyContainer(options.root, record, options.warn);
}

/** With --force an unknown container is no error, and remains of one without a readable record are removed. */
function recordOf(options: DeleteOptions): ContainerRecord | undefined {
  checkId(options.id);
  try {
    return readRecord(options.root, options.id);
  } catch (error) {
    const unknown = error instanceof TsociError && error.code === 'ERR_CONTAINER_NOT_FOUND';
    if (unknown && sys.exists(directoryOf(options.root, options.id))) removeDirectory(options.root, options.id);
    if (unknown && options.force) return undefined;
    throw error;
  }
}

/** Ends whatever still runs, removes mounts, cgroups and record, runs the poststop hooks. */
export function destroyContainer(root: string, record: ContainerRecord, warn: (text: string) => void): void {
  endProcesses(record);
  if (record.rootfsMount !== undefined) unmountHostRootfs(record.rootfs, record.rootfsMount);
  destroyCgroup(record.cgroupPaths, record.existingCgroups, record.unit);
  removeDirectory(root, record.id);
  runHooksWarning('poststop', record.poststop, stateOf(record, 'stopped', 0), sys.door().environ(), warn);
}

function endProcesses(record: ContainerRecord): void {
  const { init } = record;
  if (init !== undefined && signalProcess(init, sys.SIGKILL)) {
    // KERNEL: with cgroup v1 a frozen process takes its SIGKILL only when it is thawed.
    thaw(record.cgroupPaths);
    if (!waitForEnd(init, KILL_TIMEOUT)) throw new TsociError('ERR_CONTAINER_STATUS', 'container init still running');
  }
  // The end of a pid namespace's init ends all of it; without one, or without a recorded init, the cgroup knows.
  if (!record.ownPidNamespace || init === undefined) signalAll(record.cgroupPaths, sys.SIGKILL);
}
