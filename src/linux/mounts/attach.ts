// The last part of every mount: a detached mount gets its attributes, its place, and then its propagation.

import { TsociError } from '../../errors.ts';
import { isFolder } from '../inode.ts';
import * as sys from '../sys/index.ts';
import type { BindAttributes } from './attributes.ts';
import type { AttributeChange } from './options.ts';

const HERE = sys.AT_EMPTY_PATH;

/** mount_setattr(2) on the mount that `fd` is the root of, with all mounts below it when `recursive`. */
export function changeMount(fd: number, change: AttributeChange, recursive: boolean): void {
  const flags = recursive ? HERE | sys.AT_RECURSIVE : HERE;
  sys.mount_setattr(fd, '', flags, sys.encodeMountAttr(change));
}

/** Sets one propagation word (MS_SLAVE|MS_REC …) on the mount that `fd` is the root of. */
export function changePropagation(fd: number, flags: number): void {
  const recursive = (flags & sys.MS_REC) !== 0 ? sys.AT_RECURSIVE : 0;
  sys.mount_setattr(fd, '', HERE | recursive, sys.encodeMountAttr({ propagation: flags & ~sys.MS_REC }));
}

/**
 * Moves the detached mount `mount` onto what `target` (O_PATH) stands for. No name is looked up.
 * KERNEL: a folder on a file, or a file on a folder, is a mere EINVAL here; it is told as ENOTDIR, as mount(2) does.
 */
export function attach(mount: number, target: number): void {
  try {
    sys.move_mount(mount, '', target, '', sys.MOVE_MOUNT_F_EMPTY_PATH | sys.MOVE_MOUNT_T_EMPTY_PATH);
  } catch (error) {
    if (!sys.isErrno(error, sys.E.EINVAL)) throw error;
    if (isFolder(mount) === isFolder(target)) throw error;
    const which = isFolder(mount) ? 'a folder cannot be mounted on a file' : 'a file cannot be mounted on a folder';
    throw new TsociError('ERR_STEP', `${which}: not a directory`, { errno: sys.E.ENOTDIR, cause: error });
  }
}

/** A detached copy of the mount that `fd` lies on, beginning at `fd`; with the mounts below it when `tree`. */
export function cloneMount(fd: number, tree: boolean): number {
  const flags = sys.OPEN_TREE_CLONE | sys.OPEN_TREE_CLOEXEC | HERE;
  return sys.open_tree(fd, '', tree ? flags | sys.AT_RECURSIVE : flags);
}

/** As cloneMount, for a path on the host: trusted, so links are followed. */
export function cloneHostMount(path: string, tree: boolean): number {
  const flags = sys.OPEN_TREE_CLONE | sys.OPEN_TREE_CLOEXEC;
  return sys.open_tree(sys.AT_FDCWD, path, tree ? flags | sys.AT_RECURSIVE : flags);
}

const ST_FLAGS = (): [number, number][] => [
  [sys.ST_RDONLY, sys.MOUNT_ATTR_RDONLY],
  [sys.ST_NOSUID, sys.MOUNT_ATTR_NOSUID],
  [sys.ST_NODEV, sys.MOUNT_ATTR_NODEV],
  [sys.ST_NOEXEC, sys.MOUNT_ATTR_NOEXEC],
];

/** The attributes a mount has now, of those that statfs(2) tells. */
function presentAttributes(fd: number): number {
  const flags = sys.statfs(fd).flags;
  return ST_FLAGS().reduce((sum, [st, attribute]) => ((flags & st) !== 0 ? sum | attribute : sum), 0);
}

/**
 * Attributes of a bind mount. KERNEL: in a user namespace, those that the source's mount came with are locked, and taking
 * one away is EPERM. Like runc: what the configuration only does not mention stays; what it takes away by name is an error.
 */
export function changeBind(fd: number, change: BindAttributes): void {
  try {
    changeMount(fd, change, false);
  } catch (error) {
    if (!sys.isErrno(error, sys.E.EPERM)) throw error;
    const present = presentAttributes(fd);
    if ((present & change.explicit) !== 0) throw error;
    changeMount(fd, { set: change.set, clear: change.clear & ~present }, false);
  }
}
