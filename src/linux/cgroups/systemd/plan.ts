// A container's cgroups where systemd manages them: its unit, then what systemd has no property for. Pure.

import { TsociError } from '../../../errors.ts';
import type { LinuxResources, Spec } from '../../../spec/types.ts';
import type { Host } from '../../host.ts';
import { deviceAccess } from '../devices/access.ts';
import { planCgroupDevices } from '../devices/plan.ts';
import type { CgroupHost } from '../host.ts';
import { planOwner } from '../owner.ts';
import { joinSteps, keyOf, planHierarchies, settingsOf, type Wanted } from '../plan.ts';
import type { CgroupPaths, CgroupPlan, CgroupStep } from '../steps.ts';
import { annotatedProperties } from './annotations.ts';
import { deviceProperties } from './devices.ts';
import { resourceProperties } from './properties.ts';
import { type Property, property } from './property.ts';
import { withWholePercents } from './resources.ts';
import { pathOfUnit, type Unit, unitOf } from './unit.ts';

const ACCOUNTING = ['CPUAccounting', 'MemoryAccounting', 'TasksAccounting'];

/** A scope may be divided further by who is in it; a slice is systemd's own. */
function identity({ isSlice, slice }: Unit, id: string, legacy: boolean): Property[] {
  return [
    property('Description', 's', `container ${id}`),
    ...(isSlice ? [] : [property('Slice', 's', slice), property('Delegate', 'b', true)]),
    ...[...ACCOUNTING, legacy ? 'BlockIOAccounting' : 'IOAccounting'].map((name) => property(name, 'b', true)),
    property('DefaultDependencies', 'b', false),
  ];
}

/** What systemd is told of `resources`, of which `settings` are made. */
const toldProperties = (resources: LinuxResources, host: CgroupHost, [settings = []]: Wanted['settings']): Property[] =>
  resourceProperties(resources, host.mode !== 'v2', host.mode === 'v2' ? settings : []);

/** What an update tells systemd. */
export const updatedProperties = (resources: LinuxResources, host: CgroupHost): Property[] =>
  toldProperties(resources, host, settingsOf(resources, host));

type SystemdHost = Pick<Host, 'cgroup' | 'isSystemdRunning' | 'userManagerCgroup'>;

/** Throws ERR_CGROUP where there is no systemd, and for a cgroupsPath that it cannot have. */
function placeOf(spec: Spec, host: SystemdHost, id: string, rootless: boolean) {
  if (!host.isSystemdRunning) {
    throw new TsociError('ERR_CGROUP', 'systemd not running on this host, cannot use systemd cgroups manager');
  }
  const { hierarchies, mode } = host.cgroup;
  const manager = rootless && mode === 'v2' ? 'user' : 'system';
  const unit = unitOf(spec.linux?.cgroupsPath, id, manager === 'user' ? 'user.slice' : 'system.slice');
  const below = `${manager === 'user' ? host.userManagerCgroup : ''}${pathOfUnit(unit)}`;
  const paths: CgroupPaths = Object.fromEntries(
    hierarchies.map((hierarchy) => [keyOf(hierarchy), `${hierarchy.mountPoint}${below}`]),
  );
  return { unit, name: { name: unit.name, manager } as const, paths };
}

/** Throws ERR_CGROUP for what this host, or systemd, cannot do. */
export function planUnitCgroup(spec: Spec, host: SystemdHost, id: string, rootless: boolean): CgroupPlan {
  const { cgroup } = host;
  const { unit, name, paths } = placeOf(spec, host, id, rootless);
  const resources = withWholePercents(spec.linux?.resources ?? {});
  const settings = settingsOf(resources, cgroup);
  const wanted = { host: cgroup, paths, resources, settings, rootless };
  const devices = planCgroupDevices(spec, cgroup, paths, rootless);
  // A user's systemd may not load filters, and without privileges there is no mknod(2) either.
  const allowed = name.manager === 'user' ? [] : deviceProperties(deviceAccess(resources.devices));
  const properties = [
    ...identity(unit, id, cgroup.mode !== 'v2'),
    ...(devices.late ? [] : allowed),
    ...toldProperties(resources, cgroup, settings),
    ...annotatedProperties(spec.annotations),
  ];
  const dirs = Object.values(paths);
  const start: CgroupStep = { kind: 'cgroup-unit', unit: name, properties, dirs, joins: !unit.isSlice };
  // The unit is there by then, with a directory in some hierarchies, and the container in it.
  const inside = planHierarchies(wanted).map((step) =>
    step.kind === 'cgroup-mkdir' ? { ...step, managed: true } : step,
  );
  const join = unit.isSlice || cgroup.mode !== 'v2' ? joinSteps(wanted) : [];
  const late: CgroupStep[] = [
    { kind: 'cgroup-unit-properties', unit: name, properties: allowed, dirs },
    ...devices.steps,
  ];
  return {
    paths,
    unit: name,
    beforeJoin: [],
    join: [start, ...inside, ...join, ...(devices.late ? [] : devices.steps), ...planOwner(spec, cgroup, paths)],
    afterNodes: devices.late ? late : [],
  };
}
