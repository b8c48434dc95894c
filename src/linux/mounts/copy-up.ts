// `tmpcopyup`: a tmpfs that begins with a copy of the folder it covers. Descriptors only; links are copied, not followed.

import { TsociError } from '../../errors.ts';
import * as sys from '../sys/index.ts';

const MAX_DEPTH = 256;

function copyBytes(from: number, to: number): void {
  const buffer = new Uint8Array(65536);
  for (let count = sys.read(from, buffer); count > 0; count = sys.read(from, buffer)) {
    sys.writeAll(to, buffer.subarray(0, count));
  }
}

/** SAFETY: O_NONBLOCK|O_NOFOLLOW: a FIFO or link put in the file's place neither blocks nor leads away. */
function copyFile(from: number, to: number, name: string, mode: number): void {
  const source = sys.openat(from, name, sys.O_RDONLY | sys.O_NONBLOCK | sys.O_NOFOLLOW | sys.O_CLOEXEC);
  sys.withFd(source, () => {
    const flags = sys.O_WRONLY | sys.O_CREAT | sys.O_EXCL | sys.O_NOFOLLOW | sys.O_CLOEXEC;
    sys.withFd(sys.openat(to, name, flags, mode & 0o777), (copy) => copyBytes(source, copy));
  });
}

const copyLink = (from: number, to: number, name: string): void => sys.symlinkat(sys.readLinkAt(from, name), to, name);

function copyFolder(from: number, to: number, name: string, depth: number): void {
  const flags = sys.O_RDONLY | sys.O_DIRECTORY | sys.O_NOFOLLOW | sys.O_CLOEXEC;
  sys.withFd(sys.openat(from, name, flags), (source) => {
    sys.mkdirat(to, name, 0o700);
    sys.withFd(sys.openat(to, name, flags), (copy) => copyEntries(source, copy, depth + 1));
  });
}

function copyEntry(from: number, to: number, name: string, depth: number): void {
  const { mode, uid, gid, rdev } = sys.statAt(from, name, sys.AT_SYMLINK_NOFOLLOW);
  const type = mode & sys.S_IFMT;
  if (type === sys.S_IFSOCK) return;
  if (type === sys.S_IFDIR) copyFolder(from, to, name, depth);
  else if (type === sys.S_IFLNK) copyLink(from, to, name);
  else if (type === sys.S_IFREG) copyFile(from, to, name, mode);
  else sys.mknodat(to, name, mode, rdev);
  sys.fchownat(to, name, uid, gid, sys.AT_SYMLINK_NOFOLLOW);
  // ORDER: the mode after the owner: chown(2) takes set-user-id bits away.
  if (type !== sys.S_IFLNK) sys.fchmodat(to, name, mode & 0o7777);
}

function copyEntries(from: number, to: number, depth: number): void {
  if (depth > MAX_DEPTH) throw new TsociError('ERR_STEP', 'tmpcopyup: folders are nested too deeply');
  for (const name of sys.listDirAt(from)) copyEntry(from, to, name, depth);
}

/** Copies the folder `covered` (O_PATH), its mode and what lies in it, into the new, still detached mount `mount`. */
export function copyUp(covered: number, mount: number): void {
  const flags = sys.O_RDONLY | sys.O_DIRECTORY | sys.O_CLOEXEC;
  sys.withFd(sys.openat(covered, '.', flags), (from) =>
    sys.withFd(sys.openat(mount, '.', flags), (to) => {
      sys.fchmod(to, sys.fstat(from).mode & 0o7777);
      copyEntries(from, to, 0);
    }),
  );
}
