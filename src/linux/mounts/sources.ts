// Bind sources that the container's own process may not open: a path of the host that is closed to the root of its user
// namespace, and id-mapped mounts (only who owns the source's file system may map its ids). A helper of its parent opens
// them, in the container's mount namespace: there alone is seen what earlier mounts have brought, and there the kernel has
// locked the attributes that a user namespace must not take off a mount of the host.

import { TsociError } from '../../errors.ts';
import type { LinuxIdMapping } from '../../spec/types.ts';
import { errorOf, openChannel, receive, send, sendError } from '../init/channel.ts';
import * as sys from '../sys/index.ts';
import { changePropagation, cloneHostMount } from './attach.ts';
import type { BindStep, IdMapping } from './plan.ts';

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

/** A detached tree. `enter` leads to where the source is seen; what the host knows is asked for before. */
export function openSource(step: BindStep, enter: () => void = () => {}): number {
  const { idmap } = step;
  const userns = idmap === undefined ? -1 : openMappedUserns(idmap);
  enter();
  const mount = cloneHostMount(step.source, step.tree);
  // SAFETY: not a peer of the host's mounts: nothing mounted on it in the container comes back to the host.
  changePropagation(mount, sys.MS_SLAVE | sys.MS_REC);
  if (idmap !== undefined) sys.withFd(userns, () => applyIdMapping(mount, idmap, userns));
  return mount;
}

const failureOf = (step: BindStep, error: TsociError): TsociError =>
  new TsociError('ERR_STEP', `mounting "${step.source}" to rootfs at "${step.destination}": ${error.message}`, {
    cause: error,
    ...(error.errno === undefined ? {} : { errno: error.errno }),
  });

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

/** In the parent, as root: a detached tree of the source of `step` as process `pid` sees it, before its pivot_root(2). */
export function openSourceFor(step: BindStep, pid: number): number {
  const [channel, theirs] = openChannel();
  return sys.withFd(channel, () => {
    const helper = sys.fork();
    if (helper === 0) becomeOpener(step, pid, theirs);
    sys.close(theirs);
    const received = receive(channel);
    sys.waitFor(helper);
    if (received?.message.type === 'error') throw failureOf(step, errorOf(received.message));
    const mount = received?.fds[0];
    if (mount === undefined) throw new TsociError('ERR_INTERNAL', `who was to open "${step.source}" is gone`);
    return mount;
  });
}
