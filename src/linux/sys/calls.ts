// The kernel's calls under their own names and in its argument order. A failure throws SyscallError.

import { KEYCTL_SETPERM } from './constants.ts';
import { door } from './current.ts';
import type { Argument, Refs } from './door.ts';
import { EINTR, SyscallError } from './error.ts';
import { type CallName, TABLE } from './table.ts';

/** Calls that must not be repeated: the descriptor is closed all the same, or the caller watches the time. */
const NOT_REPEATED: readonly string[] = ['close', 'ppoll'];

/** What a call needs of its row, made once: every system call of the program comes through here. */
interface Entry {
  readonly nr: number;
  readonly signature: string;
  readonly arity: number;
}

const entries: Partial<Record<CallName, Entry>> = {};

function enter(name: CallName): Entry {
  const [x64, arm64, signature, parameters] = TABLE[name];
  const arity = parameters === '' ? 0 : parameters.split(' ').length;
  const entry = { nr: door().arch === 'x64' ? x64 : arm64, signature, arity };
  entries[name] = entry;
  return entry;
}

type Few = Argument | undefined;

/** Without a rest parameter and a spread, which cost the engine an array each, a hundred times a container. */
function invoke({ nr, signature, arity }: Entry, a: Few, b: Few, c: Few, d: Few, e: Few, f: Few): number {
  const kernel = door() as { syscall(nr: number, signature: string, ...args: Few[]): number };
  switch (arity) {
    case 0:
      return kernel.syscall(nr, signature);
    case 1:
      return kernel.syscall(nr, signature, a);
    case 2:
      return kernel.syscall(nr, signature, a, b);
    case 3:
      return kernel.syscall(nr, signature, a, b, c);
    case 4:
      return kernel.syscall(nr, signature, a, b, c, d);
    case 5:
      return kernel.syscall(nr, signature, a, b, c, d, e);
    default:
      return kernel.syscall(nr, signature, a, b, c, d, e, f);
  }
}

function call(
  name: CallName,
  a?: Argument,
  b?: Argument,
  c?: Argument,
  d?: Argument,
  e?: Argument,
  f?: Argument,
): number {
  const entry = entries[name] ?? enter(name);
  for (;;) {
    const result = invoke(entry, a, b, c, d, e, f);
    if (result >= 0) return result;
    if (result === -EINTR && !NOT_REPEATED.includes(name)) continue;
    throw new SyscallError(name, [a, b, c, d, e, f].slice(0, entry.arity) as Argument[], -result);
  }
}

/** clone3(2) as fork: 0 in the child, which goes on in the same program. */
export function clone3(args: Uint8Array): number {
  const result = door().clone3(args);
  if (result < 0) throw new SyscallError('clone3', [], -result);
  return result;
}

export const openat = (dirfd: number, path: string, flags: number, mode = 0): number =>
  call('openat', dirfd, path, flags, mode);
export const openat2 = (dirfd: number, path: string, how: Uint8Array): number => call('openat2', dirfd, path, how);
export const close = (fd: number): void => void call('close', fd);
export const read = (fd: number, buffer: Uint8Array): number => call('read', fd, buffer);
export const write = (fd: number, buffer: Uint8Array): number => call('write', fd, buffer);
export const pread64 = (fd: number, buffer: Uint8Array, offset: number | bigint): number =>
  call('pread64', fd, buffer, offset);
export const lseek = (fd: number, offset: number | bigint, whence: number): number => call('lseek', fd, offset, whence);
export const statx = (dirfd: number, path: string, flags: number, mask: number, buffer: Uint8Array): void =>
  void call('statx', dirfd, path, flags, mask, buffer);
export const fstatfs = (fd: number, buffer: Uint8Array): void => void call('fstatfs', fd, buffer);
export const mkdirat = (dirfd: number, path: string, mode: number): void => void call('mkdirat', dirfd, path, mode);
export const mknodat = (dirfd: number, path: string, mode: number, dev: number | bigint): void =>
  void call('mknodat', dirfd, path, mode, dev);
export const symlinkat = (target: string, dirfd: number, path: string): void =>
  void call('symlinkat', target, dirfd, path);
export const unlinkat = (dirfd: number, path: string, flags: number): void => void call('unlinkat', dirfd, path, flags);
export const linkat = (olddirfd: number, oldpath: string, newdirfd: number, newpath: string, flags: number): void =>
  void call('linkat', olddirfd, oldpath, newdirfd, newpath, flags);
