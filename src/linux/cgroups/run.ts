// Doing the steps, and what is done to a container's cgroups later: by the recorded directories alone.

import { TsociError } from '../../errors.ts';
import * as sys from '../sys/index.ts';
import type { CgroupPaths, CgroupStep, DeviceRule } from './steps.ts';

const DENIED = [sys.E.EACCES, sys.E.EPERM, sys.E.EROFS];

const isDenied = (error: unknown): boolean => sys.isErrno(error, ...DENIED);

const numbersIn = (text: string): number[] =>
  text
    .split('\n')
    .filter((line) => line !== '')
    .map(Number);

/** Makes the cgroup; one that is there already must be fit to take the container (config-linux.md since 1.1). */
function makeCgroup(dir: string, optional: boolean, existing: string[]): void {
  try {
    sys.mkdirat(sys.AT_FDCWD, dir, 0o755);
    return;
  } catch (error) {
    if (optional && isDenied(error)) return;
    if (sys.isErrno(error, sys.E.ENOENT)) return makeBelow(dir, optional, existing);
    if (!sys.isErrno(error, sys.E.EEXIST)) throw error;
  }
  existing.push(dir);
  const count = numbersIn(sys.readText(`${dir}/cgroup.procs`)).length;
  if (count > 0) throw new TsociError('ERR_CGROUP', `container's cgroup is not empty: ${count} process(es) found`);
  if (freezerStateOf(dir) === 'frozen') throw new TsociError('ERR_CGROUP', "container's cgroup unexpectedly frozen");
}

function makeBelow(dir: string, optional: boolean, existing: string[]): void {
  const parent = dir.slice(0, dir.lastIndexOf('/'));
  // KERNEL: below a cpuset without cpus a cpuset can have none: its parents get theirs first.
  makeParent(parent, optional);
  if (sys.exists(parent)) makeCgroup(dir, optional, existing);
}

function makeParent(dir: string, optional: boolean): void {
  try {
    sys.mkdirAll(dir, 0o755);
  } catch (error) {
    if (!optional || !isDenied(error)) throw error;
  }
}

/** KERNEL: a new cpuset is empty: it takes the values of the nearest ancestor that has some. */
function inheritCpuset(dir: string, mountPoint: string): void {
  for (const file of ['cpuset.cpus', 'cpuset.mems']) inherited(dir, mountPoint, file);
}

function inherited(dir: string, mountPoint: string, file: string): string {
  const own = sys.readText(`${dir}/${file}`).trim();
  if (own !== '' || dir === mountPoint) return own;
  const value = inherited(dir.slice(0, dir.lastIndexOf('/')), mountPoint, file);
  sys.writeText(`${dir}/${file}`, value);
  return value;
}

/** cgroup.subtree_control of every ancestor, with the controllers that it has to give. */
function enableControllers(dir: string, mountPoint: string): void {
  const parts = dir.slice(mountPoint.length + 1).split('/');
  let at = mountPoint;
  for (const part of parts) {
    const controllers = sys.readText(`${at}/cgroup.controllers`).trim().split(' ');
    const enabled = sys.readText(`${at}/cgroup.subtree_control`).trim().split(' ');
    const missing = controllers.filter((name) => name !== '' && !enabled.includes(name));
    if (missing.length > 0) sys.writeText(`${at}/cgroup.subtree_control`, missing.map((name) => `+${name}`).join(' '));
    at = `${at}/${part}`;
  }
}

function writeRules(dir: string, rules: readonly DeviceRule[]): void {
  const open = (file: string) => sys.openat(sys.AT_FDCWD, `${dir}/${file}`, sys.O_WRONLY | sys.O_CLOEXEC);
  sys.withFd(open('devices.allow'), (allow) =>
    sys.withFd(open('devices.deny'), (deny) => {
      for (const { allow: allowed, rule } of rules) sys.write(allowed ? allow : deny, sys.door().encode(rule));
    }),
  );
}

function joinCgroup(dir: string, pid: number, optional: boolean): void {
  try {
    sys.writeText(`${dir}/cgroup.procs`, String(pid));
  } catch (error) {
    if (!optional || !(isDenied(error) || sys.isErrno(error, sys.E.ENOENT))) throw error;
  }
}

