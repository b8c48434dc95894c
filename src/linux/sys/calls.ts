// The kernel's calls under their own names and in its argument order. A failure throws SyscallError.

import { KEYCTL_SETPERM } from './constants.ts';
import { door } from './current.ts';
import type { Door, Refs, SystemCall } from './door.ts';
import { EINTR, failure } from './error.ts';
import { type CallName, TABLE } from './table.ts';

/** Calls that must not be repeated: the descriptor is closed all the same, or the caller watches the time. */
const NOT_REPEATED: readonly string[] = ['close', 'ppoll'];

/** Bytes of the kernel's sigset_t. */
const SIGSET_SIZE = 8;

declare const host: Door | undefined;

function bindAt(opened: Door, name: CallName): SystemCall {
  const [x64, arm64, signature] = TABLE[name];
  const repeated = !NOT_REPEATED.includes(name);
  return opened.bind(opened.arch === 'x64' ? x64 : arm64, signature, (errno, ...args) => {
    if (errno === EINTR && repeated) return true;
    throw failure(name, args, errno);
  });
}

/** In the executable bound once, while building. Elsewhere doors are opened later, and tests open several. */
const call = (name: CallName): SystemCall =>
  typeof host === 'undefined' ? (...args) => bindAt(door(), name)(...args) : bindAt(host, name);

/** clone3(2) as fork: 0 in the child, which goes on in the same program. */
export function clone3(args: Uint8Array): number {
  const result = door().clone3(args);
  if (result < 0) throw failure('clone3', [], -result);
  return result;
}

export const openat: (dirfd: number, path: string, flags: number, mode?: number) => number = call('openat');
export const openat2: (dirfd: number, path: string, how: Uint8Array) => number = call('openat2');
export const close: (fd: number) => void = call('close');
export const read: (fd: number, buffer: Uint8Array) => number = call('read');
export const write: (fd: number, buffer: Uint8Array) => number = call('write');
export const pread64: (fd: number, buffer: Uint8Array, offset: number | bigint) => number = call('pread64');
export const lseek: (fd: number, offset: number | bigint, whence: number) => number = call('lseek');
export const statx: (dirfd: number, path: string, flags: number, mask: number, buffer: Uint8Array) => void =
  call('statx');
export const fstatfs: (fd: number, buffer: Uint8Array) => void = call('fstatfs');
export const mkdirat: (dirfd: number, path: string, mode: number) => void = call('mkdirat');
export const mknodat: (dirfd: number, path: string, mode: number, dev: number | bigint) => void = call('mknodat');
export const symlinkat: (target: string, dirfd: number, path: string) => void = call('symlinkat');
export const unlinkat: (dirfd: number, path: string, flags: number) => void = call('unlinkat');
export const linkat: (olddirfd: number, oldpath: string, newdirfd: number, newpath: string, flags: number) => void =
  call('linkat');
export const renameat2: (olddirfd: number, oldpath: string, newdirfd: number, newpath: string, flags: number) => void =
  call('renameat2');
export const readlinkat: (dirfd: number, path: string, buffer: Uint8Array) => number = call('readlinkat');
export const fchownat: (dirfd: number, path: string, uid: number, gid: number, flags: number) => void =
  call('fchownat');
export const fchown: (fd: number, uid: number, gid: number) => void = call('fchown');
export const fchmod: (fd: number, mode: number) => void = call('fchmod');
export const fchmodat: (dirfd: number, path: string, mode: number) => void = call('fchmodat');
export const faccessat2: (dirfd: number, path: string, mode: number, flags: number) => void = call('faccessat2');
export const getdents64: (fd: number, buffer: Uint8Array) => number = call('getdents64');
export const dup3: (oldfd: number, newfd: number, flags: number) => number = call('dup3');
export const fcntl: (fd: number, command: number, argument: number) => number = call('fcntl');
export const flock: (fd: number, operation: number) => void = call('flock');
export const ftruncate: (fd: number, length: number | bigint) => void = call('ftruncate');
export const pipe2: (pair: Uint8Array, flags: number) => void = call('pipe2');
export const socketpair: (domain: number, type: number, protocol: number, pair: Uint8Array) => void =
  call('socketpair');
export const socket: (domain: number, type: number, protocol: number) => number = call('socket');
export const bind: (socket: number, address: Uint8Array) => void = call('bind');
export const connect: (socket: number, address: Uint8Array) => void = call('connect');
export const listen: (socket: number, backlog: number) => void = call('listen');
const acceptFrom = call('accept4');
export const accept4 = (socket: number, flags: number): number => acceptFrom(socket, null, null, flags);
export const sendmsg: (socket: number, message: Refs, flags: number) => number = call('sendmsg');
export const recvmsg: (socket: number, message: Refs, flags: number) => number = call('recvmsg');
export const shutdown: (socket: number, how: number) => void = call('shutdown');
export const mount: (
  source: string | null,
  target: string,
  type: string | null,
  flags: number,
  data: string | null,
) => void = call('mount');
export const umount2: (target: string, flags: number) => void = call('umount2');
export const pivot_root: (newRoot: string, putOld: string) => void = call('pivot_root');
export const chroot: (path: string) => void = call('chroot');
export const chdir: (path: string) => void = call('chdir');
export const fchdir: (fd: number) => void = call('fchdir');
export const getcwd: (buffer: Uint8Array) => number = call('getcwd');
export const open_tree: (dirfd: number, path: string, flags: number) => number = call('open_tree');
export const move_mount: (fromFd: number, fromPath: string, toFd: number, toPath: string, flags: number) => void =
  call('move_mount');
