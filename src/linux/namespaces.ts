// config-linux.md, "Namespaces", "User namespace mappings", "Offset for Time Namespace".
//
// Most containers need one clone3(2). A stage between parent and container is needed only where the kernel lets a
// process enter a namespace in no other way than by a child: a pid namespace joined by path, a user namespace joined by
// path, time offsets, and a new user namespace together with namespaces that an outer user namespace owns.

import { TsociError } from '../errors.ts';
import type { LinuxIdMapping, LinuxNamespace, Spec } from '../spec/types.ts';
import type { InitContext } from './init/context.ts';
import * as sys from './sys/index.ts';

type NamespaceType = LinuxNamespace['type'];

/** By the names of the links in /proc/PID/ns (namespaces(7)). */
export const FLAG_OF_FILE = {
  user: sys.CLONE_NEWUSER,
  pid: sys.CLONE_NEWPID,
  mnt: sys.CLONE_NEWNS,
  net: sys.CLONE_NEWNET,
  ipc: sys.CLONE_NEWIPC,
  uts: sys.CLONE_NEWUTS,
  cgroup: sys.CLONE_NEWCGROUP,
  time: sys.CLONE_NEWTIME,
} as const;

const { mnt: mount, net: network, ...others } = FLAG_OF_FILE;
const FLAG: Record<NamespaceType, number> = { ...others, mount, network };

export interface JoinStep {
  readonly kind: 'join-namespace';
  readonly type: NamespaceType;
  readonly path: string;
}

export interface ClonePlan {
  /** Namespaces that clone3(2) makes. */
  readonly flags: number;
  /** A process in between, which prepares and then clones the container with CLONE_PARENT. */
  readonly stage: StagePlan | undefined;
  readonly userns: 'none' | 'new' | 'joined';
  readonly uidMappings: readonly LinuxIdMapping[];
  readonly gidMappings: readonly LinuxIdMapping[];
}

export interface StagePlan {
  readonly joins: readonly JoinStep[];
  /** unshare(2) in the stage: a user namespace, so that what follows is owned by it. */
  readonly unshareUser: boolean;
  /** Lines for /proc/self/timens_offsets, written after unshare(CLONE_NEWTIME). */
  readonly timeOffsets: string | undefined;
}

const namespacesOf = (spec: Spec): readonly LinuxNamespace[] => spec.linux?.namespaces ?? [];

export const hasNewNamespace = (spec: Spec, type: NamespaceType): boolean =>
  namespacesOf(spec).some((ns) => ns.type === type && (ns.path ?? '') === '');

export const hasNamespace = (spec: Spec, type: NamespaceType): boolean =>
  namespacesOf(spec).some((ns) => ns.type === type);

const joinsOf = (spec: Spec): JoinStep[] =>
  namespacesOf(spec)
    .filter((ns) => (ns.path ?? '') !== '')
    .map((ns) => ({ kind: 'join-namespace', type: ns.type, path: ns.path as string }));

function timeOffsetLines(spec: Spec): string | undefined {
  const offsets = Object.entries(spec.linux?.timeOffsets ?? {});
  if (offsets.length === 0) return undefined;
  return offsets.map(([clock, offset]) => `${clock} ${offset.secs ?? 0} ${offset.nanosecs ?? 0}\n`).join('');
}

export function planClone(spec: Spec): ClonePlan {
  const joins = joinsOf(spec);
  const joined = new Set(joins.map((join) => join.type));
  const offsets = timeOffsetLines(spec);
  const newUser = hasNewNamespace(spec, 'user');
  const staged = joined.has('user') || joined.has('pid') || offsets !== undefined || (newUser && joins.length > 0);
  let flags = namespacesOf(spec)
    .filter((ns) => (ns.path ?? '') === '')
    .reduce((sum, ns) => sum | FLAG[ns.type], 0);
  flags &= ~lateFlags(spec);
  if (staged) flags &= ~sys.CLONE_NEWUSER;
  if (offsets !== undefined) flags &= ~sys.CLONE_NEWTIME;
  return {
    flags,
    stage: staged ? { joins: userFirst(joins), unshareUser: newUser, timeOffsets: offsets } : undefined,
    userns: joined.has('user') ? 'joined' : newUser ? 'new' : 'none',
    uidMappings: spec.linux?.uidMappings ?? [],
    gidMappings: spec.linux?.gidMappings ?? [],
  };
}

/** ORDER: the user namespace first (it owns the others), pid last, since only the next child enters it. */
function userFirst(joins: readonly JoinStep[]): JoinStep[] {
  const rank = (join: JoinStep) => (join.type === 'user' ? 0 : join.type === 'mount' ? 2 : join.type === 'pid' ? 3 : 1);
  return [...joins].sort((a, b) => rank(a) - rank(b));
}

/** The namespaces that the container itself joins, when there is no stage. */
export function planJoins(spec: Spec): JoinStep[] {
  const clone = planClone(spec);
  return clone.stage === undefined ? userFirst(joinsOf(spec)) : [];
}

