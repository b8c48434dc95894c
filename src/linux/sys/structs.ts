// Codecs of the kernel's structs: their layouts are proven against the C compiler's in structs.test.ts.
// Little-endian, 64-bit: x86-64 and arm64.

import type { Int64, Uint64 } from '../../spec/types.ts';
import * as k from './constants.ts';
import type { Refs } from './door.ts';

const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/** struct open_how (openat2(2)). */
export function encodeOpenHow(flags: number, mode: number, resolve: number): Uint8Array {
  const bytes = new Uint8Array(24);
  const view = viewOf(bytes);
  view.setUint32(0, flags, true);
  view.setUint32(8, mode, true);
  view.setUint32(16, resolve, true);
  return bytes;
}

export interface MountAttr {
  readonly set?: number;
  readonly clear?: number;
  readonly propagation?: number;
  readonly usernsFd?: number;
}

/** struct mount_attr (mount_setattr(2)). */
export function encodeMountAttr(attr: MountAttr): Uint8Array {
  const bytes = new Uint8Array(32);
  const view = viewOf(bytes);
  view.setUint32(0, attr.set ?? 0, true);
  view.setUint32(8, attr.clear ?? 0, true);
  view.setUint32(16, attr.propagation ?? 0, true);
  view.setUint32(24, attr.usernsFd ?? 0, true);
  return bytes;
}

/** struct clone_args (clone3(2)), with CLONE_INTO_CGROUP when `cgroup` is given. */
export function encodeCloneArgs(args: { flags: number; exitSignal: number; cgroup?: number }): Uint8Array {
  const bytes = new Uint8Array(88);
  const view = viewOf(bytes);
  view.setUint32(0, args.flags, true);
  view.setUint32(32, args.exitSignal, true);
  if (args.cgroup !== undefined) {
    view.setUint32(4, k.CLONE_INTO_CGROUP / 2 ** 32, true);
    view.setUint32(80, args.cgroup, true);
  }
  return bytes;
}

/** struct rlimit64 (prlimit(2)). */
export function encodeRlimit(soft: Uint64, hard: Uint64): Uint8Array {
  const bytes = new Uint8Array(16);
  viewOf(bytes).setBigUint64(0, BigInt(soft), true);
  viewOf(bytes).setBigUint64(8, BigInt(hard), true);
  return bytes;
}

export interface SchedAttr {
  readonly policy: number;
  readonly flags: number;
  readonly nice: number;
  readonly priority: number;
  readonly runtime: Uint64;
  readonly deadline: Uint64;
  readonly period: Uint64;
}

/** struct sched_attr, its first version (sched_setattr(2)). */
export function encodeSchedAttr(attr: SchedAttr): Uint8Array {
  const bytes = new Uint8Array(48);
  const view = viewOf(bytes);
  view.setUint32(0, 48, true);
  view.setUint32(4, attr.policy, true);
  view.setUint32(8, attr.flags, true);
  view.setInt32(16, attr.nice, true);
  view.setUint32(20, attr.priority, true);
  view.setBigUint64(24, BigInt(attr.runtime), true);
  view.setBigUint64(32, BigInt(attr.deadline), true);
  view.setBigUint64(40, BigInt(attr.period), true);
  return bytes;
}

/** struct sockaddr_un: the family and the path with its NUL. */
export function encodeUnixAddress(path: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(2 + path.length + 1);
  viewOf(bytes).setUint16(0, k.AF_UNIX, true);
  bytes.set(path, 2);
  return bytes;
}

/** The same in the abstract name space: the length ends the name. */
export function encodeAbstractAddress(name: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(3 + name.length);
  viewOf(bytes).setUint16(0, k.AF_UNIX, true);
  bytes.set(name, 3);
  return bytes;
}

/** struct timespec. */
export function encodeTimespec(seconds: Int64, nanoseconds: number): Uint8Array {
  const bytes = new Uint8Array(16);
  viewOf(bytes).setBigInt64(0, BigInt(seconds), true);
  viewOf(bytes).setBigInt64(8, BigInt(nanoseconds), true);
  return bytes;
}

/** struct sock_fprog (seccomp(2)): the number of 8-byte instructions and their address. */
export function encodeSockFprog(filter: Uint8Array): Refs {
  const bytes = new Uint8Array(16);
  viewOf(bytes).setUint16(0, filter.length / 8, true);
  return { bytes, refs: [[8, filter]] };
}

export interface CapabilityWords {
  /** [low, high] 32 bits. */
  readonly effective: readonly [number, number];
  readonly permitted: readonly [number, number];
  readonly inheritable: readonly [number, number];
}

/** struct __user_cap_header_struct, version 3, for the calling thread. */
export function encodeCapHeader(): Uint8Array {
  const bytes = new Uint8Array(8);
  viewOf(bytes).setUint32(0, k.LINUX_CAPABILITY_VERSION_3, true);
  return bytes;
}

