// What tsoci keeps of a container: ROOT/ID/state.json, written whole and renamed into place.
//
//   ROOT/            0700
//   ROOT/ID/         0711  made exclusively: it is the claim on the id
//   ROOT/ID/state.json     this record; first without a pid, before a cgroup or a process is made
//   ROOT/ID/seccomp.bpf    the compiled profile, for processes that come later; only where there is one
//   ROOT/ID/notify/        only with NOTIFY_SOCKET: the socket that the program tells its readiness to
//   ROOT/ID/oom.json       OOM kills that were seen, where systemd takes away the cgroup that knows of them
//   ROOT/ID/start.sock     where `start` finds the waiting container; it is there as long as nobody has started it

import { TsociError } from '../errors.ts';
import type { OomReport } from '../linux/cgroups/oom.ts';
import type { CgroupPaths } from '../linux/cgroups/steps.ts';
import type { UnitName } from '../linux/cgroups/systemd/property.ts';
import type { ContainerTraits } from '../linux/exec/sequence.ts';
import * as sys from '../linux/sys/index.ts';
import type { Hook } from '../spec/types.ts';
import { checkId } from './ids.ts';
import type { ProcessIdentity } from './process.ts';

export const RECORD_VERSION = 1;

export interface ContainerRecord {
  readonly version: typeof RECORD_VERSION;
  readonly id: string;
  readonly bundle: string;
  readonly rootfs: string;
  /** Of the root's mount, where it and all mounts of the container are among the host's. */
  readonly rootfsMount?: number;
  readonly annotations?: Readonly<Record<string, string>>;
  /** RFC 3339, UTC, nanoseconds. */
  readonly created: string;
  /** uid of the creator. */
  readonly owner: number;
  readonly creator: ProcessIdentity;
  /** The container's first process; absent while `create` is at work. */
  readonly init?: ProcessIdentity;
  /** Without a pid namespace of its own the container's processes are known by the cgroup alone. */
  readonly ownPidNamespace: boolean;
  readonly cgroupPaths: CgroupPaths;
  /** The unit, where systemd manages them. */
  readonly unit?: UnitName;
  /** With a unit: milliseconds of CLOCK_MONOTONIC when the container had no process yet. */
  readonly since?: number;
  /** Of these the ones that were there before: `delete` leaves them. */
  readonly existingCgroups: readonly string[];
  /** process.args is there, so `start` has something to run. */
  readonly startable: boolean;
  /** What `exec` gives to every process. */
  readonly traits: ContainerTraits;
  /** Of the program, or 128 + signal, where `run` has waited for it and kept the container. */
  readonly exitStatus?: number;
  readonly poststart: readonly Hook[];
  readonly poststop: readonly Hook[];
  readonly seccompListener?: { readonly path: string; readonly metadata: string };
}

export const directoryOf = (root: string, id: string): string => `${root}/${id}`;

export const startSocketOf = (root: string, id: string): string => `${directoryOf(root, id)}/start.sock`;

const filterOf = (root: string, id: string): string => `${directoryOf(root, id)}/seccomp.bpf`;
export const NOTIFY_SOCKET = 'notify.sock';
export const notifyFolderOf = (root: string, id: string): string => `${directoryOf(root, id)}/notify`;
export const notifySocketOf = (root: string, id: string): string => `${notifyFolderOf(root, id)}/${NOTIFY_SOCKET}`;

const fileOf = (root: string, id: string): string => `${directoryOf(root, id)}/state.json`;

/** Claims the id: makes ROOT and ROOT/ID. Throws ERR_CONTAINER_EXISTS where it is taken. */
export function claimDirectory(root: string, id: string): void {
  // COMPAT: the sticky bit keeps a folder of XDG_RUNTIME_DIR from being cleaned away.
  sys.mkdirAll(root, sys.geteuid() === 0 ? 0o700 : 0o1700);
  try {
    sys.mkdirat(sys.AT_FDCWD, directoryOf(root, id), 0o711);
  } catch (error) {
    if (error instanceof sys.SyscallError && error.errno === sys.E.EEXIST) {
      throw new TsociError('ERR_CONTAINER_EXISTS', 'container with given ID already exists');
    }
    throw error;
  }
}

export function writeRecord(root: string, record: ContainerRecord): void {
  sys.replaceFile(fileOf(root, record.id), JSON.stringify(record), 0o600);
}

/** Throws ERR_CONTAINER_NOT_FOUND, or ERR_INTERNAL for a file that is none of ours. */
export function readRecord(root: string, id: string): ContainerRecord {
  checkId(id);
  const text = readText(fileOf(root, id));
  if (text === undefined) throw new TsociError('ERR_CONTAINER_NOT_FOUND', 'container does not exist');
  const record = parseRecord(text);
  if (record === undefined) {
    throw new TsociError('ERR_INTERNAL', `${fileOf(root, id)} is not a record of this version`);
  }
  return record;
}

/** struct sock_filter[]. */
export const writeFilter = (root: string, id: string, filter: Uint8Array): void =>
  sys.writeNewFile(filterOf(root, id), filter, 0o600);

export const readFilter = (root: string, id: string): Uint8Array => sys.readFile(filterOf(root, id));

const oomFileOf = (root: string, id: string): string => `${directoryOf(root, id)}/oom.json`;

export function readOom(root: string, id: string): OomReport | undefined {
  const text = readText(oomFileOf(root, id));
  return text === undefined ? undefined : (JSON.parse(text) as OomReport);
}

/** Where it cannot be written, since the container is being deleted, the report is for now alone. */
export function writeOom(root: string, id: string, report: OomReport): void {
  try {
    sys.replaceFile(oomFileOf(root, id), JSON.stringify(report), 0o600);
  } catch (error) {
    if (!(error instanceof sys.SyscallError)) throw error;
  }
}

function readText(path: string): string | undefined {
  try {
    return sys.readText(path);
  } catch (error) {
    if (error instanceof sys.SyscallError && [sys.E.ENOENT, sys.E.ENOTDIR].includes(error.errno)) return undefined;
    throw error;
  }
}

function parseRecord(text: string): ContainerRecord | undefined {
  try {
    const record = JSON.parse(text) as ContainerRecord | null;
    return record?.version === RECORD_VERSION ? record : undefined;
  } catch {
    return undefined;
  }
}

/** Removes ROOT/ID with all that tsoci puts into it; what is not there is no error. */
export function removeDirectory(root: string, id: string): void {
  const directory = directoryOf(root, id);
  for (const name of ['start.sock', 'seccomp.bpf', 'oom.json.new', 'oom.json', 'state.json.new', 'state.json'])
    sys.unlinkQuietly(`${directory}/${name}`);
  try {
    sys.unlinkat(sys.AT_FDCWD, directory, sys.AT_REMOVEDIR);
  } catch (error) {
    if (sys.isErrno(error, sys.E.ENOTEMPTY) && removeNotify(root, id)) removeDirectory(root, id);
    else if (!sys.isErrno(error, sys.E.ENOENT)) throw error;
  }
}

/** Few containers have it: it is looked for only where something is left. Returns whether it was there. */
function removeNotify(root: string, id: string): boolean {
  const folder = notifyFolderOf(root, id);
  if (!sys.exists(folder)) return false;
  sys.unlinkQuietly(notifySocketOf(root, id));
  sys.unlinkat(sys.AT_FDCWD, folder, sys.AT_REMOVEDIR);
  return true;
}

/** Ids below ROOT, sorted. A root that is not there has none. */
export function listIds(root: string): string[] {
  if (!sys.exists(root)) return [];
  return sys.listDir(root).sort();
}
