// `update`: other limits for a container that is there. The kernel's files are the record of them: what one update leaves
// alone, the next one finds there.

import { TsociError } from '../errors.ts';
import { enableMissing } from '../linux/cgroups/enable.ts';
import { probeCgroups } from '../linux/cgroups/host.ts';
import { setPropertiesOnly } from '../linux/cgroups/systemd/exact.ts';
import { updatedProperties } from '../linux/cgroups/systemd/plan.ts';
import { withWeightOrIdle, withWholePercents } from '../linux/cgroups/systemd/resources.ts';
import { applyUpdate, awakened, checkUsage, completed, planEnable, planUpdate } from '../linux/cgroups/update.ts';
import type { LinuxResources } from '../spec/types.ts';
import { readRecord } from './record.ts';
import { statusOf } from './status.ts';

/** COMPAT: zeros leave alone, and devices are never touched, as engines count on: both are sent along with every update. */
function asked({ devices: _devices, pids, ...others }: LinuxResources): LinuxResources {
  const limited = pids?.limit !== undefined && BigInt(pids.limit) !== 0n;
  return limited ? { ...others, pids } : others;
}

const asSystemdHas = (resources: LinuxResources, isUnified: boolean, warn: (text: string) => void): LinuxResources =>
  withWholePercents(isUnified ? withWeightOrIdle(resources, warn) : resources);

/**
 * Changes what `resources` asks for. Throws ERR_CONTAINER_STATUS for a container that has ended; ERR_CGROUP for what the
 * host or the kernel refuses: then all is as it was.
 */
export function updateContainer(
  root: string,
  id: string,
  resources: LinuxResources,
  warn: (text: string) => void,
): void {
  const record = readRecord(root, id);
  const status = statusOf(root, record);
  if (status === 'stopped' || status === 'creating') {
    throw new TsociError('ERR_CONTAINER_STATUS', 'container not running');
  }
  const host = probeCgroups();
  const { unit, cgroupPaths } = record;
  const dirs = Object.values(cgroupPaths);
  const whole = completed(asked(resources), cgroupPaths, unit !== undefined);
  const request = unit === undefined ? whole : asSystemdHas(awakened(whole, dirs), host.mode === 'v2', warn);
  const { unified } = cgroupPaths;
  if (unified !== undefined) checkUsage(request, unified);
  const tell = unit === undefined ? undefined : () => setPropertiesOnly(unit, updatedProperties(request, host), dirs);
  const writes = planUpdate(request, host, cgroupPaths);
  for (const step of planEnable(writes, host, cgroupPaths)) enableMissing(step);
  applyUpdate(writes, warn, tell);
}
