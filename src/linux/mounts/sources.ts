// Bind sources that the container's own process may not open: the parent opens them, detached, before it clones the child,
// which inherits the descriptors. Needed with a user namespace (paths of the host, locked mounts) and for id-mapped mounts
// (only who owns the source's file system may map its ids). A source that an earlier mount of the container brings is seen
// in the container's mount namespace alone: there a helper of the parent opens it, when the child asks for it.

import { TsociError } from '../../errors.ts';
import type { LinuxIdMapping } from '../../spec/types.ts';
import { errorOf, openChannel, receive, send, sendError } from '../init/channel.ts';
import { isAtOrBelow } from '../names.ts';
import type { Plan } from '../plan/steps.ts';
import * as sys from '../sys/index.ts';
import { changePropagation, cloneHostMount } from './attach.ts';
import type { BindStep, IdMapping, MountStep } from './plan.ts';

const SIGKILL = 9;
const SIGCHLD = 17;

/** Writes both maps of `pid`, as config.md gives them: containerID is inside the mount, hostID on the file system's side. */
function writeMaps(pid: number, map: IdMapping): void {
  const lines = (mappings: readonly LinuxIdMapping[]): string =>
    mappings.map((entry) => `${entry.containerID} ${entry.hostID} ${entry.size}\n`).join('');
  sys.writeText(`/proc/${pid}/uid_map`, lines(map.uidMappings));
  sys.writeText(`/proc/${pid}/gid_map`, lines(map.gidMappings));
}

/** A process that only holds a new user namespace, until it is killed. */
function holdUserNamespace(): number {
  const pid = sys.clone3(sys.encodeCloneArgs({ flags: sys.CLONE_NEWUSER, exitSignal: SIGCHLD }));
  if (pid > 0) return pid;
  sys.prctl(sys.PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  for (;;) sys.ppoll(new Uint8Array(0), null);
}

/** Descriptor of a user namespace with these maps: the kernel takes id maps in no other form. */
function openMappedUserns(map: IdMapping): number {
  if (map.userns !== undefined) return sys.openat(sys.AT_FDCWD, map.userns, sys.O_RDONLY | sys.O_CLOEXEC);
  const pid = holdUserNamespace();
  try {
    writeMaps(pid, map);
    return sys.openat(sys.AT_FDCWD, `/proc/${pid}/ns/user`, sys.O_RDONLY | sys.O_CLOEXEC);
  } finally {
    sys.kill(pid, SIGKILL);
    sys.wait4(pid, null, 0, null);
  }
}

function applyIdMapping(mount: number, map: IdMapping, userns: number): void {
  const flags = map.recursive ? sys.AT_EMPTY_PATH | sys.AT_RECURSIVE : sys.AT_EMPTY_PATH;
  sys.mount_setattr(mount, '', flags, sys.encodeMountAttr({ set: sys.MOUNT_ATTR_IDMAP, usernsFd: userns }));
}

/** `enter` leads to where the source is seen; what the host knows is asked for before. */
function openSource(step: BindStep, enter: () => void = () => {}): number {
  const { idmap } = step;
  const userns = idmap === undefined ? -1 : openMappedUserns(idmap);
  enter();
  const mount = cloneHostMount(step.source, step.tree);
  // SAFETY: not a peer of the host's mounts: nothing mounted on it in the container comes back to the host.
  changePropagation(mount, sys.MS_SLAVE | sys.MS_REC);
  if (idmap !== undefined) sys.withFd(userns, () => applyIdMapping(mount, idmap, userns));
  return mount;
}

/** Whether the container's own process can do without us: it has privileges over its own mounts, not over ids. */
const canOpenItself = (step: BindStep, error: TsociError): boolean =>
  step.idmap === undefined && error.errno === sys.E.EPERM;

const failureOf = (step: BindStep, error: TsociError): TsociError =>
  new TsociError('ERR_STEP', `mounting "${step.source}" to rootfs at "${step.destination}": ${error.message}`, {
    cause: error,
    ...(error.errno === undefined ? {} : { errno: error.errno }),
  });

export interface Sources {
  /** Detached trees, by the number of the mount. */
  readonly opened: Map<string, number>;
  /** Numbers of the mounts whose sources an earlier mount may bring. */
  readonly late: Set<string>;
}

function openOrPostpone(step: BindStep, { opened, late }: Sources): void {
  try {
    opened.set(String(step.index), openSource(step));
  } catch (error) {
    if (!(error instanceof TsociError)) throw error;
    if (error.errno === sys.E.ENOENT) late.add(String(step.index));
    else if (!canOpenItself(step, error)) throw failureOf(step, error);
  }
}

/**
 * In the parent, before clone3(2), for InitContext.sources. Without a user namespace only the id-mapped ones. `rootfs` is
 * an absolute path: what lies below it is opened late. The descriptors are the caller's to close, once the child has them.
 */
export function openSources(steps: readonly MountStep[], userns: boolean, rootfs: string): Sources {
  const sources: Sources = { opened: new Map(), late: new Set() };
  for (const step of steps) {
    if (step.kind !== 'mount-bind' || (!userns && step.idmap === undefined)) continue;
    if (isAtOrBelow(step.source, rootfs)) sources.late.add(String(step.index));
    else openOrPostpone(step, sources);
  }
  return sources;
}

/** In the helper: never returns. */
function becomeOpener(step: BindStep, pid: number, channel: number): never {
  try {
    const mount = openSource(step, () => sys.withFd(sys.pidfd_open(pid, 0), (fd) => sys.setns(fd, sys.CLONE_NEWNS)));
    send(channel, { type: 'go' }, [mount]);
    sys.exit_group(0);
  } catch (error) {
    sendError(channel, error);
    sys.exit_group(1);
  }
}

/**
 * In the parent: the source of `step` as process `pid` sees it, before its pivot_root(2); undefined where that process can
 * open it itself, and we cannot.
 */
export function openLateSource(step: BindStep, pid: number): number | undefined {
  const [channel, theirs] = openChannel();
  return sys.withFd(channel, () => {
    const helper = sys.fork();
    if (helper === 0) becomeOpener(step, pid, theirs);
    sys.close(theirs);
    const received = receive(channel);
    sys.waitFor(helper);
    if (received?.message.type !== 'error') return received?.fds[0];
    const error = errorOf(received.message);
    if (canOpenItself(step, error)) return undefined;
    throw failureOf(step, error);
  });
}

/** The sources that the plan of a container needs from its parent. */
export const openMountSources = (plan: Pick<Plan, 'clone' | 'child' | 'rootfs'>): Sources =>
  openSources(
    plan.child.filter((step) => step.kind === 'mount-bind'),
    plan.clone.userns !== 'none',
    plan.rootfs,
  );
