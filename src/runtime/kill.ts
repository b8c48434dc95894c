// runtime.md, "Kill".

import { TsociError } from '../errors.ts';
import { thaw } from '../linux/cgroups/freezer.ts';
import { killAll } from '../linux/cgroups/members.ts';
import * as sys from '../linux/sys/index.ts';
import { signalProcess } from './process.ts';
import { readRecord } from './record.ts';
import { statusOf } from './status.ts';

export interface KillOptions {
  readonly root: string;
  readonly id: string;
  readonly signal: number;
  /** COMPAT: obsolete in runc, and still passed: a container that does not run is then no error. */
  readonly all: boolean;
}

/** Throws ERR_CONTAINER_STATUS with runc's words, which engines match, when there is nothing to signal. */
export function killContainer(options: KillOptions): void {
  const record = readRecord(options.root, options.id);
  const status = statusOf(options.root, record);
  const everybody = !record.ownPidNamespace && options.signal === sys.SIGKILL;
  if (options.all || everybody) killAll(record.cgroupPaths, options.signal);
  const sent = status !== 'stopped' && record.init !== undefined && signalProcess(record.init, options.signal);
  if (!sent && !options.all && !(everybody && status !== 'stopped')) {
    throw new TsociError('ERR_CONTAINER_STATUS', 'container not running');
  }
  // KERNEL: with cgroup v1 a frozen process takes its SIGKILL only when it is thawed.
  if (status === 'paused' && options.signal === sys.SIGKILL) thaw(record.cgroupPaths);
}

/** A signal by number, or by name with or without SIG, in any case. Throws ERR_USAGE. */
export function parseSignal(text: string): number {
  const number = Number(text);
  if (text !== '' && Number.isInteger(number) && number >= 0 && number <= 64) return number;
  const name = text.toUpperCase();
  const found = sys.SIGNALS[name.startsWith('SIG') ? name.slice(3) : name];
  if (found === undefined) throw new TsociError('ERR_USAGE', `unknown signal "${text}"`);
  return found;
}
