// Bind sources that the container's own process may not open: the parent opens them, detached, before it clones the child,
// which inherits the descriptors. Needed with a user namespace (paths of the host, locked mounts) and for id-mapped mounts
// (only who owns the source's file system may map its ids).

import { TsociError } from '../../errors.ts';
import type { LinuxIdMapping } from '../../spec/types.ts';
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

function applyIdMapping(mount: number, map: IdMapping): void {
  sys.withFd(openMappedUserns(map), (userns) => {
    const flags = map.recursive ? sys.AT_EMPTY_PATH | sys.AT_RECURSIVE : sys.AT_EMPTY_PATH;
    sys.mount_setattr(mount, '', flags, sys.encodeMountAttr({ set: sys.MOUNT_ATTR_IDMAP, usernsFd: userns }));
  });
}

function openSource(step: BindStep): number {
  const mount = cloneHostMount(step.source, step.tree);
  // SAFETY: not a peer of the host's mounts: nothing mounted on it in the container comes back to the host.
  changePropagation(mount, sys.MS_SLAVE | sys.MS_REC);
  if (step.idmap !== undefined) applyIdMapping(mount, step.idmap);
  return mount;
}

/**
 * In the parent, before clone3(2): detached trees by the number of the mount, for InitContext.sources. Without a user
 * namespace only the id-mapped ones. The descriptors are the caller's to close, once the child has them.
 */
export function openSources(steps: readonly MountStep[], userns: boolean): Map<string, number> {
  const sources = new Map<string, number>();
  for (const step of steps) {
    if (step.kind !== 'mount-bind' || (!userns && step.idmap === undefined)) continue;
    try {
      sources.set(String(step.index), openSource(step));
    } catch (error) {
      if (!(error instanceof TsociError)) throw error;
      // Without privileges over the host's mounts the container's own process opens the source: it has them over its own.
      // And what is not there yet may be mounted by then, below the root: if it is not, the step says so.
      if (step.idmap === undefined && (error.errno === sys.E.EPERM || error.errno === sys.E.ENOENT)) continue;
      throw new TsociError(
        'ERR_STEP',
        `mounting "${step.source}" to rootfs at "${step.destination}": ${error.message}`,
        {
          cause: error,
          ...(error.errno === undefined ? {} : { errno: error.errno }),
        },
      );
    }
  }
  return sources;
}

/** The sources that the plan of a container needs from its parent. */
export const openMountSources = (plan: Pick<Plan, 'clone' | 'child'>): Map<string, number> =>
  openSources(
    plan.child.filter((step) => step.kind === 'mount-bind'),
    plan.clone.userns !== 'none',
  );