export function runJoin(step: JoinStep): void {
  const fd = sys.openat(sys.AT_FDCWD, step.path, sys.O_RDONLY | sys.O_CLOEXEC);
  sys.withFd(fd, () => {
    try {
      sys.setns(fd, FLAG[step.type]);
    } catch (error) {
      if (error instanceof sys.SyscallError && error.errno === sys.E.EINVAL) {
        throw new TsociError('ERR_STEP', `${step.path} is not a ${step.type} namespace: ${error.reason}`, {
          errno: error.errno,
        });
      }
      throw error;
    }
  });
}

export const describeJoin = (step: JoinStep): string => `joining the ${step.type} namespace ${step.path}`;

/**
 * Namespaces that the container's process makes itself, when it is who it will be: a cgroup namespace shows what its
 * maker was in, and an ipc namespace's message queues belong to the maker's user.
 */
function lateFlags(spec: Spec): number {
  const cgroup = hasNewNamespace(spec, 'cgroup') ? sys.CLONE_NEWCGROUP : 0;
  const ipc = hasNewNamespace(spec, 'ipc') && hasNewNamespace(spec, 'user') ? sys.CLONE_NEWIPC : 0;
  return cgroup | ipc;
}

/** Into the namespaces of a container that is there. */
export interface EnterStep {
  readonly kind: 'enter-namespaces';
  /** The container's first process, and a descriptor of it. */
  readonly pid: number;
  readonly pidfd: number;
  readonly flags: number;
}

export function runEnter({ pid, pidfd, flags }: EnterStep, ctx: InitContext): void {
  // Without a mount namespace of its own the container has nothing but a root folder.
  const root = (flags & sys.CLONE_NEWNS) === 0 ? sys.openFolder(`${pid}/root`, ctx.proc) : -1;
  if (flags !== 0) sys.setns(pidfd, flags);
  sys.close(pidfd);
  if (root >= 0) {
    sys.fchdir(root);
    sys.chroot('.');
    sys.close(root);
  }
  ctx.rootfs = sys.openFolder('/');
}

export const describeEnter = ({ pid, flags }: EnterStep): string =>
  `entering the namespaces of process ${pid}: setns(${cloneFlagNames(flags)})`;

export interface UnshareStep {
  readonly kind: 'unshare-namespaces';
  readonly flags: number;
}

export function planUnshare(spec: Spec): UnshareStep[] {
  const flags = lateFlags(spec);
  return flags === 0 ? [] : [{ kind: 'unshare-namespaces', flags }];
}

export const runUnshare = (step: UnshareStep): void => withinLimits(step.flags, () => sys.unshare(step.flags));

export const describeUnshare = (step: UnshareStep): string => `unshare(${cloneFlagNames(step.flags)})`;

/** KERNEL: making a namespace beyond user.max_*_namespaces (namespaces(7)) is ENOSPC: says which of them it can have been. */
export function withinLimits<T>(flags: number, make: () => T): T {
  try {
    return make();
  } catch (error) {
    if (!(error instanceof sys.SyscallError) || error.errno !== sys.E.ENOSPC) throw error;
    const names = Object.entries(FLAG_OF_FILE).flatMap(([name, flag]) => ((flags & flag) === 0 ? [] : [name]));
    throw new TsociError('ERR_STEP', error.message, {
      errno: error.errno,
      hint: `too many namespaces, or too deep: ${limitsOf(names)}`,
      cause: error,
    });
  }
}

/** The limits of 0 among them, which alone explain it; else all. */
function limitsOf(names: readonly string[]): string {
  const limits = names
    .map((name) => `user.max_${name}_namespaces`)
    .map((name) => [name, sys.readText(`/proc/sys/${name.replace('.', '/')}`).trim()] as const);
  const none = limits.filter(([, value]) => value === '0');
  return (none.length > 0 ? none : limits).map(([name, value]) => `${name}=${value}`).join(', ');
}

/** Clone flags as their C names, for people. */
export function cloneFlagNames(flags: number): string {
  const names: [number, string][] = [
    [sys.CLONE_NEWUSER, 'CLONE_NEWUSER'],
    [sys.CLONE_NEWPID, 'CLONE_NEWPID'],
    [sys.CLONE_NEWNS, 'CLONE_NEWNS'],
    [sys.CLONE_NEWNET, 'CLONE_NEWNET'],
    [sys.CLONE_NEWIPC, 'CLONE_NEWIPC'],
    [sys.CLONE_NEWUTS, 'CLONE_NEWUTS'],
    [sys.CLONE_NEWCGROUP, 'CLONE_NEWCGROUP'],
    [sys.CLONE_NEWTIME, 'CLONE_NEWTIME'],
  ];
  return (
    names
      .filter(([bit]) => (flags & bit) !== 0)
      .map(([, name]) => name)
      .join('|') || '0'
  );
}
