// A mount of type `cgroup`: what lies there depends on the host's hierarchies. Pure.

import type { Mount, Spec } from '../../spec/types.ts';
import { parseMountOptions } from '../mounts/options.ts';
import type { CgroupMountPart } from '../mounts/plan.ts';
import { hasNewNamespace } from '../namespaces.ts';
import type { CgroupHost, Hierarchy } from './host.ts';
import type { CgroupPaths } from './steps.ts';

const nameOf = (hierarchy: Hierarchy): string => hierarchy.mountPoint.slice(hierarchy.mountPoint.lastIndexOf('/') + 1);

/**
 * With a cgroup namespace the hierarchy itself, whose root is then the container's cgroup; else a bind of that cgroup.
 * COMPAT: v2 is the hierarchy itself without one, too: the path in /proc/self/cgroup is one of it. As with runc and crun.
 */
function partOf(
  hierarchy: Hierarchy,
  target: string,
  flags: number,
  own: boolean,
  paths: CgroupPaths,
): CgroupMountPart {
  const bindOf = (source: string) => ({ kind: 'bind', target, source, flags }) as const;
  if (hierarchy.version === 2) {
    const whole = { kind: 'cgroup2', target, source: 'cgroup', flags } as const;
    // KERNEL: a user namespace may not mount it without a cgroup namespace of its own.
    return own ? whole : { ...whole, otherwise: bindOf(hierarchy.mountPoint) };
  }
  if (!own) {
    const made = paths[hierarchy.controllers[0] as string] as string;
    // Without privileges it may not be made: then the container is left in ours.
    return { ...bindOf(made), otherwise: bindOf(`${hierarchy.mountPoint}${hierarchy.own}`) };
  }
  const data = hierarchy.controllers.map((name) => (name.startsWith('name=') ? `none,${name}` : name)).join(',');
  return { kind: 'cgroup', target, source: 'cgroup', data, flags };
}

/** `cpu` beside `cpu,cpuacct`: programs look for each controller by its own name. */
const linksOf = (hierarchy: Hierarchy): CgroupMountPart[] =>
  hierarchy.controllers.length < 2
    ? []
    : hierarchy.controllers.map((name) => ({ kind: 'symlink', target: name, source: nameOf(hierarchy) }));

/** The first part is for the destination itself. */
export function planCgroupMount(mount: Mount, spec: Spec, host: CgroupHost, paths: CgroupPaths): CgroupMountPart[] {
  const { flags } = parseMountOptions(mount.options ?? []);
  const own = hasNewNamespace(spec, 'cgroup');
  if (host.mode === 'v2') return [partOf(host.hierarchies[0] as Hierarchy, '', flags, own, paths)];
  const parts = host.hierarchies
    // COMPAT: runc shows the v1 hierarchies alone.
    .filter((hierarchy) => hierarchy.version === 1)
    .flatMap((hierarchy) => [partOf(hierarchy, nameOf(hierarchy), flags, own, paths), ...linksOf(hierarchy)]);
  return [{ kind: 'tmpfs', target: '', source: 'tmpfs', data: 'mode=755', flags }, ...parts];
}
