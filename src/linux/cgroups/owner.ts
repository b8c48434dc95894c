// config-linux.md, "Cgroup ownership": a container that sees its own cgroup as a root, writable, may manage what is below.

import type { Spec } from '../../spec/types.ts';
import { cleanPath } from '../names.ts';
import { hasNamespace, hasNewNamespace } from '../namespaces.ts';
import type { CgroupHost } from './host.ts';
import type { CgroupPaths, CgroupStep } from './steps.ts';

/** The host's uid of process.user; none when it is not mapped. */
function ownerOf(spec: Spec): number | undefined {
  const uid = spec.process?.user?.uid ?? 0;
  if (!hasNamespace(spec, 'user')) return uid;
  const map = (spec.linux?.uidMappings ?? []).find(
    ({ containerID, size }) => uid >= containerID && uid < containerID + size,
  );
  return map === undefined ? undefined : map.hostID + uid - map.containerID;
}

/** SAFETY: on v2 alone, in a cgroup namespace of its own, and only where the tree is mounted for writing. */
export function planOwner(spec: Spec, host: CgroupHost, paths: CgroupPaths): CgroupStep[] {
  if (host.mode !== 'v2' || !hasNewNamespace(spec, 'cgroup')) return [];
  const mount = (spec.mounts ?? []).findLast(({ destination }) => cleanPath(destination) === '/sys/fs/cgroup');
  const writable = mount?.type?.startsWith('cgroup') === true && !(mount.options ?? []).includes('ro');
  const uid = ownerOf(spec);
  // Root owns it already.
  if (!writable || uid === undefined || uid === 0) return [];
  return [{ kind: 'cgroup-own', dir: paths['unified'] as string, uid }];
}
