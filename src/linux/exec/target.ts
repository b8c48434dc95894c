// The container that `exec` enters, as the kernel shows it: its first process, and the namespaces that are not ours.

import type { LinuxIdMapping } from '../../spec/types.ts';
import { FLAG_OF_FILE } from '../namespaces.ts';
import * as sys from '../sys/index.ts';

export interface ExecTarget {
  /** The container's first process; `pidfd` is of the same one. */
  readonly pid: number;
  readonly pidfd: number;
  /** CLONE_NEW* of the namespaces in which it is and we are not. */
  readonly flags: number;
  /** Maps of its user namespace; none when that is ours. */
  readonly uidMappings: readonly LinuxIdMapping[];
  readonly gidMappings: readonly LinuxIdMapping[];
}

/** Lines of /proc/PID/uid_map or gid_map (user_namespaces(7)). */
export function parseIdMap(text: string): LinuxIdMapping[] {
  const lines = text.split('\n').map((line) => line.split(' ').filter((word) => word !== ''));
  return lines
    .filter((words) => words.length === 3)
    .map(([containerID, hostID, size]) => ({
      containerID: Number(containerID),
      hostID: Number(hostID),
      size: Number(size),
    }));
}

/** KERNEL: entering a namespace in which one is already is refused without privileges over it, and EINVAL for user. */
function flagsOf(pid: number): number {
  const link = (owner: string, name: string) => sys.readLinkAt(sys.AT_FDCWD, `/proc/${owner}/ns/${name}`);
  return Object.entries(FLAG_OF_FILE)
    .filter(([name]) => link('self', name) !== link(String(pid), name))
    .reduce((flags, [, flag]) => flags | flag, 0);
}

/** The caller has made sure that `pidfd` is of `pid`, and does so again when something fails here. */
export function probeTarget(pid: number, pidfd: number): ExecTarget {
  const flags = flagsOf(pid);
  const maps = (file: string) =>
    (flags & sys.CLONE_NEWUSER) === 0 ? [] : parseIdMap(sys.readText(`/proc/${pid}/${file}`));
  return { pid, pidfd, flags, uidMappings: maps('uid_map'), gidMappings: maps('gid_map') };
}