/** struct __user_cap_data_struct[2]. */
export function encodeCapData(sets: CapabilityWords): Uint8Array {
  const bytes = new Uint8Array(24);
  const view = viewOf(bytes);
  for (const word of [0, 1] as const) {
    view.setUint32(12 * word, sets.effective[word], true);
    view.setUint32(12 * word + 4, sets.permitted[word], true);
    view.setUint32(12 * word + 8, sets.inheritable[word], true);
  }
  return bytes;
}

export function decodeCapData(bytes: Uint8Array): CapabilityWords {
  const view = viewOf(bytes);
  const pair = (offset: number): [number, number] => [view.getUint32(offset, true), view.getUint32(12 + offset, true)];
  return { effective: pair(0), permitted: pair(4), inheritable: pair(8) };
}

export interface Stat {
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly ino: bigint;
  readonly size: number;
  /** Of the device that the file is, and of the one that it is on; as makedev(3). */
  readonly rdev: number;
  readonly dev: number;
}

/** Device numbers as mknod(2) takes them: 12 bits of major, 20 of minor. */
export const makedev = (major: number, minor: number): number =>
  ((minor & 0xff) | ((major & 0xfff) << 8)) + (minor >>> 8) * 0x100000;

export const major = (dev: number): number => Math.floor(dev / 0x100) & 0xfff;

export const minor = (dev: number): number => (dev & 0xff) | (Math.floor(dev / 0x100000) << 8);

/** struct statx. */
export function decodeStatx(bytes: Uint8Array): Stat {
  const view = viewOf(bytes);
  return {
    mode: view.getUint16(28, true),
    uid: view.getUint32(20, true),
    gid: view.getUint32(24, true),
    ino: view.getBigUint64(32, true),
    size: Number(view.getBigUint64(40, true)),
    rdev: makedev(view.getUint32(128, true), view.getUint32(132, true)),
    dev: makedev(view.getUint32(136, true), view.getUint32(140, true)),
  };
}

/** f_type and f_flags (ST_*) of struct statfs. */
export function decodeStatfs(bytes: Uint8Array): { readonly type: number; readonly flags: number } {
  return { type: viewOf(bytes).getUint32(0, true), flags: viewOf(bytes).getUint32(80, true) };
}

/** Names of struct linux_dirent64 records, without `.` and `..`. */
export function decodeDirents(bytes: Uint8Array, decode: (name: Uint8Array) => string): string[] {
  const view = viewOf(bytes);
  const names: string[] = [];
  for (let at = 0; at < bytes.length; at += view.getUint16(at + 16, true)) {
    const start = at + 19;
    const name = decode(bytes.subarray(start, bytes.indexOf(0, start)));
    if (name !== '.' && name !== '..') names.push(name);
  }
  return names;
}

const CMSG_HEADER = 16;

/** struct msghdr with one buffer, and room for `fds` of SCM_RIGHTS (unix(7)). */
export function encodeMessage(data: Uint8Array, control: Uint8Array | undefined): Refs {
  const iov = new Uint8Array(16);
  viewOf(iov).setUint32(8, data.length, true);
  const bytes = new Uint8Array(56);
  viewOf(bytes).setUint32(24, 1, true);
  const refs: [number, Uint8Array | Refs][] = [[16, { bytes: iov, refs: [[0, data]] }]];
  if (control !== undefined) {
    viewOf(bytes).setUint32(40, control.length, true);
    refs.push([32, control]);
  }
  return { bytes, refs };
}

export function encodeRights(fds: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(CMSG_HEADER + Math.ceil((4 * fds.length) / 8) * 8);
  const view = viewOf(bytes);
  view.setUint32(0, CMSG_HEADER + 4 * fds.length, true);
  view.setInt32(8, k.SOL_SOCKET, true);
  view.setInt32(12, k.SCM_RIGHTS, true);
  for (const [index, fd] of fds.entries()) view.setInt32(CMSG_HEADER + 4 * index, fd, true);
  return bytes;
}

/** Descriptors of a received control message; `length` is msg_controllen. */
export function decodeRights(control: Uint8Array, length: number): number[] {
  if (length < CMSG_HEADER) return [];
  const view = viewOf(control);
  if (view.getInt32(8, true) !== k.SOL_SOCKET || view.getInt32(12, true) !== k.SCM_RIGHTS) return [];
  const count = Math.floor((Math.min(view.getUint32(0, true), length) - CMSG_HEADER) / 4);
  return Array.from({ length: count }, (_, index) => view.getInt32(CMSG_HEADER + 4 * index, true));
}

/** msg_controllen of a struct msghdr after recvmsg(2). */
export const controlLength = (message: Refs): number => viewOf(message.bytes).getUint32(40, true);
