// config-linux.md, "Control groups": where the container's cgroups are, and what is written into them. Pure.

import { TsociError } from '../../errors.ts';
import type { LinuxResources, Spec } from '../../spec/types.ts';
import { cleanPath } from '../names.ts';
import type { CgroupHost, Hierarchy } from './host.ts';
import type { CgroupPaths, CgroupPlan, CgroupStep } from './steps.ts';
import { checkControllers, legacySettings, planLegacy } from './v1/plan.ts';
import { unifiedHierarchySettings } from './v2/plan.ts';

export interface CgroupOptions {
  readonly rootless: boolean;
  readonly systemd: boolean;
}

/** Absolute: below the mount point. Relative, or unset: below our own cgroup; `..` does not lead out (runc's rule). */
function directoryIn(hierarchy: Hierarchy, cgroupsPath: string | undefined, id: string): string {
  const path = cgroupsPath === undefined || cgroupsPath === '' ? id : cgroupsPath;
  const inside = path.startsWith('/') ? cleanPath(path) : cleanPath(`${hierarchy.own}/${cleanPath(path)}`);
  return `${hierarchy.mountPoint}${inside}`;
}

export function cgroupPaths(spec: Spec, host: CgroupHost, id: string): CgroupPaths {
  const paths: Record<string, string> = {};
  for (const hierarchy of host.hierarchies) {
    const key = hierarchy.version === 2 ? 'unified' : (hierarchy.controllers[0] as string);
    paths[key] = directoryIn(hierarchy, spec.linux?.cgroupsPath, id);
  }
  return paths;
}

function planUnified(
  hierarchy: Hierarchy,
  dir: string,
  resources: LinuxResources | undefined,
  options: CgroupOptions,
): CgroupStep[] {
  // On a hybrid host the limits and devices are the v1 hierarchies'.
  const settings = resources === undefined ? [] : unifiedHierarchySettings(resources);
  return [
    { kind: 'cgroup-mkdir', dir, optional: options.rootless && settings.length === 0 },
    ...(settings.length > 0 ? [{ kind: 'cgroup-enable', dir, mountPoint: hierarchy.mountPoint } as const] : []),
    ...settings.map(({ file, value }): CgroupStep => ({ kind: 'cgroup-write', dir, file, value })),
  ];
}

/** Throws ERR_CGROUP or ERR_UNSUPPORTED for what this host, or tsoci, cannot do. */
export function planCgroup(spec: Spec, host: CgroupHost, id: string, options: CgroupOptions): CgroupPlan {
  if (options.systemd) throw new TsociError('ERR_UNSUPPORTED', 'the systemd cgroup driver is not supported yet');
  const resources = spec.linux?.resources ?? {};
  const paths = cgroupPaths(spec, host, id);
  const settings = host.mode === 'v2' ? {} : legacySettings(resources);
  if (host.mode !== 'v2') checkLegacy(resources, settings, host);
  const beforeJoin: CgroupStep[] = [];
  const join: CgroupStep[] = [];
  for (const hierarchy of host.hierarchies) {
    const dir = directoryIn(hierarchy, spec.linux?.cgroupsPath, id);
    const steps =
      hierarchy.version === 1
        ? planLegacy(hierarchy, dir, { resources, settings, rootless: options.rootless })
        : planUnified(hierarchy, dir, host.mode === 'v2' ? resources : undefined, options);
    beforeJoin.push(...steps);
    join.push({ kind: 'cgroup-join', dir, optional: options.rootless });
  }
  return { paths, beforeJoin, join };
}

function checkLegacy(resources: LinuxResources, settings: ReturnType<typeof legacySettings>, host: CgroupHost): void {
  checkControllers(settings, host.hierarchies);
  if (Object.keys(resources.unified ?? {}).length === 0) return;
  const pointer = '/linux/resources/unified';
  throw new TsociError('ERR_CGROUP', `${pointer}: the controllers of this host are in cgroup v1 hierarchies`, {
    pointer,
  });
}
