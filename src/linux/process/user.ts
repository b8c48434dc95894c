// config.md, "User": uid, gid, additional groups, umask, as seen in the container's user namespace.

import type { Spec } from '../../spec/types.ts';
import * as sys from '../sys/index.ts';

export interface UserStep {
  readonly kind: 'user';
  readonly uid: number;
  readonly gid: number;
  readonly additionalGids: readonly number[];
  readonly umask: number | undefined;
}

export function planUser(spec: Spec): UserStep {
  const user = spec.process?.user;
  return {
    kind: 'user',
    uid: user?.uid ?? 0,
    gid: user?.gid ?? 0,
    additionalGids: user?.additionalGids ?? [],
    umask: user?.umask,
  };
}

/**
 * COMPAT: the user owns its standard streams, so that it may open /dev/stdout (as runc does).
 * CVE-2026-88265: only pipes and terminals, by descriptor, never a file of the host or a device of the rootfs.
 */
function giveStreams(uid: number): void {
  for (const fd of [0, 1, 2]) {
    const { mode, rdev, uid: owner } = sys.fstat(fd);
    const type = mode & sys.S_IFMT;
    const isTerminal = type === sys.S_IFCHR && sys.major(rdev) >= 136 && sys.major(rdev) <= 143;
    if (owner === uid || (type !== sys.S_IFIFO && !isTerminal)) continue;
    try {
      sys.fchown(fd, uid, -1);
    } catch (error) {
      // A stream that belongs to an unmapped user, or lies on a read-only file system, is no fault of the container.
      if (!(error instanceof sys.SyscallError) || ![sys.E.EPERM, sys.E.EINVAL, sys.E.EROFS].includes(error.errno))
        throw error;
    }
  }
}

function setGroups(step: UserStep): void {
  try {
    sys.setGroups(step.additionalGids);
  } catch (error) {
    const denied = error instanceof sys.SyscallError && error.errno === sys.E.EPERM;
    // In a user namespace without set-uid mappers setgroups(2) is denied; nothing was asked for, nothing is lost.
    if (!denied || step.additionalGids.length > 0) throw error;
  }
}

/** The caller has set PR_SET_KEEPCAPS: the capabilities are set after the user. */
export function runUser(step: UserStep): void {
  giveStreams(step.uid);
  if (step.umask !== undefined) sys.umask(step.umask);
  setGroups(step);
  sys.setresgid(step.gid, step.gid, step.gid);
  sys.prctl(sys.PR_SET_KEEPCAPS, 1, 0, 0, 0);
  sys.setresuid(step.uid, step.uid, step.uid);
  sys.prctl(sys.PR_SET_KEEPCAPS, 0, 0, 0, 0);
}

export function describeUser(step: UserStep): string {
  const groups = step.additionalGids.length > 0 ? `, groups ${step.additionalGids.join(' ')}` : '';
  const umask = step.umask === undefined ? '' : `, umask 0${step.umask.toString(8)}`;
  return `setting user ${step.uid}, group ${step.gid}${groups}${umask}`;
}
