// systemd writes all of a cgroup's files anew whenever one property changes.

import * as sys from '../../sys/index.ts';
import { textOf } from '../freezer.ts';
import { setUnitProperties } from './manager.ts';
import type { Property, UnitName } from './property.ts';

/**
 * What it may have otherwise: percents of a CPU, no period without a quota, no limit of 0, weights for BFQ made of others; of
 * v1 one bandwidth of a disk without the other, after a daemon-reload.
 */
const OTHERWISE = [
  ...['cpu.max', 'cpu.cfs_quota_us', 'cpu.cfs_period_us'],
  ...['pids.max', 'io.bfq.weight', 'blkio.bfq.weight'],
  ...['blkio.throttle.read_bps_device', 'blkio.throttle.write_bps_device'],
];

const linesOf = (path: string): string[] => (textOf(path) ?? '').split('\n').filter((line) => line !== '');

/** Sets properties of the unit whose cgroups are `dirs`; their files say afterwards what they said before. Throws ERR_CGROUP. */
export function setPropertiesOnly(unit: UnitName, properties: readonly Property[], dirs: readonly string[]): void {
  if (properties.length === 0) return;
  const paths = dirs.flatMap((dir) => OTHERWISE.map((file) => `${dir}/${file}`));
  const held = paths.map((path) => ({ path, lines: linesOf(path) }));
  setUnitProperties(unit, properties);
  for (const { path, lines } of held) {
    const now = linesOf(path);
    for (const line of lines.filter((one) => !now.includes(one))) sys.writeText(path, line);
  }
}
