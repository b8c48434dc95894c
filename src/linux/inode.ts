// What a descriptor stands for, by its inode: names lie.

import * as sys from './sys/index.ts';

/** S_IFDIR, S_IFREG … of what `fd` stands for, also an O_PATH descriptor. */
export const typeOf = (fd: number): number => sys.fstat(fd).mode & sys.S_IFMT;

export const isFolder = (fd: number): boolean => typeOf(fd) === sys.S_IFDIR;

export function isEmptyFile(fd: number): boolean {
  const { mode, size } = sys.fstat(fd);
  return (mode & sys.S_IFMT) === sys.S_IFREG && size === 0;
}

/** `fd` is this device; the numbers of a FIFO do not matter. */
export function isDevice(fd: number, type: number, major: number, minor: number): boolean {
  const { mode, rdev } = sys.fstat(fd);
  return (mode & sys.S_IFMT) === type && (type === sys.S_IFIFO || rdev === sys.makedev(major, minor));
}