/** `existing` takes the directories that were there before: they are not the container's to remove. */
export function runCgroupStep(step: CgroupStep, pid: number, existing: string[]): void {
  switch (step.kind) {
    case 'cgroup-mkdir':
      return makeCgroup(step.dir, step.optional, existing);
    case 'cgroup-inherit-cpuset':
      return sys.exists(step.dir) ? inheritCpuset(step.dir, step.mountPoint) : undefined;
    case 'cgroup-enable':
      return enableControllers(step.dir, step.mountPoint);
    case 'cgroup-write':
      return sys.writeText(`${step.dir}/${step.file}`, step.value);
    case 'cgroup-devices':
      return writeRules(step.dir, step.rules);
    case 'cgroup-join':
      return joinCgroup(step.dir, pid, step.optional);
  }
}

/** Processes in the cgroup and below it, by the first hierarchy that tells. */
export function pidsOf(paths: CgroupPaths): number[] {
  const dir = paths['unified'] ?? paths['freezer'] ?? paths['devices'] ?? Object.values(paths)[0];
  return dir === undefined ? [] : pidsBelow(dir);
}

function pidsBelow(dir: string): number[] {
  try {
    const own = numbersIn(sys.readText(`${dir}/cgroup.procs`));
    return [...own, ...childrenOf(dir).flatMap(pidsBelow)];
  } catch (error) {
    if (sys.isErrno(error, sys.E.ENOENT, sys.E.ENODEV)) return [];
    throw error;
  }
}

const childrenOf = (dir: string): string[] =>
  sys
    .listDir(dir)
    .map((name) => `${dir}/${name}`)
    .filter((path) => sys.isDirectory(path));

/** Signals every process in the cgroup until the list no longer grows. */
export function killAll(paths: CgroupPaths, signal: number): void {
  const signalled = new Set<number>();
  for (;;) {
    const pids = pidsOf(paths).filter((pid) => !signalled.has(pid));
    if (pids.length === 0) return;
    for (const pid of pids) {
      signalled.add(pid);
      sys.killQuietly(pid, signal);
    }
  }
}

function textOf(path: string): string | undefined {
  try {
    return sys.readText(path);
  } catch (error) {
    if (error instanceof sys.SyscallError) return undefined;
    throw error;
  }
}

/** Of a v1 freezer cgroup, or a v2 cgroup. */
function freezerStateOf(dir: string): 'frozen' | 'thawed' {
  const legacy = textOf(`${dir}/freezer.state`);
  if (legacy !== undefined) return legacy.startsWith('THAWED') ? 'thawed' : 'frozen';
  return textOf(`${dir}/cgroup.freeze`)?.startsWith('1') === true ? 'frozen' : 'thawed';
}

export function freezerState(paths: CgroupPaths): 'frozen' | 'thawed' {
  const dir = paths['freezer'] ?? paths['unified'];
  return dir === undefined ? 'thawed' : freezerStateOf(dir);
}

export function thaw(paths: CgroupPaths): void {
  if (freezerState(paths) === 'thawed') return;
  const legacy = paths['freezer'];
  if (legacy !== undefined) sys.writeText(`${legacy}/freezer.state`, 'THAWED');
  else sys.writeText(`${paths['unified']}/cgroup.freeze`, '0');
}

/** Milliseconds that a cgroup may take to be empty after its last process was killed. */
const REMOVE_TIMEOUT = 5000;

/** Removes the container's cgroups and those that it made in them, but none of `existing` (runtime.md, "Delete"). */
export function destroyCgroup(paths: CgroupPaths, existing: readonly string[]): void {
  for (const dir of Object.values(paths)) if (!existing.includes(dir)) removeCgroup(dir);
}

function removeCgroup(dir: string): void {
  // KERNEL: a killed process leaves its cgroup when it has ended, which v1 tells nobody: ask again, ever more seldom.
  for (let waited = 0, pause = 1; ; waited += pause, pause *= 2) {
    try {
      sys.unlinkat(sys.AT_FDCWD, dir, sys.AT_REMOVEDIR);
      return;
    } catch (error) {
      if (sys.isErrno(error, sys.E.ENOENT)) return;
      if (!sys.isErrno(error, sys.E.EBUSY) || waited > REMOVE_TIMEOUT) throw error;
    }
    const children = childrenOf(dir);
    if (children.length > 0) for (const child of children) removeCgroup(child);
    else sys.poll([], pause);
  }
}
