// The container's cgroups in the v1 hierarchies of the host, one file of settings a controller.

import { TsociError } from '../../../errors.ts';
import type { LinuxResources } from '../../../spec/types.ts';
import type { Hierarchy } from '../host.ts';
import type { Setting } from '../settings.ts';
import type { CgroupStep } from '../steps.ts';
import { blkioSettings } from './blkio.ts';
import { cpuSettings, cpusetSettings } from './cpu.ts';
import { deviceRules } from './devices.ts';
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
    hugetlb: hugetlbSettings(resources.hugepageLimits),
    net_cls: classSettings(resources.network),
    net_prio: prioritySettings(resources.network),
    rdma: rdmaSettings(resources.rdma),
  };
}

/** Throws ERR_CGROUP for what is asked of a controller that no hierarchy of the host has. */
export function checkControllers(
  settings: Readonly<Record<string, readonly Setting[]>>,
  hierarchies: readonly Hierarchy[],
): void {
  for (const [controller, wanted] of Object.entries(settings)) {
    const first = wanted[0];
    if (first === undefined || hierarchies.some((hierarchy) => hierarchy.controllers.includes(controller))) continue;
    throw new TsociError('ERR_CGROUP', `${first.pointer}: the host has no cgroup v1 controller ${controller}`, {
      pointer: first.pointer,
    });
  }
}

export interface LegacyOptions {
  readonly resources: LinuxResources;
  readonly settings: Readonly<Record<string, readonly Setting[]>>;
  readonly rootless: boolean;
}

/** The steps before the join, in one hierarchy whose directory for the container is `dir`. */
export function planLegacy(hierarchy: Hierarchy, dir: string, options: LegacyOptions): CgroupStep[] {
  const { controllers, mountPoint } = hierarchy;
  const wanted = controllers.flatMap((controller) => options.settings[controller] ?? []);
  const steps: CgroupStep[] = [{ kind: 'cgroup-mkdir', dir, optional: options.rootless && wanted.length === 0 }];
  // KERNEL: a new cpuset is empty, and takes no process as long as it is.
  if (controllers.includes('cpuset')) steps.push({ kind: 'cgroup-inherit-cpuset', dir, mountPoint });
  for (const { file, value } of wanted) steps.push({ kind: 'cgroup-write', dir, file, value });
  if (controllers.includes('devices') && !options.rootless) {
    steps.push({ kind: 'cgroup-devices', dir, rules: deviceRules(options.resources.devices) });
  }
  return steps;
}
