// config.md, "Linux Process": the attributes that are one system call each: noNewPrivileges, scheduler, ioPriority,
// personality, memoryPolicy, and the session keyring that runc's users rely on.

import { TsociError } from '../../errors.ts';
import type { CPUAffinity, LinuxMemoryPolicy, Scheduler, Spec } from '../../spec/types.ts';
import { maskOf, parseCpuList } from '../cpu-list.ts';
import type { InitContext } from '../init/context.ts';
import * as sys from '../sys/index.ts';

export type AttributeStep =
  | { readonly kind: 'session' }
  | { readonly kind: 'keyring'; readonly name: string }
  | { readonly kind: 'no-new-privileges' }
  | { readonly kind: 'scheduler'; readonly scheduler: Scheduler; readonly cpus: string }
  | { readonly kind: 'io-priority'; readonly class: string; readonly priority: number }
  | { readonly kind: 'personality'; readonly domain: string }
  | { readonly kind: 'memory-policy'; readonly policy: LinuxMemoryPolicy }
  | { readonly kind: 'cpu-affinity'; readonly cpus: string }
  | { readonly kind: 'reset-cpu-affinity' };

const POLICIES = [
  'SCHED_OTHER',
  'SCHED_FIFO',
  'SCHED_RR',
  'SCHED_BATCH',
  'SCHED_ISO',
  'SCHED_IDLE',
  'SCHED_DEADLINE',
] as const;

const SCHEDULER_FLAGS: Readonly<Record<string, number>> = {
  SCHED_FLAG_RESET_ON_FORK: 0x01,
  SCHED_FLAG_RECLAIM: 0x02,
  SCHED_FLAG_DL_OVERRUN: 0x04,
  SCHED_FLAG_KEEP_POLICY: 0x08,
  SCHED_FLAG_KEEP_PARAMS: 0x10,
  SCHED_FLAG_UTIL_CLAMP_MIN: 0x20,
  SCHED_FLAG_UTIL_CLAMP_MAX: 0x40,
};

const IO_CLASSES: Readonly<Record<string, number>> = { IOPRIO_CLASS_RT: 1, IOPRIO_CLASS_BE: 2, IOPRIO_CLASS_IDLE: 3 };

const DOMAINS: Readonly<Record<string, number>> = { LINUX: 0x0000, LINUX32: 0x0008 };

/** set_mempolicy(2): the place in the list is the kernel's number. */
const MEMORY_MODES = [
  'MPOL_DEFAULT',
  'MPOL_PREFERRED',
  'MPOL_BIND',
  'MPOL_INTERLEAVE',
  'MPOL_LOCAL',
  'MPOL_PREFERRED_MANY',
  'MPOL_WEIGHTED_INTERLEAVE',
];

const MEMORY_FLAGS: Readonly<Record<string, number>> = {
  MPOL_F_NUMA_BALANCING: 1 << 13,
  MPOL_F_RELATIVE_NODES: 1 << 14,
  MPOL_F_STATIC_NODES: 1 << 15,
};

export const planSession = (): AttributeStep[] => [{ kind: 'session' }];

export const planKeyring = (id: string, wanted: boolean): AttributeStep[] =>
  wanted ? [{ kind: 'keyring', name: `_ses.${id}` }] : [];

export const planNoNewPrivileges = (spec: Spec): AttributeStep[] =>
  spec.process?.noNewPrivileges === true ? [{ kind: 'no-new-privileges' }] : [];

export function planScheduling(spec: Spec): AttributeStep[] {
  const steps: AttributeStep[] = [];
  const process = spec.process;
  if (process?.scheduler !== undefined) {
    steps.push({ kind: 'scheduler', scheduler: process.scheduler, cpus: spec.linux?.resources?.cpu?.cpus ?? '' });
  }
  if (process?.ioPriority !== undefined) {
    steps.push({ kind: 'io-priority', class: process.ioPriority.class, priority: process.ioPriority.priority ?? 0 });
  }
  if (spec.linux?.memoryPolicy !== undefined) steps.push({ kind: 'memory-policy', policy: spec.linux.memoryPolicy });
  return steps;
}

export const planPersonality = (spec: Spec): AttributeStep[] =>
  spec.linux?.personality === undefined ? [] : [{ kind: 'personality', domain: spec.linux.personality.domain }];

/** Once the cgroups are joined. COMPAT: who is given no CPUs has all that its cgroup allows, not its caller's. */
export function planCpuAffinity(affinity: CPUAffinity | undefined): AttributeStep[] {
  if (affinity === undefined) return [{ kind: 'reset-cpu-affinity' }];
  const { final = '' } = affinity;
  return final === '' ? [] : [{ kind: 'cpu-affinity', cpus: final }];
}

const flagsOf = (names: readonly string[] | undefined, table: Readonly<Record<string, number>>): number =>
  (names ?? []).reduce((sum, name) => sum | (table[name] ?? 0), 0);

