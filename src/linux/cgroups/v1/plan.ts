// The container's cgroups in the v1 hierarchies of the host, one file of settings a controller.

import type { LinuxResources } from '../../../spec/types.ts';
import type { Hierarchy } from '../host.ts';
import type { Setting } from '../settings.ts';
import { type CgroupStep, writeStep } from '../steps.ts';
import { blkioSettings } from './blkio.ts';
import { cpuSettings, cpusetSettings } from './cpu.ts';
import { memorySettings } from './memory.ts';
import { classSettings, hugetlbSettings, pidsSettings, prioritySettings, rdmaSettings } from './small.ts';

/** Settings by controller. */
export function legacySettings(resources: LinuxResources): Readonly<Record<string, readonly Setting[]>> {
  return {
    memory: memorySettings(resources.memory),
    cpu: cpuSettings(resources.cpu),
    cpuset: cpusetSettings(resources.cpu),
    blkio: blkioSettings(resources.blockIO),
    pids: pidsSettings(resources.pids),
    hugetlb: hugetlbSettings(resources.hugepageLimits, 'limit_in_bytes'),
    net_cls: classSettings(resources.network),
    net_prio: prioritySettings(resources.network),
    rdma: rdmaSettings(resources.rdma),
  };
}

/** The steps before the join, in one hierarchy whose directory for the container is `dir`; devices are planned apart. */
export function planLegacy(
  hierarchy: Hierarchy,
  dir: string,
  wanted: readonly Setting[],
  rootless: boolean,
): CgroupStep[] {
  const { controllers, mountPoint } = hierarchy;
  const steps: CgroupStep[] = [{ kind: 'cgroup-mkdir', dir, optional: rootless && wanted.length === 0 }];
  // KERNEL: a new cpuset is empty, and takes no process as long as it is.
  if (controllers.includes('cpuset')) steps.push({ kind: 'cgroup-inherit-cpuset', dir, mountPoint });
  return [...steps, ...wanted.map((setting) => writeStep(dir, setting))];
}
