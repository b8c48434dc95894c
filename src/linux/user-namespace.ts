// config-linux.md, "User namespace mappings": the maps of a new user namespace, written from outside.

import { TsociError } from '../errors.ts';
import { runProgram } from '../hooks/spawn.ts';
import type { LinuxIdMapping } from '../spec/types.ts';
import type { Host } from './host.ts';
import type { ClonePlan } from './namespaces.ts';
import * as sys from './sys/index.ts';

const lines = (mappings: readonly LinuxIdMapping[]): string =>
  mappings.map((map) => `${map.containerID} ${map.hostID} ${map.size}\n`).join('');

const isOwnIdOnly = (mappings: readonly LinuxIdMapping[], own: number): boolean =>
  mappings.length === 1 && mappings[0]?.hostID === own && mappings[0].size === 1;

/** newuidmap(1), newgidmap(1): the set-uid programs that map what /etc/subuid and /etc/subgid grant. */
function runMapper(program: string, pid: number, mappings: readonly LinuxIdMapping[]): void {
  const numbers = mappings.flatMap((map) => [map.containerID, map.hostID, map.size]).map(String);
  const path = ['/usr/bin', '/bin', '/usr/local/bin', '/usr/sbin'].map((dir) => `${dir}/${program}`).find(sys.exists);
  if (path === undefined) {
    throw new TsociError('ERR_HOST', `${program}: executable file not found`, {
      hint: `mapping more than one's own id without privileges needs ${program} (Debian package uidmap)`,
    });
  }
  const result = runProgram({ path, args: [program, String(pid), ...numbers], env: [], stdin: '' });
  if (result.status !== 0) {
    throw new TsociError('ERR_STEP', `${program}: exit status ${result.status}: ${result.stderr.trim()}`);
  }
}

/**
 * Writes uid_map and gid_map of the process `pid`, which has a new user namespace (user_namespaces(7)).
 * Without privileges over more than our own id, by newuidmap and newgidmap.
 */
export function writeIdMappings(
  pid: number,
  uid: readonly LinuxIdMapping[],
  gid: readonly LinuxIdMapping[],
  host: Host,
): void {
  const privileged = host.euid === 0;
  if (privileged || isOwnIdOnly(uid, host.euid)) sys.writeText(`/proc/${pid}/uid_map`, lines(uid));
  else runMapper('newuidmap', pid, uid);
  if (!privileged && isOwnIdOnly(gid, host.egid)) {
    // KERNEL(3.19): an unprivileged gid_map is accepted only once setgroups(2) is denied.
    sys.writeText(`/proc/${pid}/setgroups`, 'deny');
    sys.writeText(`/proc/${pid}/gid_map`, lines(gid));
  } else if (privileged) sys.writeText(`/proc/${pid}/gid_map`, lines(gid));
  else runMapper('newgidmap', pid, gid);
}

/** Becomes the root of the user namespace just entered; where 0 is not mapped, the first mapped id. */
export function becomeRoot(uid: readonly LinuxIdMapping[], gid: readonly LinuxIdMapping[]): void {
  const first = (maps: readonly LinuxIdMapping[]) =>
    maps.length === 0 || maps.some((map) => map.containerID === 0) ? 0 : (maps[0] as LinuxIdMapping).containerID;
  try {
    sys.setGroups([]);
  } catch (error) {
    // EPERM where setgroups is denied: then the caller's groups stay, as the kernel wants.
    if (!(error instanceof sys.SyscallError && error.errno === sys.E.EPERM)) throw error;
  }
  const group = first(gid);
  const user = first(uid);
  sys.setresgid(group, group, group);
  sys.setresuid(user, user, user);
}

export interface BecomeRootStep {
  readonly kind: 'become-root';
  readonly uidMappings: readonly LinuxIdMapping[];
  readonly gidMappings: readonly LinuxIdMapping[];
}

/** Behind a stage the container is the user namespace's root already. */
export const planBecomeRoot = (clone: ClonePlan): BecomeRootStep[] =>
  clone.userns === 'new' && clone.stage === undefined
    ? [{ kind: 'become-root', uidMappings: clone.uidMappings, gidMappings: clone.gidMappings }]
    : [];

export const runBecomeRoot = (step: BecomeRootStep): void => becomeRoot(step.uidMappings, step.gidMappings);

export const describeBecomeRoot = (_step: BecomeRootStep): string => 'becoming root of the user namespace';

const words = (mappings: readonly LinuxIdMapping[]): string =>
  mappings.map((map) => `${map.containerID}=${map.hostID}+${map.size}`).join(' ');

export const describeMappings = (clone: ClonePlan): string =>
  `mapping users ${words(clone.uidMappings)} and groups ${words(clone.gidMappings)}`;
