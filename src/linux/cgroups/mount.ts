// A mount of type `cgroup`: what lies there depends on the host's hierarchies. Pure.

import type { Mount, Spec } from '../../spec/types.ts';
import { type MountOptions, parseMountOptions } from '../mounts/options.ts';
import type { CgroupMountPart } from '../mounts/plan.ts';
import { hasNamespace } from '../namespaces.ts';
import { MS_NODEV, MS_NOEXEC, MS_NOSUID } from '../sys/constants.ts';
import type { CgroupHost, Hierarchy } from './host.ts';
import type { CgroupPaths } from './steps.ts';

const nameOf = (hierarchy: Hierarchy): string => hierarchy.mountPoint.slice(hierarchy.mountPoint.lastIndexOf('/') + 1);

/**
 * COMPAT: the whole hierarchy also without a cgroup namespace, as with runc and crun: the path in /proc/self/cgroup is there.
 * KERNEL: in the host's cgroup namespace a new mount changes the flags of the host's (nsdelegate …): there it is bound.
 */
function unifiedPart({ flags, data }: MountOptions, namespaced: boolean, mountPoint: string): CgroupMountPart {
  return namespaced
    ? { kind: 'cgroup2', target: '', source: 'cgroup', data: data.join(','), flags }
    : { kind: 'bind', target: '', source: mountPoint, flags };
}

/** With a cgroup namespace the hierarchy itself, whose root is then the container's cgroup; else a bind of that cgroup. */
function legacyPart(hierarchy: Hierarchy, flags: number, namespaced: boolean, paths: CgroupPaths): CgroupMountPart {
  const target = nameOf(hierarchy);
  if (namespaced) {
    const words = hierarchy.controllers.map((name) => (name.startsWith('name=') ? `none,${name}` : name));
    return { kind: 'cgroup', target, source: 'cgroup', data: words.join(','), flags };
  }
  const made = paths[hierarchy.controllers[0] as string] as string;
  // Without privileges it may not be made: then the container is left in ours.
  return { kind: 'bind', target, source: made, flags, otherwise: `${hierarchy.mountPoint}${hierarchy.own}` };
}

/** `cpu` beside `cpu,cpuacct`: programs look for each controller by its own name. */
const linksOf = (hierarchy: Hierarchy): CgroupMountPart[] =>
  hierarchy.controllers.length < 2
    ? []
    : hierarchy.controllers.map((name) => ({ kind: 'symlink', target: name, source: nameOf(hierarchy), flags: 0 }));

const LEGACY_FLAGS = MS_NOSUID | MS_NODEV | MS_NOEXEC;

/**
 * The first part is for the destination itself; undefined: the host has no such hierarchy.
 * COMPAT: of v1 the v1 hierarchies alone, and with the flags that runc gives them.
 */
export function planCgroupMount(
  mount: Mount,
  spec: Spec,
  host: CgroupHost,
  paths: CgroupPaths,
): CgroupMountPart[] | undefined {
  const options = parseMountOptions(mount.options ?? []);
  const namespaced = hasNamespace(spec, 'cgroup');
  if (host.mode === 'v2' || mount.type === 'cgroup2') {
    const unified = host.hierarchies.find(({ version }) => version === 2);
    return unified && [unifiedPart(options, namespaced, unified.mountPoint)];
  }
  const flags = options.flags | LEGACY_FLAGS;
  const parts = host.hierarchies
    .filter(({ version }) => version === 1)
    .flatMap((hierarchy) => [legacyPart(hierarchy, flags, namespaced, paths), ...linksOf(hierarchy)]);
  const data = ['mode=755', ...options.data].join(',');
  return [{ kind: 'tmpfs', target: '', source: 'tmpfs', data, flags }, ...parts];
}
