// Doing the steps that make a container's cgroups.

import { TsociError } from '../../errors.ts';
import * as sys from '../sys/index.ts';
import { attachFilter } from './devices/attach.ts';
import { enableControllers } from './enable.ts';
import { freezerStateOf, textOf } from './freezer.ts';
import { pidsBelow } from './members.ts';
import type { CgroupStep } from './steps.ts';
import { setPropertiesOnly } from './systemd/exact.ts';
import { startUnit } from './systemd/manager.ts';
import type { DeviceRule } from './v1/devices.ts';
import { checkMemoryUsage } from './v2/memory.ts';

const DENIED = [sys.E.EACCES, sys.E.EPERM, sys.E.EROFS];

const isDenied = (error: unknown): boolean => sys.isErrno(error, ...DENIED);

type MakeStep = Extract<CgroupStep, { kind: 'cgroup-mkdir' }>;

/** Makes the cgroup; one that is there already must be fit to take the container (config-linux.md since 1.1). */
function makeCgroup(step: MakeStep, existing: string[]): void {
  const { dir, optional } = step;
  try {
    sys.mkdirat(sys.AT_FDCWD, dir, 0o755);
    return;
  } catch (error) {
    if (optional && isDenied(error)) return;
    if (sys.isErrno(error, sys.E.ENOENT)) return makeBelow(step, existing);
    if (!sys.isErrno(error, sys.E.EEXIST)) throw error;
  }
  if (step.managed === true) return;
  if (!existing.includes(dir)) existing.push(dir);
  checkFitness(dir);
}

/** A cgroup that is there already has no process, and would let one run. */
function checkFitness(dir: string): void {
  const count = pidsBelow(dir).length;
  if (count > 0) throw new TsociError('ERR_CGROUP', `container's cgroup is not empty: ${count} process(es) found`);
  if (freezerStateOf(dir) === 'frozen') throw new TsociError('ERR_CGROUP', "container's cgroup unexpectedly frozen");
}

/** ORDER: systemd would refuse the name of a unit that has processes in other words, and leave a cgroup frozen. */
function makeUnit(step: Extract<CgroupStep, { kind: 'cgroup-unit' }>, pid: number, existing: string[]): void {
  const { unit, properties, joins, dirs } = step;
  for (const dir of dirs.filter(sys.exists)) checkFitness(dir);
  startUnit(unit, properties, joins ? pid : 0, () => existing.push(...dirs));
}

function makeBelow(step: MakeStep, existing: string[]): void {
  const { dir, optional } = step;
  const parent = dir.slice(0, dir.lastIndexOf('/'));
  // KERNEL: below a cpuset without cpus a cpuset can have none: its parents get theirs first.
  makeParent(parent, optional);
  if (sys.exists(parent)) makeCgroup(step, existing);
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

/** A file that is not there may have another in its place. */
function writeSetting(step: Extract<CgroupStep, { kind: 'cgroup-write' }>): void {
  const { dir, file, value, otherwise, lift } = step;
  try {
    sys.writeText(`${dir}/${file}`, value);
  } catch (error) {
    if (lift !== undefined && sys.isErrno(error, sys.E.EINVAL)) {
      sys.writeText(`${dir}/${lift.file}`, lift.value);
      sys.writeText(`${dir}/${file}`, value);
      return;
    }
    if (otherwise === undefined || !sys.isErrno(error, sys.E.ENOENT)) throw error;
    if (otherwise !== 'nothing') sys.writeText(`${dir}/${otherwise.file}`, otherwise.value);
  }
}

/** The files that a delegated cgroup's manager writes (cgroups(7)); the kernel's list may name some that are not there. */
function giveAway(dir: string, uid: number): void {
  const list = textOf('/sys/kernel/cgroup/delegate') ?? 'cgroup.procs\ncgroup.subtree_control\ncgroup.threads\n';
  sys.fchownat(sys.AT_FDCWD, dir, uid, -1, sys.AT_SYMLINK_NOFOLLOW);
  for (const name of list.split('\n').filter((line) => line !== '')) {
    try {
      sys.fchownat(sys.AT_FDCWD, `${dir}/${name}`, uid, -1, sys.AT_SYMLINK_NOFOLLOW);
    } catch (error) {
      if (!sys.isErrno(error, sys.E.ENOENT)) throw error;
    }
  }
}

function filterDevices(step: Extract<CgroupStep, { kind: 'cgroup-device-filter' }>): void {
  try {
    attachFilter(step.dir, step.filter);
  } catch (error) {
    // COMPAT: without privileges devices are nothing to care for, as with runc: there is no mknod(2) either.
    if (!step.optional || !(isDenied(error) || sys.isErrno(error, sys.E.ENOENT))) throw error;
  }
}

function checkMemory({ dir, memory }: Extract<CgroupStep, { kind: 'cgroup-check-memory' }>): void {
  const usage = textOf(`${dir}/memory.current`);
  if (usage !== undefined) checkMemoryUsage(memory, BigInt(usage.trim()));
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
    if (optional && (isDenied(error) || sys.isErrno(error, sys.E.ENOENT))) return;
    if (!sys.isErrno(error, sys.E.EOPNOTSUPP) || !becomeThreaded(dir)) throw error;
    sys.writeText(`${dir}/cgroup.procs`, String(pid));
  }
}

/** KERNEL: below a threaded cgroup (cgroups(7)) a new one takes no process until it is threaded too. Whether it was that. */
function becomeThreaded(dir: string): boolean {
  if (textOf(`${dir}/cgroup.type`) !== 'domain invalid\n') return false;
  becomeThreaded(dir.slice(0, dir.lastIndexOf('/')));
  sys.writeText(`${dir}/cgroup.type`, 'threaded');
  return true;
}

/** `existing` takes the directories that were there before: they are not the container's to remove. */
export function runCgroupStep(step: CgroupStep, pid: number, existing: string[]): void {
  switch (step.kind) {
    case 'cgroup-mkdir':
      return makeCgroup(step, existing);
    case 'cgroup-unit':
      return makeUnit(step, pid, existing);
    case 'cgroup-unit-properties':
      return setPropertiesOnly(step.unit, step.properties, step.dirs);
    case 'cgroup-inherit-cpuset':
      return sys.exists(step.dir) ? inheritCpuset(step.dir, step.mountPoint) : undefined;
    case 'cgroup-enable':
      return enableControllers(step);
    case 'cgroup-check-memory':
      return checkMemory(step);
    case 'cgroup-write':
      return writeSetting(step);
    case 'cgroup-devices':
      return writeRules(step.dir, step.rules);
    case 'cgroup-device-filter':
      return filterDevices(step);
    case 'cgroup-own':
      return giveAway(step.dir, step.uid);
    case 'cgroup-join':
      return joinCgroup(step.dir, pid, step.optional);
  }
}