export const renameat2 = (olddirfd: number, oldpath: string, newdirfd: number, newpath: string, flags: number): void =>
  void call('renameat2', olddirfd, oldpath, newdirfd, newpath, flags);
export const readlinkat = (dirfd: number, path: string, buffer: Uint8Array): number =>
  call('readlinkat', dirfd, path, buffer);
export const fchownat = (dirfd: number, path: string, uid: number, gid: number, flags: number): void =>
  void call('fchownat', dirfd, path, uid, gid, flags);
export const fchown = (fd: number, uid: number, gid: number): void => void call('fchown', fd, uid, gid);
export const fchmod = (fd: number, mode: number): void => void call('fchmod', fd, mode);
export const fchmodat = (dirfd: number, path: string, mode: number): void => void call('fchmodat', dirfd, path, mode);
export const faccessat2 = (dirfd: number, path: string, mode: number, flags: number): void =>
  void call('faccessat2', dirfd, path, mode, flags);
export const getdents64 = (fd: number, buffer: Uint8Array): number => call('getdents64', fd, buffer);
export const dup3 = (oldfd: number, newfd: number, flags: number): number => call('dup3', oldfd, newfd, flags);
export const fcntl = (fd: number, command: number, argument: number): number => call('fcntl', fd, command, argument);
export const flock = (fd: number, operation: number): void => void call('flock', fd, operation);
export const ftruncate = (fd: number, length: number | bigint): void => void call('ftruncate', fd, length);
export const sendfile = (out: number, input: number, count: number): number =>
  call('sendfile', out, input, null, count);
export const pipe2 = (pair: Uint8Array, flags: number): void => void call('pipe2', pair, flags);
export const socketpair = (domain: number, type: number, protocol: number, pair: Uint8Array): void =>
  void call('socketpair', domain, type, protocol, pair);
export const socket = (domain: number, type: number, protocol: number): number =>
  call('socket', domain, type, protocol);
export const bind = (socket: number, address: Uint8Array): void => void call('bind', socket, address);
export const connect = (socket: number, address: Uint8Array): void => void call('connect', socket, address);
export const listen = (socket: number, backlog: number): void => void call('listen', socket, backlog);
export const accept4 = (socket: number, flags: number): number => call('accept4', socket, null, null, flags);
export const sendmsg = (socket: number, message: Refs, flags: number): number =>
  call('sendmsg', socket, message, flags);
export const recvmsg = (socket: number, message: Refs, flags: number): number =>
  call('recvmsg', socket, message, flags);
export const shutdown = (socket: number, how: number): void => void call('shutdown', socket, how);
export const mount = (
  source: string | null,
  target: string,
  type: string | null,
  flags: number,
  data: string | null,
): void => void call('mount', source, target, type, flags, data);
export const umount2 = (target: string, flags: number): void => void call('umount2', target, flags);
export const pivot_root = (newRoot: string, putOld: string): void => void call('pivot_root', newRoot, putOld);
export const chroot = (path: string): void => void call('chroot', path);
export const chdir = (path: string): void => void call('chdir', path);
export const fchdir = (fd: number): void => void call('fchdir', fd);
export const getcwd = (buffer: Uint8Array): number => call('getcwd', buffer);
export const open_tree = (dirfd: number, path: string, flags: number): number => call('open_tree', dirfd, path, flags);
export const move_mount = (fromFd: number, fromPath: string, toFd: number, toPath: string, flags: number): void =>
  void call('move_mount', fromFd, fromPath, toFd, toPath, flags);
export const mount_setattr = (dirfd: number, path: string, flags: number, attributes: Uint8Array): void =>
  void call('mount_setattr', dirfd, path, flags, attributes);
export const fsopen = (type: string, flags: number): number => call('fsopen', type, flags);
export const fspick = (dirfd: number, path: string, flags: number): number => call('fspick', dirfd, path, flags);
export const fsconfig = (fd: number, command: number, key: string | null, value: string | null, aux: number): void =>
  void call('fsconfig', fd, command, key, value, aux);
export const fsmount = (fd: number, flags: number, attributes: number): number =>
  call('fsmount', fd, flags, attributes);
export const unshare = (flags: number): void => void call('unshare', flags);
export const setns = (fd: number, type: number): void => void call('setns', fd, type);
export const execve = (path: string, args: readonly string[], env: readonly string[]): void =>
  void call('execve', path, args, env);
