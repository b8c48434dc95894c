// Plain file work, all of it through the door.

import * as calls from './calls.ts';
import * as k from './constants.ts';
import { door } from './current.ts';
import { SyscallError } from './error.ts';
import { decodeDirents, decodeStatfs, decodeStatx, type Stat } from './structs.ts';

/** A folder to go on from, relative to `dirfd`: a descriptor that neither reads nor lists (O_PATH). */
export const openFolder = (path: string, dirfd = k.AT_FDCWD): number =>
  calls.openat(dirfd, path, k.O_PATH | k.O_DIRECTORY | k.O_CLOEXEC);

/** Runs `use` and closes `fd` after it, always. */
export function withFd<T>(fd: number, use: (fd: number) => T): T {
  try {
    return use(fd);
  } finally {
    calls.close(fd);
  }
}

export const isErrno = (error: unknown, ...errnos: readonly number[]): error is SyscallError =>
  error instanceof SyscallError && errnos.includes(error.errno);

/** Reads to the end, `limit` bytes at most. */
export function readAll(fd: number, limit = 64 << 20): Uint8Array {
  let buffer = new Uint8Array(16 * 1024);
  let length = 0;
  while (length < limit) {
    if (length === buffer.length) {
      const larger = new Uint8Array(buffer.length * 4);
      larger.set(buffer);
      buffer = larger;
    }
    const count = calls.read(fd, buffer.subarray(length, Math.min(buffer.length, limit)));
    if (count === 0) break;
    length += count;
  }
  return buffer.subarray(0, length);
}

export function writeAll(fd: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; ) at += calls.write(fd, bytes.subarray(at));
}

const readFileAt = (dirfd: number, path: string, limit?: number): Uint8Array =>
  withFd(calls.openat(dirfd, path, k.O_RDONLY | k.O_CLOEXEC), (fd) => readAll(fd, limit));

export const readFile = (path: string, limit?: number): Uint8Array => readFileAt(k.AT_FDCWD, path, limit);

export const readTextAt = (dirfd: number, path: string): string => door().decode(readFileAt(dirfd, path));

export const readText = (path: string): string => readTextAt(k.AT_FDCWD, path);

/** ONE write(2) into a file that is there: procfs, sysfs and cgroup files take a value whole. */
export function writeTextAt(dirfd: number, path: string, text: string): void {
  withFd(calls.openat(dirfd, path, k.O_WRONLY | k.O_CLOEXEC), (fd) => calls.write(fd, door().encode(text)));
}

export const writeText = (path: string, text: string): void => writeTextAt(k.AT_FDCWD, path, text);

/** Makes a file that is not there yet, following no link. */
export function writeNewFile(path: string, data: string | Uint8Array, mode: number): void {
  const flags = k.O_WRONLY | k.O_CREAT | k.O_TRUNC | k.O_NOFOLLOW | k.O_CLOEXEC;
  withFd(calls.openat(k.AT_FDCWD, path, flags, mode), (fd) =>
    writeAll(fd, typeof data === 'string' ? door().encode(data) : data),
  );
}

/** Written whole at `temporary` and renamed into place, so that nobody reads half of it. */
export function replaceFile(path: string, text: string, mode: number, temporary = `${path}.new`): void {
  writeNewFile(temporary, text, mode);
  calls.renameat2(k.AT_FDCWD, temporary, k.AT_FDCWD, path, 0);
}

export function fstat(fd: number): Stat {
  const buffer = new Uint8Array(256);
  calls.statx(fd, '', k.AT_EMPTY_PATH, k.STATX_BASIC_STATS, buffer);
  return decodeStatx(buffer);
}

/** Follows links, unless AT_SYMLINK_NOFOLLOW is among `flags`. */
export function statAt(dirfd: number, path: string, flags = 0): Stat {
  const buffer = new Uint8Array(256);
  calls.statx(dirfd, path, flags, k.STATX_BASIC_STATS, buffer);
  return decodeStatx(buffer);
}

export function statfs(fd: number): { readonly type: number; readonly flags: number } {
  const buffer = new Uint8Array(120);
  calls.fstatfs(fd, buffer);
  return decodeStatfs(buffer);
}

/** The magic number of the file system that `fd` is on. */
export const fileSystemType = (fd: number): number => statfs(fd).type;

export function existsAt(dirfd: number, path: string): boolean {
  try {
    calls.faccessat2(dirfd, path, 0, 0);
    return true;
  } catch (error) {
    if (error instanceof SyscallError) return false;
    throw error;
  }
}

export const exists = (path: string): boolean => existsAt(k.AT_FDCWD, path);

/** By the effective user: R_OK, W_OK, X_OK. */
export function isAccessible(path: string, mode: number): boolean {
  try {
    calls.faccessat2(k.AT_FDCWD, path, mode, k.AT_EACCESS);
    return true;
  } catch (error) {
    if (error instanceof SyscallError) return false;
    throw error;
  }
}

export function isDirectory(path: string): boolean {
  try {
    return (statAt(k.AT_FDCWD, path).mode & k.S_IFMT) === k.S_IFDIR;
  } catch (error) {
    if (error instanceof SyscallError) return false;
    throw error;
  }
}

export function isOpen(fd: number): boolean {
  try {
    calls.fcntl(fd, k.F_GETFD, 0);
    return true;
  } catch (error) {
    if (isErrno(error, k.E.EBADF)) return false;
    throw error;
  }
}

export function readLinkAt(dirfd: number, path: string): string {
  const buffer = new Uint8Array(4096);
  const length = calls.readlinkat(dirfd, path, buffer);
  return door().decode(buffer.subarray(0, length));
}

/** getcwd(2): `(unreachable)…` for a folder outside of the root. */
export function currentDirectory(): string {
  const buffer = new Uint8Array(4096);
  const length = calls.getcwd(buffer);
  return door().decode(buffer.subarray(0, length - 1));
}

export function listDirAt(fd: number): string[] {
  const names: string[] = [];
  const buffer = new Uint8Array(32 * 1024);
  for (let count = calls.getdents64(fd, buffer); count > 0; count = calls.getdents64(fd, buffer)) {
    names.push(...decodeDirents(buffer.subarray(0, count), (name) => door().decode(name)));
  }
  return names;
}

export const listDir = (path: string): string[] =>
  withFd(calls.openat(k.AT_FDCWD, path, k.O_RDONLY | k.O_DIRECTORY | k.O_CLOEXEC), listDirAt);

/** mkdir(1) -p: what is there already is no error. */
export function mkdirAll(path: string, mode: number): void {
  try {
    calls.mkdirat(k.AT_FDCWD, path, mode);
  } catch (error) {
    if (isErrno(error, k.E.EEXIST)) return;
    const parent = path.slice(0, path.lastIndexOf('/'));
    if (!isErrno(error, k.E.ENOENT) || parent === '') throw error;
    mkdirAll(parent, mode);
    mkdirAll(path, mode);
  }
}

/** unlink(2); what is not there is no error. */
export function unlinkQuietly(path: string): void {
  try {
    calls.unlinkat(k.AT_FDCWD, path, 0);
  } catch (error) {
    if (!isErrno(error, k.E.ENOENT)) throw error;
  }
}

/** A descriptor that can be read when the file has been changed; the kernel's own changes of cgroup files count too. */
export function watchFile(path: string): number {
  const watch = calls.inotify_init1(k.IN_CLOEXEC);
  try {
    calls.inotify_add_watch(watch, path, k.IN_MODIFY);
    return watch;
  } catch (error) {
    calls.close(watch);
    throw error;
  }
}
