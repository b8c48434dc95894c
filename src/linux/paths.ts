// Paths of the container, by descriptor. The rootfs is hostile and may change while we look at it: no path below it is
// ever used as a string twice, and none without openat2(2) confined to the root (CVE-2021-30465, CVE-2024-45310).

import { TsociError } from '../errors.ts';
import { splitPath } from './names.ts';
import * as sys from './sys/index.ts';

const CONFINED = sys.RESOLVE_IN_ROOT | sys.RESOLVE_NO_MAGICLINKS;
const MAX_ATTEMPTS = 128;
const MAX_LINKS = 40;

/** `path` for a lookup below the root's descriptor: an empty path would mean something else to the kernel. */
const below = (path: string): string => (path === '/' || path === '' ? '.' : path);

/** The errors that mean "no such path": the second is of a file where a folder had to be. */
const ABSENT: readonly number[] = [sys.E.ENOENT, sys.E.ENOTDIR];

/** A failure that is expected is caught once: thrown again, it would cost a stack. */
function lookUp(root: number, path: string, how: Uint8Array, expected: readonly number[]): number | undefined {
  for (let attempt = 1; ; attempt++) {
    try {
      return sys.openat2(root, below(path), how);
    } catch (error) {
      if (sys.isErrno(error, ...expected)) return undefined;
      if (!sys.isErrno(error, sys.E.EAGAIN) || attempt >= MAX_ATTEMPTS) throw error;
    }
  }
}

/**
 * openat2(2) that never leaves `root`: links, also absolute ones, are followed as if `root` were "/"; magic links are not.
 * `resolve` adds RESOLVE_* flags. KERNEL: a rename somewhere on the way makes the lookup fail with EAGAIN; it is tried again.
 */
export const openInRoot = (root: number, path: string, flags: number, resolve = 0): number =>
  lookUp(root, path, sys.encodeOpenHow(flags | sys.O_CLOEXEC, 0, CONFINED | resolve), []) as number;

/** As openInRoot, but undefined where there is no such path. */
export const tryOpenInRoot = (root: number, path: string, flags: number, resolve = 0): number | undefined =>
  lookUp(root, path, sys.encodeOpenHow(flags | sys.O_CLOEXEC, 0, CONFINED | resolve), ABSENT);

/** The target of a link inside the folder `dirfd`, or undefined when the name is not a link. */
function linkTarget(dirfd: number, name: string): string | undefined {
  try {
    return sys.readLinkAt(dirfd, name);
  } catch (error) {
    if (sys.isErrno(error, sys.E.EINVAL)) return undefined;
    throw error;
  }
}

function mkdirOrFind(parent: number, name: string): void {
  try {
    sys.mkdirat(parent, name, 0o755);
  } catch (error) {
    if (!sys.isErrno(error, sys.E.EEXIST)) throw error;
  }
}

const join = (folder: string, rest: string): string => (folder === '/' ? `/${rest}` : `${folder}/${rest}`);

/** Text of a link put in place of its last name: `/a/l` -> `b/c` is `/a/b/c`, `/x` is `/x`. `..` is left to the kernel. */
const follow = (folder: string, target: string): string => (target.startsWith('/') ? target : join(folder, target));

/**
 * Opens the folder `path` (clean, absolute) below `root` and makes what is missing of it, part by part, mode 0755.
 * A dangling link is completed, as the root's own path lookup would follow it. Returns an O_PATH descriptor.
 */
export function makeFolder(root: number, path: string, links = 0): number {
  const flags = sys.O_PATH | sys.O_DIRECTORY;
  const found = path === '/' ? openInRoot(root, '.', flags) : tryOpenInRoot(root, path, flags);
  if (found !== undefined) return found;
  const { folder, name } = splitPath(path);
  const parent = makeFolder(root, folder, links);
  try {
    if (name === '..') return openInRoot(root, path, flags);
    mkdirOrFind(parent, name);
    const made = tryOpenInRoot(root, path, flags);
    if (made !== undefined) return made;
    const target = linkTarget(parent, name);
    if (target === undefined) throw new TsociError('ERR_STEP', `${path}: not a directory`, { errno: sys.E.ENOTDIR });
    if (links >= MAX_LINKS) throw new TsociError('ERR_STEP', `${path}: too many links`, { errno: sys.E.ELOOP });
    return makeFolder(root, follow(folder, target), links + 1);
  } finally {
    sys.close(parent);
  }
}

