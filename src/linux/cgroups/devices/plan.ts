// Which hierarchy keeps the container from devices, and when. Pure.

import { TsociError } from '../../../errors.ts';
import type { Spec } from '../../../spec/types.ts';
import { type DeviceNode, planDevices } from '../../devices.ts';
import * as sys from '../../sys/index.ts';
import type { CgroupHost } from '../host.ts';
import type { CgroupPaths, CgroupStep } from '../steps.ts';
import { legacyRules } from '../v1/devices.ts';
import { ACCESS, type DeviceAccess, deviceAccess, isAllowed } from './access.ts';
import { compileFilter, encodeFilter } from './filter.ts';

export interface CgroupDevices {
  readonly steps: readonly CgroupStep[];
  /** They forbid mknod(2) of a device that the configuration has made: they have to wait for it. */
  readonly late: boolean;
}

function enforcementOf(access: DeviceAccess, host: CgroupHost, paths: CgroupPaths, rootless: boolean): CgroupStep[] {
  const legacy = host.hierarchies.find((hierarchy) => hierarchy.controllers.includes('devices'));
  if (legacy !== undefined) {
    const dir = paths[legacy.controllers[0] as string] as string;
    // COMPAT: without privileges devices are nothing to care for, as with runc: there is no mknod(2) either.
    return rootless ? [] : [{ kind: 'cgroup-devices', dir, rules: legacyRules(access) }];
  }
  const dir = paths['unified'];
  if (dir !== undefined) {
    return [{ kind: 'cgroup-device-filter', dir, filter: encodeFilter(compileFilter(access)), optional: rootless }];
  }
  if (rootless || (access.allowAll && access.exceptions.length === 0)) return [];
  // SAFETY: a container without a filter could open the host's disks.
  throw new TsociError('ERR_CGROUP', '/linux/resources/devices: the host has no cgroup hierarchy for devices', {
    pointer: '/linux/resources/devices',
  });
}

const isMade = (node: DeviceNode, access: DeviceAccess): boolean =>
  node.type === sys.S_IFIFO ||
  isAllowed(access, { type: node.type === sys.S_IFBLK ? 'b' : 'c', major: node.major, minor: node.minor }, ACCESS.m);

/** Throws ERR_CGROUP. */
export function planCgroupDevices(spec: Spec, host: CgroupHost, paths: CgroupPaths, rootless: boolean): CgroupDevices {
  const access = deviceAccess(spec.linux?.resources?.devices);
  const nodes = planDevices(spec).flatMap((step) => (step.kind === 'make-devices' ? step.devices : []));
  return {
    steps: enforcementOf(access, host, paths, rootless),
    late: !nodes.every((node) => isMade(node, access)),
  };
}
