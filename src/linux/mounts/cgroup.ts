// The pieces of a mount of type `cgroup`: hierarchies, or binds of the container's own cgroups, in a small tmpfs.

import * as sys from '../sys/index.ts';
import { attach, changeMount, cloneHostMount } from './attach.ts';
import { newMountAttributes } from './attributes.ts';
import { openFileSystem } from './filesystem.ts';
import { type CgroupMountPart, parametersOf } from './plan.ts';

/** A detached mount of one part. CVE-2023-25809: `ro` holds for a bind as well. */
export function openCgroupPart(part: CgroupMountPart): number {
  // The folder of the hierarchies turns read-only when they are in it.
  const later = part.kind === 'tmpfs' ? sys.MS_RDONLY : 0;
  const attributes = newMountAttributes((part.flags ?? 0) & ~later);
  if (part.kind === 'bind') {
    const source = part.source ?? '';
    const mount = cloneHostMount(part.instead === undefined || sys.exists(source) ? source : part.instead, true);
    changeMount(mount, { set: attributes, clear: 0 }, true);
    return mount;
  }
  try {
    return openFileSystem({
      type: part.kind,
      source: part.source ?? part.kind,
      parameters: parametersOf(part.data ?? ''),
      attributes,
    });
  } catch (error) {
    if (part.otherwise === undefined || !sys.isErrno(error, sys.E.EPERM)) throw error;
    return openCgroupPart(part.otherwise);
  }
}

/** Makes one part below `base`, the root of our own mount: nobody else has seen it yet. */
export function addCgroupPart(base: number, part: CgroupMountPart): void {
  if (part.kind === 'symlink') {
    sys.symlinkat(part.source ?? '', base, part.target);
    return;
  }
  sys.mkdirat(base, part.target, 0o755);
  const target = sys.openat(base, part.target, sys.O_PATH | sys.O_DIRECTORY | sys.O_NOFOLLOW | sys.O_CLOEXEC);
  sys.withFd(target, () => sys.withFd(openCgroupPart(part), (mount) => attach(mount, target)));
}