export const execveat = (
  dirfd: number,
  path: string,
  args: readonly string[],
  env: readonly string[],
  flags: number,
): void => void call('execveat', dirfd, path, args, env, flags);
export function exit_group(status: number): never {
  call('exit_group', status);
  throw new Error('unreachable');
}
export const wait4 = (pid: number, status: Uint8Array | null, options: number, usage: Uint8Array | null): number =>
  call('wait4', pid, status, options, usage);
export const pidfd_open = (pid: number, flags: number): number => call('pidfd_open', pid, flags);
export const pidfd_send_signal = (pidfd: number, signal: number, info: Uint8Array | null, flags: number): void =>
  void call('pidfd_send_signal', pidfd, signal, info, flags);
export const pidfd_getfd = (pidfd: number, fd: number, flags: number): number => call('pidfd_getfd', pidfd, fd, flags);
export const kill = (pid: number, signal: number): void => void call('kill', pid, signal);
export const getpid = (): number => call('getpid');
export const getppid = (): number => call('getppid');
export const setsid = (): number => call('setsid');
export const setpgid = (pid: number, group: number): void => void call('setpgid', pid, group);
export const getuid = (): number => call('getuid');
export const geteuid = (): number => call('geteuid');
export const getgid = (): number => call('getgid');
export const getegid = (): number => call('getegid');
export const setresuid = (real: number, effective: number, saved: number): void =>
  void call('setresuid', real, effective, saved);
export const setresgid = (real: number, effective: number, saved: number): void =>
  void call('setresgid', real, effective, saved);
export const setgroups = (groups: Uint8Array): void => void call('setgroups', groups);
export const umask = (mask: number): number => call('umask', mask);
export const capget = (header: Uint8Array, data: Uint8Array): void => void call('capget', header, data);
export const capset = (header: Uint8Array, data: Uint8Array): void => void call('capset', header, data);
export const prctl = (
  option: number,
  a2: number | bigint,
  a3: number | bigint,
  a4: number | bigint,
  a5: number | bigint,
): number => call('prctl', option, a2, a3, a4, a5);
export const prlimit64 = (pid: number, resource: number, next: Uint8Array | null, previous: Uint8Array | null): void =>
  void call('prlimit64', pid, resource, next, previous);
export const seccomp = (operation: number, flags: number, program: Refs): number =>
  call('seccomp', operation, flags, program);
export const keyctl = (
  operation: number,
  name: string | null,
  a3: number | bigint,
  a4: number | bigint,
  a5: number | bigint,
): number => call('keyctl', operation, name, a3, a4, a5);
export const keyctl_setperm = (key: number, permissions: number): void =>
  void call('keyctl_setperm', KEYCTL_SETPERM, key, permissions);
export const ioctl_int = (fd: number, request: number, argument: number): number =>
  call('ioctl_int', fd, request, argument);
export const ioctl_buffer = (fd: number, request: number, argument: Uint8Array): number =>
  call('ioctl_buffer', fd, request, argument);
export const sched_setattr = (pid: number, attributes: Uint8Array, flags: number): void =>
  void call('sched_setattr', pid, attributes, flags);
export const ioprio_set = (which: number, who: number, priority: number): void =>
  void call('ioprio_set', which, who, priority);
export const personality = (persona: number): number => call('personality', persona);
export const set_mempolicy = (mode: number, nodes: Uint8Array | null, max: number): void =>
  void call('set_mempolicy', mode, nodes, max);
export const sethostname = (name: Uint8Array): void => void call('sethostname', name);
export const setdomainname = (name: Uint8Array): void => void call('setdomainname', name);
export const rt_sigprocmask = (how: number, set: Uint8Array | null, old: Uint8Array | null): void =>
  void call('rt_sigprocmask', how, set, old, 8);
export const signalfd4 = (fd: number, mask: Uint8Array, flags: number): number => call('signalfd4', fd, mask, flags);
export const ppoll = (fds: Uint8Array, timeout: Uint8Array | null): number => call('ppoll', fds, timeout, null, 8);
export const inotify_init1 = (flags: number): number => call('inotify_init1', flags);
export const inotify_add_watch = (fd: number, path: string, mask: number): number =>
  call('inotify_add_watch', fd, path, mask);
export const memfd_create = (name: string, flags: number): number => call('memfd_create', name, flags);
export const close_range = (first: number, last: number | bigint, flags: number): void =>
  void call('close_range', first, last, flags);
export const clock_gettime = (clock: number, time: Uint8Array): void => void call('clock_gettime', clock, time);
export const nanosleep = (time: Uint8Array, left: Uint8Array | null): void => void call('nanosleep', time, left);
export const bpf = (command: number, attributes: Refs): number => call('bpf', command, attributes);
