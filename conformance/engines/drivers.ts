// Who makes the engines' cgroups: the runtime in the file system, or systemd, which the runtime asks.

import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { isUnified } from '../harness/cgroup.ts';
import { isBooted, systemctl } from '../harness/systemd.ts';

export type Driver = 'systemd' | 'cgroupfs';

/** Those of this host. With cgroup v1 the engines' default is cgroupfs, with v2 and systemd it is systemd. */
export const DRIVERS: readonly Driver[] = isBooted && isUnified ? ['systemd', 'cgroupfs'] : ['cgroupfs'];

/** The parent of a suite's cgroups, as engines are told. In a slice's name a dash is a level, so `group` has none. */
export const parentOf = (driver: Driver, group: string): string =>
  driver === 'systemd' ? `${group}.slice` : `/${group}`;

/** Where on cgroup v2 a process is, below /sys/fs/cgroup. */
export const pathOf = (pid: number | string): string =>
  /^0::(.*)$/m.exec(readFileSync(`/proc/${pid}/cgroup`, 'utf8'))?.[1] ?? '';

/** A property of the unit that a process is in; `whose` are systemctl's options for a manager that is not the system's. */
export const propertyOf = (pid: number | string, name: string, ...whose: string[]): string =>
  systemctl(...whose, 'show', '--value', `--property=${name}`, basename(pathOf(pid))).trim();

/** Ends the units of a suite with all that is in them. */
export function removeUnits(group: string): void {
  if (isBooted) systemctl('stop', parentOf('systemd', group));
}
