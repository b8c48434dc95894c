// The pieces of a mount of type `cgroup`: hierarchies, or binds of the container's own cgroups, in a small tmpfs.

import * as sys from '../sys/index.ts';
import { attach, changeBind, changeMount, cloneHostMount } from './attach.ts';
import { bindAttributes, newMountAttributes } from './attributes.ts';
import { openFileSystem } from './filesystem.ts';
import { type CgroupMountPart, parametersOf } from './plan.ts';

/** A detached mount of one part, or of what is to be bound otherwise. */
export function openCgroupPart(part: CgroupMountPart): number {
  try {
    return openPart(part);
  } catch (error) {
    if (part.otherwise === undefined || !sys.isErrno(error, ...ABSENT)) throw error;
    return bindPart(part.otherwise, part.flags);
  }
}

const ABSENT = [sys.E.EACCES, sys.E.ENOENT];

const ACCESS_TIME = sys.MOUNT_ATTR__ATIME | sys.MOUNT_ATTR_NODIRATIME;

/** CVE-2023-25809: `ro` holds for a bind as well, and for what is mounted below it. */
function bindPart(source: string, flags: number): number {
  const mount = cloneHostMount(source, true);
  const change = bindAttributes(flags, 0);
  if (change === undefined) return mount;
  changeMount(mount, { set: change.set, clear: change.clear & ACCESS_TIME }, true);
  changeBind(mount, change);
  return mount;
}

function openPart(part: CgroupMountPart): number {
  // The folder of the hierarchies turns read-only when they are in it.
  const flags = part.kind === 'tmpfs' ? part.flags & ~sys.MS_RDONLY : part.flags;
  if (part.kind === 'bind') return bindPart(part.source, flags);
  return openFileSystem({
    type: part.kind,
    source: part.source,
    parameters: parametersOf(part.data ?? ''),
    attributes: newMountAttributes(flags),
  });
}

/** Makes one part below `base`, the root of our own mount: nobody else has seen it yet. */
export function addCgroupPart(base: number, part: CgroupMountPart): void {
  if (part.kind === 'symlink') {
    sys.symlinkat(part.source, base, part.target);
    return;
  }
  sys.mkdirat(base, part.target, 0o755);
  const target = sys.openat(base, part.target, sys.O_PATH | sys.O_DIRECTORY | sys.O_NOFOLLOW | sys.O_CLOEXEC);
  sys.withFd(target, () => sys.withFd(openCgroupPart(part), (mount) => attach(mount, target)));
}