export const mount_setattr: (dirfd: number, path: string, flags: number, attributes: Uint8Array) => void =
  call('mount_setattr');
export const fsopen: (type: string, flags: number) => number = call('fsopen');
export const fspick: (dirfd: number, path: string, flags: number) => number = call('fspick');
export const fsconfig: (fd: number, command: number, key: string | null, value: string | null, aux: number) => void =
  call('fsconfig');
export const fsmount: (fd: number, flags: number, attributes: number) => number = call('fsmount');
export const unshare: (flags: number) => void = call('unshare');
export const setns: (fd: number, type: number) => void = call('setns');
export const execve: (path: string, args: readonly string[], env: readonly string[]) => void = call('execve');
export const execveat: (
  dirfd: number,
  path: string,
  args: readonly string[],
  env: readonly string[],
  flags: number,
) => void = call('execveat');
const exit = call('exit_group');
export function exit_group(status: number): never {
  exit(status);
  throw new Error('unreachable');
}
export const wait4: (pid: number, status: Uint8Array | null, options: number, usage: Uint8Array | null) => number =
  call('wait4');
export const pidfd_open: (pid: number, flags: number) => number = call('pidfd_open');
export const pidfd_send_signal: (pidfd: number, signal: number, info: Uint8Array | null, flags: number) => void =
  call('pidfd_send_signal');
export const pidfd_getfd: (pidfd: number, fd: number, flags: number) => number = call('pidfd_getfd');
export const kill: (pid: number, signal: number) => void = call('kill');
export const getpid: () => number = call('getpid');
export const getppid: () => number = call('getppid');
export const setsid: () => number = call('setsid');
export const setpgid: (pid: number, group: number) => void = call('setpgid');
export const getuid: () => number = call('getuid');
export const geteuid: () => number = call('geteuid');
export const getgid: () => number = call('getgid');
export const getegid: () => number = call('getegid');
export const setresuid: (real: number, effective: number, saved: number) => void = call('setresuid');
export const setresgid: (real: number, effective: number, saved: number) => void = call('setresgid');
export const setgroups: (groups: Uint8Array) => void = call('setgroups');
export const umask: (mask: number) => number = call('umask');
export const capget: (header: Uint8Array, data: Uint8Array) => void = call('capget');
export const capset: (header: Uint8Array, data: Uint8Array) => void = call('capset');
export const prctl: (
  option: number,
  a2: number | bigint,
  a3: number | bigint,
  a4: number | bigint,
  a5: number | bigint,
) => number = call('prctl');
export const prlimit64: (pid: number, resource: number, next: Uint8Array | null, previous: Uint8Array | null) => void =
  call('prlimit64');
export const seccomp: (operation: number, flags: number, program: Refs) => number = call('seccomp');
export const keyctl: (
  operation: number,
  name: string | null,
  a3: number | bigint,
  a4: number | bigint,
  a5: number | bigint,
) => number = call('keyctl');
const setPermissions = call('keyctl_setperm');
export const keyctl_setperm = (key: number, permissions: number): void =>
  void setPermissions(KEYCTL_SETPERM, key, permissions);
export const ioctl_int: (fd: number, request: number, argument: number) => number = call('ioctl_int');
export const ioctl_buffer: (fd: number, request: number, argument: Uint8Array) => number = call('ioctl_buffer');
export const sched_setattr: (pid: number, attributes: Uint8Array, flags: number) => void = call('sched_setattr');
export const sched_setaffinity: (pid: number, cpus: Uint8Array) => void = call('sched_setaffinity');
export const ioprio_set: (which: number, who: number, priority: number) => void = call('ioprio_set');
export const personality: (persona: number) => number = call('personality');
export const set_mempolicy: (mode: number, nodes: Uint8Array | null, max: number) => void = call('set_mempolicy');
export const sethostname: (name: Uint8Array) => void = call('sethostname');
export const setdomainname: (name: Uint8Array) => void = call('setdomainname');
const setMask = call('rt_sigprocmask');
export const rt_sigprocmask = (how: number, set: Uint8Array | null, old: Uint8Array | null): void =>
  void setMask(how, set, old, SIGSET_SIZE);
export const signalfd4: (fd: number, mask: Uint8Array, flags: number) => number = call('signalfd4');
const pollFor = call('ppoll');
export const ppoll = (fds: Uint8Array, timeout: Uint8Array | null): number => pollFor(fds, timeout, null, SIGSET_SIZE);
export const eventfd2: (value: number, flags: number) => number = call('eventfd2');
export const inotify_init1: (flags: number) => number = call('inotify_init1');
export const inotify_add_watch: (fd: number, path: string, mask: number) => number = call('inotify_add_watch');
export const memfd_create: (name: string, flags: number) => number = call('memfd_create');
export const close_range: (first: number, last: number | bigint, flags: number) => void = call('close_range');
export const clock_gettime: (clock: number, time: Uint8Array) => void = call('clock_gettime');
export const nanosleep: (time: Uint8Array, left: Uint8Array | null) => void = call('nanosleep');
export const bpf: (command: number, attributes: Refs) => number = call('bpf');
