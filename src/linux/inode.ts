// What a descriptor stands for: statx(2), statfs(2). Names lie, inodes do not.

import * as sys from './sys/index.ts';

export interface Inode {
  /** S_IFDIR, S_IFREG … */
  readonly type: number;
  /** Permission bits, 0o7777. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly rdevMajor: number;
  readonly rdevMinor: number;
}

const STATX_SIZE = 256;
const STATFS_SIZE = 120;
/** Offset of f_flags in struct statfs of the 64-bit architectures. */
const F_FLAGS = 80;

function statInode(dirfd: number, name: string, flags: number): Inode {
  const bytes = new Uint8Array(STATX_SIZE);
  sys.statx(dirfd, name, flags, sys.STATX_BASIC_STATS, bytes);
  const view = new DataView(bytes.buffer);
  const mode = view.getUint16(28, true);
  return {
    type: mode & sys.S_IFMT,
    mode: mode & 0o7777,
    uid: view.getUint32(20, true),
    gid: view.getUint32(24, true),
    rdevMajor: view.getUint32(128, true),
    rdevMinor: view.getUint32(132, true),
  };
}

/** The inode that `fd` stands for, also an O_PATH descriptor's. */
export const inodeOf = (fd: number): Inode => statInode(fd, '', sys.AT_EMPTY_PATH);

/** The inode of a name in a folder; a link is not followed. */
export const inodeAt = (dirfd: number, name: string): Inode => statInode(dirfd, name, sys.AT_SYMLINK_NOFOLLOW);

/** `fd` is this device; the numbers of a FIFO do not matter. */
export function isDevice(fd: number, type: number, major: number, minor: number): boolean {
  const inode = inodeOf(fd);
  if (inode.type !== type) return false;
  return type === sys.S_IFIFO || (inode.rdevMajor === major && inode.rdevMinor === minor);
}

/** The kernel's packing of a device number: 12 bits of major between 8 and 12 of minor. */
export const deviceNumber = (major: number, minor: number): number =>
  ((minor & 0xff) | ((major & 0xfff) << 8) | ((minor & 0xfff00) << 12)) >>> 0;

function statFileSystem(fd: number): DataView {
  const bytes = new Uint8Array(STATFS_SIZE);
  sys.fstatfs(fd, bytes);
  return new DataView(bytes.buffer);
}

/** Magic number of the file system: PROC_SUPER_MAGIC … */
export const fileSystemType = (fd: number): number => statFileSystem(fd).getUint32(0, true);

/** ST_RDONLY, ST_NOSUID … of the mount. */
export const mountFlags = (fd: number): number => statFileSystem(fd).getUint32(F_FLAGS, true);