/** COMPAT: the mode of an empty file that runc makes for a bind mount (1.3; 1.1 0755, crun 0700). */
const FILE_MODE = 0o644;

/** Makes an empty file, or finds that the name is taken. SAFETY: O_EXCL|O_NOFOLLOW: a link is never written through. */
export function createOrFind(parent: number, name: string, mode: number): void {
  const flags = sys.O_CREAT | sys.O_EXCL | sys.O_NOFOLLOW | sys.O_WRONLY | sys.O_CLOEXEC;
  try {
    sys.close(sys.openat(parent, name, flags, mode));
  } catch (error) {
    if (!sys.isErrno(error, sys.E.EEXIST)) throw error;
  }
}

function makeFile(root: number, path: string, links = 0): number {
  const { folder, name } = splitPath(path);
  return sys.withFd(makeFolder(root, folder), (parent) => {
    createOrFind(parent, name, FILE_MODE);
    const made = tryOpenInRoot(root, path, sys.O_PATH);
    if (made !== undefined) return made;
    const target = linkTarget(parent, name);
    if (target === undefined || links >= MAX_LINKS) {
      throw new TsociError('ERR_STEP', `${path}: no such file or directory`, { errno: sys.E.ENOENT });
    }
    return makeFile(root, follow(folder, target), links + 1);
  });
}

/** A descriptor that is not in the way when it is on a procfs: CVE-2019-16884, CVE-2023-27561. */
function refuseProcfs(fd: number, path: string): number {
  if (sys.fileSystemType(fd) !== sys.PROC_SUPER_MAGIC) return fd;
  sys.close(fd);
  throw new TsociError('ERR_STEP', `"${path}" cannot be mounted because a link leads it inside /proc`);
}

/** Makes the last part of `path`, whose other parts are real folders; what is there already is left. */
function makePlain(root: number, path: string, asFolder: boolean): number {
  const { folder, name } = splitPath(path);
  return sys.withFd(openPlainFolder(root, folder), (parent) => {
    if (asFolder) mkdirOrFind(parent, name);
    else createOrFind(parent, name, FILE_MODE);
    return openInRoot(parent, name, asFolder ? sys.O_PATH | sys.O_DIRECTORY : sys.O_PATH, sys.RESOLVE_NO_SYMLINKS);
  });
}

function openPlainFolder(root: number, path: string): number {
  try {
    return openInRoot(root, path, sys.O_PATH | sys.O_DIRECTORY, sys.RESOLVE_NO_SYMLINKS);
  } catch (error) {
    if (!sys.isErrno(error, sys.E.ENOENT) || path === '/') throw error;
    return makePlain(root, path, true);
  }
}

/** The usual case, without a link on the way: undefined when there is one, or when somebody is at work there. */
function tryMakePlain(root: number, path: string, asFolder: boolean): number | undefined {
  try {
    return makePlain(root, path, asFolder);
  } catch (error) {
    if (sys.isErrno(error, sys.E.ELOOP, sys.E.ENOENT, sys.E.ENOTDIR)) return undefined;
    throw error;
  }
}

const ordinaryFolderError = (path: string): TsociError =>
  new TsociError('ERR_STEP', `"${path}" must be mounted on ordinary directory`, { errno: sys.E.ELOOP });

/** By way of links, confined to the root. */
function openThroughLinks(root: number, path: string, isFolder: () => boolean): number {
  const found = tryOpenInRoot(root, path, sys.O_PATH);
  if (found !== undefined) return refuseProcfs(found, path);
  return refuseProcfs(isFolder() ? makeFolder(root, path) : makeFile(root, path), path);
}

/**
 * O_PATH descriptor of the mount point `path` (clean, absolute), made if missing: a folder, or a file when `isFolder()`
 * says so, which is asked only then. `links: 'refuse'` wants a real folder at every part (CVE-2019-19921: /proc, /sys).
 */
export function openMountPoint(
  root: number,
  path: string,
  links: 'follow' | 'refuse',
  isFolder: () => boolean,
): number {
  try {
    return openInRoot(root, path, sys.O_PATH, sys.RESOLVE_NO_SYMLINKS);
  } catch (error) {
    if (!sys.isErrno(error, sys.E.ELOOP, sys.E.ENOENT)) throw error;
    const made = sys.isErrno(error, sys.E.ENOENT) ? tryMakePlain(root, path, isFolder()) : undefined;
    if (made !== undefined) return made;
    if (links === 'refuse') throw ordinaryFolderError(path);
    return openThroughLinks(root, path, isFolder);
  }
}
