// runtime.md, "Kill".

import { TsociError } from '../errors.ts';
import { thaw } from '../linux/cgroups/freezer.ts';
import { signalAll } from '../linux/cgroups/signal.ts';
import * as sys from '../linux/sys/index.ts';
import { type ProcessIdentity, signalProcess } from './process.ts';
import { readRecord } from './record.ts';
import { statusOf } from './status.ts';

export interface KillOptions {
  readonly root: string;
  readonly id: string;
  readonly signal: number;
  /** To every process of the container; COMPAT: that there is none is then no error. */
  readonly all: boolean;
}

/** Throws ERR_CONTAINER_STATUS with runc's words, which engines match, when there is nothing to signal. */
export function killContainer(options: KillOptions): void {
  const { signal, all } = options;
  const record = readRecord(options.root, options.id);
  const status = statusOf(options.root, record);
  // The end of a pid namespace's init ends all of it; without one the cgroup knows, also when the first process is gone.
  const everybody = all || (!record.ownPidNamespace && signal === sys.SIGKILL);
  const signalled = everybody ? signalAll(record.cgroupPaths, signal) : [];
  const isLeft = status !== 'stopped' && record.init !== undefined && !signalled.includes(record.init.pid);
  const isSent = isLeft && signalProcess(record.init as ProcessIdentity, signal);
  if (!isSent && signalled.length === 0 && !all) throw new TsociError('ERR_CONTAINER_STATUS', 'container not running');
  // KERNEL: with cgroup v1 a frozen process takes its SIGKILL only when it is thawed.
  if (status === 'paused' && signal === sys.SIGKILL) thaw(record.cgroupPaths);
}

/** A signal by number, or by name with or without SIG, in any case. Throws ERR_USAGE. */
export function parseSignal(text: string): number {
  if (/^[0-9]+$/.test(text) && Number(text) <= 64) return Number(text);
  const name = text.toUpperCase();
  const found = sys.SIGNALS[name.startsWith('SIG') ? name.slice(3) : name];
  if (found === undefined) throw new TsociError('ERR_USAGE', `unknown signal "${text}"`);
  return found;
}