function setScheduler(scheduler: Scheduler, cpus: string): void {
  const attributes = {
    policy: POLICIES.indexOf(scheduler.policy as (typeof POLICIES)[number]),
    flags: flagsOf(scheduler.flags, SCHEDULER_FLAGS),
    nice: scheduler.nice ?? 0,
    priority: scheduler.priority ?? 0,
    runtime: scheduler.runtime ?? 0,
    deadline: scheduler.deadline ?? 0,
    period: scheduler.period ?? 0,
  };
  try {
    sys.sched_setattr(0, sys.encodeSchedAttr(attributes), 0);
  } catch (error) {
    if (cpus === '' || !(error instanceof sys.SyscallError && error.errno === sys.E.EPERM)) throw error;
    // KERNEL: a deadline is promised on all CPUs or on none. COMPAT: runc's words.
    const hint = "process scheduler can't be used together with AllowedCPUs";
    throw new TsociError('ERR_STEP', error.message, { errno: error.errno, hint, cause: error });
  }
}

/** Bytes of the kernel's words. */
const LONG = 8;

/** KERNEL: takes of a mask what the machine has and the cgroup allows. */
const ALL_CPUS = new Uint8Array(1024).fill(0xff);

function resetCpuAffinity(ctx: Pick<InitContext, 'warn'>): void {
  try {
    sys.sched_setaffinity(0, ALL_CPUS);
  } catch (error) {
    if (!(error instanceof sys.SyscallError)) throw error;
    ctx.warn(`the CPUs of the caller are kept: ${error.message}`);
  }
}

/** Of the calling process; `cpus` is a list as in cpuset(7), not empty. */
export const setCpuAffinity = (cpus: string): void => sys.sched_setaffinity(0, maskOf(parseCpuList(cpus), LONG));

function setMemoryPolicy(policy: LinuxMemoryPolicy): void {
  const mode = MEMORY_MODES.indexOf(policy.mode) | flagsOf(policy.flags, MEMORY_FLAGS);
  const nodes = parseCpuList(policy.nodes ?? '');
  if (nodes.length === 0) {
    sys.set_mempolicy(mode, null, 0);
    return;
  }
  const mask = maskOf(nodes, LONG);
  // KERNEL: maxnode counts one more bit than the mask has.
  sys.set_mempolicy(mode, mask, mask.length * 8 + 1);
}

/** A keyring of its own: keys of the caller's session stay out of the container. Kernels without keyrings are fine. */
function joinKeyring(name: string): void {
  try {
    const ring = sys.keyctl(sys.KEYCTL_JOIN_SESSION_KEYRING, name, 0, 0, 0);
    const possessor = sys.KEY_POS_ALL;
    // COMPAT: as runc, the container's user may view, read and search it.
    const user = sys.KEY_USR_VIEW | sys.KEY_USR_READ | sys.KEY_USR_SEARCH;
    sys.keyctl_setperm(ring, possessor | user);
  } catch (error) {
    if (!(error instanceof sys.SyscallError && error.errno === sys.E.ENOSYS)) throw error;
  }
}

export function runAttribute(step: AttributeStep, ctx: Pick<InitContext, 'warn'>): void {
  switch (step.kind) {
    case 'session':
      sys.setsid();
      return;
    case 'keyring':
      return joinKeyring(step.name);
    case 'no-new-privileges':
      sys.prctl(sys.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
      return;
    case 'scheduler':
      return setScheduler(step.scheduler, step.cpus);
    case 'io-priority':
      sys.ioprio_set(sys.IOPRIO_WHO_PGRP, 0, ((IO_CLASSES[step.class] ?? 0) << 13) | step.priority);
      return;
    case 'personality':
      sys.personality(DOMAINS[step.domain] ?? 0);
      return;
    case 'memory-policy':
      return setMemoryPolicy(step.policy);
    case 'cpu-affinity':
      return setCpuAffinity(step.cpus);
    case 'reset-cpu-affinity':
      return resetCpuAffinity(ctx);
  }
}

export function describeAttribute(step: AttributeStep): string {
  switch (step.kind) {
    case 'session':
      return 'starting a new session';
    case 'keyring':
      return `joining the session keyring ${step.name}`;
    case 'no-new-privileges':
      return 'setting no_new_privs';
    case 'scheduler':
      return `setting the scheduler ${step.scheduler.policy}`;
    case 'io-priority':
      return `setting the I/O priority ${step.class} ${step.priority}`;
    case 'personality':
      return `setting the personality ${step.domain}`;
    case 'memory-policy':
      return `setting the memory policy ${step.policy.mode} ${step.policy.nodes ?? ''}`;
    case 'cpu-affinity':
      return `letting it run on CPUs ${step.cpus}`;
    case 'reset-cpu-affinity':
      return 'letting it run on all CPUs of its cgroup';
  }
}
