// config-linux.md, "Control groups": where the container's cgroups are, and what is written into them. Pure.

import { TsociError } from '../../errors.ts';
import type { LinuxResources, Spec } from '../../spec/types.ts';
import { cleanPath } from '../names.ts';
import { planCgroupDevices } from './devices/plan.ts';
import type { CgroupHost, Hierarchy } from './host.ts';
import { planOwner } from './owner.ts';
import type { Setting } from './settings.ts';
import {
  type CgroupPaths,
  type CgroupPlan,
  type CgroupStep,
  type EnableStep,
  type JoinCgroupStep,
  writeStep,
} from './steps.ts';
import { legacySettings, planLegacy } from './v1/plan.ts';
import { controllerOf, convertedSettings, unifiedHierarchySettings } from './v2/plan.ts';

/**
 * Where relative paths begin. KERNEL, COMPAT: v2 gives no controllers to those below a cgroup that has processes of its own,
 * and ours has us: runc takes its parent there.
 */
const baseOf = ({ version, own }: Hierarchy): string => (version === 2 ? own.slice(0, own.lastIndexOf('/')) : own);

/** Absolute: below the mount point. Relative, or unset: below our own cgroup; `..` does not lead out (runc's rule). */
function directoryIn(hierarchy: Hierarchy, cgroupsPath: string | undefined, id: string): string {
  const path = cgroupsPath === undefined || cgroupsPath === '' ? id : cgroupsPath;
  const inside = path.startsWith('/') ? cleanPath(path) : cleanPath(`${baseOf(hierarchy)}/${cleanPath(path)}`);
  return `${hierarchy.mountPoint}${inside}`;
}

/** What `CgroupPaths` knows the hierarchy by. */
export const keyOf = (hierarchy: Hierarchy): string =>
  hierarchy.version === 2 ? 'unified' : (hierarchy.controllers[0] as string);

export function cgroupPaths(spec: Spec, host: CgroupHost, id: string): CgroupPaths {
  const paths: Record<string, string> = {};
  for (const hierarchy of host.hierarchies) {
    paths[keyOf(hierarchy)] = directoryIn(hierarchy, spec.linux?.cgroupsPath, id);
  }
  return paths;
}

/** Of what is asked, the part of controllers that no v1 hierarchy has: on a hybrid host the unified one may. */
function hybridSettings(resources: LinuxResources, host: CgroupHost): Setting[] {
  const missing = Object.entries(legacySettings(resources)).filter(
    ([controller, wanted]) =>
      wanted.length > 0 && !host.hierarchies.some((hierarchy) => hierarchy.controllers.includes(controller)),
  );
  return missing.flatMap(([controller, [first]]) => {
    const settings = host.mode === 'hybrid' ? convertedSettings(resources)[controller]?.() : undefined;
    if (settings !== undefined) return settings;
    const pointer = first?.pointer ?? '';
    throw new TsociError('ERR_CGROUP', `${pointer}: the host has no cgroup v1 controller ${controller}`, { pointer });
  });
}

function refuseUnified(resources: LinuxResources): void {
  if (Object.keys(resources.unified ?? {}).length === 0) return;
  const pointer = '/linux/resources/unified';
  // COMPAT: "invalid configuration" is what runc says.
  const message = `${pointer}: invalid configuration: the controllers of this host are in cgroup v1 hierarchies`;
  throw new TsociError('ERR_CGROUP', message, { pointer });
}

/** Every setting once, in the hierarchy that takes it; in the order of `host.hierarchies`. */
export function settingsOf(resources: LinuxResources, host: CgroupHost): Setting[][] {
  if (host.mode === 'v2') return [unifiedHierarchySettings(resources)];
  refuseUnified(resources);
  const legacy = legacySettings(resources);
  const others = hybridSettings(resources, host);
  return host.hierarchies.map(({ version, controllers }) =>
    version === 2 ? others : controllers.flatMap((controller) => legacy[controller] ?? []),
  );
}

export function enableStep({ mountPoint }: Hierarchy, dir: string, settings: readonly Setting[]): EnableStep {
  const needed = new Map<string, string>();
  for (const setting of settings) {
    const name = controllerOf(setting);
    if (name !== 'cgroup' && !needed.has(name)) needed.set(name, setting.pointer);
  }
  return {
    kind: 'cgroup-enable',
    dir,
    mountPoint,
    needed: [...needed].map(([name, pointer]) => ({ name, pointer })),
  };
}

function planUnified(hierarchy: Hierarchy, dir: string, settings: readonly Setting[], options: UnifiedOptions) {
  const { whole, rootless, memory } = options;
  const steps: CgroupStep[] = [{ kind: 'cgroup-mkdir', dir, optional: rootless && settings.length === 0 }];
  // COMPAT: every controller, also for statistics, as runc has it; on a hybrid host those that are asked for.
  if (whole || settings.length > 0) steps.push(enableStep(hierarchy, dir, settings));
  if (whole && memory?.checkBeforeUpdate === true) steps.push({ kind: 'cgroup-check-memory', dir, memory });
  return [...steps, ...settings.map((setting) => writeStep(dir, setting))];
}

interface UnifiedOptions {
  /** It is the host's only hierarchy. */
  readonly whole: boolean;
  readonly rootless: boolean;
  readonly memory: LinuxResources['memory'];
}

/** What is wanted of the hierarchies of `host`: settings one by one, in the same order; devices are planned apart. */
export interface Wanted {
  readonly host: CgroupHost;
  readonly paths: CgroupPaths;
  readonly resources: LinuxResources;
  /** settingsOf `resources`. */
  readonly settings: readonly (readonly Setting[])[];
  readonly rootless: boolean;
}

/** The directory in each hierarchy, and the settings in it. */
export function planHierarchies({ host, paths, resources, settings, rootless }: Wanted): CgroupStep[] {
  const unified = { whole: host.mode === 'v2', rootless, memory: resources.memory };
  return host.hierarchies.flatMap((hierarchy, index) => {
    const dir = paths[keyOf(hierarchy)] as string;
    const wanted = settings[index] ?? [];
    return hierarchy.version === 1
      ? planLegacy(hierarchy, dir, wanted, rootless)
      : planUnified(hierarchy, dir, wanted, unified);
  });
}

/** SAFETY: without privileges a cgroup may be done without, but not where a limit was asked for that holds who is in it. */
export const joinSteps = ({ host, paths, settings, rootless }: Wanted): JoinCgroupStep[] =>
  host.hierarchies.map((hierarchy, index) => ({
    kind: 'cgroup-join',
    dir: paths[keyOf(hierarchy)] as string,
    optional: rootless && (settings[index] ?? []).length === 0,
  }));

/** Throws ERR_CGROUP for what this host cannot do. */
export function planCgroup(spec: Spec, host: CgroupHost, id: string, rootless: boolean): CgroupPlan {
  const paths = cgroupPaths(spec, host, id);
  const devices = planCgroupDevices(spec, host, paths, rootless);
  const resources = spec.linux?.resources ?? {};
  // COMPAT: without privileges a cgroup may be done without, but not one that is named, as with runc.
  const dispensable = rootless && (spec.linux?.cgroupsPath ?? '') === '';
  const wanted = { host, paths, resources, settings: settingsOf(resources, host), rootless: dispensable };
  return {
    paths,
    beforeJoin: [...planHierarchies(wanted), ...(devices.late ? [] : devices.steps), ...planOwner(spec, host, paths)],
    join: joinSteps(wanted),
    afterNodes: devices.late ? devices.steps : [],
  };
}
