// `tmpcopyup`: a tmpfs that begins with a copy of the folder it covers. Descriptors only; links are copied, not followed.

import { TsociError } from '../../errors.ts';
import { deviceNumber, inodeAt } from '../inode.ts';
import * as sys from '../sys/index.ts';

const MAX_DEPTH = 256;

function copyBytes(from: number, to: number): void {
  const buffer = new Uint8Array(65536);
  for (;;) {
    const length = sys.read(from, buffer);
    if (length <= 0) return;
    for (let done = 0; done < length; ) done += sys.write(to, buffer.subarray(done, length));
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

function copyLink(from: number, to: number, name: string): void {
  const buffer = new Uint8Array(4096);
  const length = sys.readlinkat(from, name, buffer);
  sys.symlinkat(sys.door().decode(buffer.subarray(0, length)), to, name);
}

function copyFolder(from: number, to: number, name: string, depth: number): void {
  const flags = sys.O_RDONLY | sys.O_DIRECTORY | sys.O_NOFOLLOW | sys.O_CLOEXEC;
  sys.withFd(sys.openat(from, name, flags), (source) => {
    sys.mkdirat(to, name, 0o700);
    sys.withFd(sys.openat(to, name, flags), (copy) => copyEntries(source, copy, depth + 1));
  });
}

function copyEntry(from: number, to: number, name: string, depth: number): void {
  const inode = inodeAt(from, name);
  const { type } = inode;
  if (type === sys.S_IFSOCK) return;
  if (type === sys.S_IFDIR) copyFolder(from, to, name, depth);
  else if (type === sys.S_IFLNK) copyLink(from, to, name);
  else if (type === sys.S_IFREG) copyFile(from, to, name, inode.mode);
  else sys.mknodat(to, name, inode.type | inode.mode, deviceNumber(inode.rdevMajor, inode.rdevMinor));
  sys.fchownat(to, name, inode.uid, inode.gid, sys.AT_SYMLINK_NOFOLLOW);
  // ORDER: the mode after the owner: chown(2) takes set-user-id bits away.
  if (type !== sys.S_IFLNK) sys.fchmodat(to, name, inode.mode, 0);
}

/** getdents64(2): records of inode, offset, length (16 bits at 16), type, name (from 19, NUL-terminated). */
function listNames(folder: number): string[] {
  const names: string[] = [];
  const buffer = new Uint8Array(32768);
  const view = new DataView(buffer.buffer);
  for (;;) {
    const length = sys.getdents64(folder, buffer);
    if (length <= 0) return names;
    for (let at = 0; at < length; at += view.getUint16(at + 16, true)) {
      const name = sys.door().decode(buffer.subarray(at + 19, buffer.indexOf(0, at + 19)));
      if (name !== '.' && name !== '..') names.push(name);
    }
  }
}

function copyEntries(from: number, to: number, depth: number): void {
  if (depth > MAX_DEPTH) throw new TsociError('ERR_STEP', 'tmpcopyup: folders are nested too deeply');
  for (const name of listNames(from)) copyEntry(from, to, name, depth);
}

/** Copies what lies in the folder `covered` (O_PATH) into the new, still detached mount `mount`. */
export function copyUp(covered: number, mount: number): void {
  const flags = sys.O_RDONLY | sys.O_DIRECTORY | sys.O_CLOEXEC;
  sys.withFd(sys.openat(covered, '.', flags), (from) =>
    sys.withFd(sys.openat(mount, '.', flags), (to) => copyEntries(from, to, 0)),
  );
}
