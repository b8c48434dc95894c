// The order of set-up, on one screen. Each chapter of the specification plans its own steps; here they only stand in
// line, each with the reason why it stands there.

import type { Spec } from '../../spec/types.ts';
import { planCgroupMount } from '../cgroups/mount.ts';
import type { CgroupPlan } from '../cgroups/steps.ts';
import { planConsole, planReopenNull } from '../console.ts';
import { planDevices } from '../devices.ts';
import type { Host } from '../host.ts';
import { planMaskSource, planMasks } from '../masks.ts';
import { planMounts, planReadonlyLater } from '../mounts/plan.ts';
import { type ClonePlan, planJoins, planUnshare } from '../namespaces.ts';
import {
  planCpuAffinity,
  planKeyring,
  planNoNewPrivileges,
  planPersonality,
  planScheduling,
  planSession,
} from '../process/attributes.ts';
import { planBoundingSet, planCapabilities } from '../process/capabilities.ts';
import { planLabels } from '../process/labels.ts';
import { planOomScore } from '../process/oom-score.ts';
import { planCwd, planEnvironment, planExec, planLookup, planMakeCwd, planPrivilegedCwd } from '../process/program.ts';
import { planRlimits } from '../process/rlimits.ts';
import { planOpenTerminal, planTakeTerminal } from '../process/terminal.ts';
import { planUser } from '../process/user.ts';
import {
  planHostRootfs,
  planPivot,
  planPropagation,
  planRootfs,
  planRootPropagation,
  planRootReadonly,
} from '../rootfs.ts';
import { planSysctls } from '../sysctl.ts';
import { planBecomeRoot } from '../user-namespace.ts';
import { planUts } from '../uts.ts';
import { planSeccomp } from './seccomp.ts';
import type { ChildStep, ParentStep } from './steps.ts';

export interface PlanInput {
  readonly id: string;
  /** Absolute. */
  readonly bundle: string;
  readonly spec: Spec;
  readonly host: Host;
  readonly noPivot: boolean;
  readonly noNewKeyring: boolean;
  readonly preserveFds: number;
  readonly rootless: boolean;
  readonly systemdCgroup: boolean;
}

export function parentSequence({ spec, host, bundle }: PlanInput, clone: ClonePlan, cgroup: CgroupPlan): ParentStep[] {
  const mapping = clone.userns === 'new' && clone.stage === undefined;
  // A stage must not be counted as one of the container's processes.
  const [first, ...joins] = cgroup.join;
  const born =
    host.cgroup.mode === 'v2' && clone.stage === undefined && first?.kind === 'cgroup-join' ? first : undefined;
  return [
    ...planHostRootfs(spec, bundle), //      nothing else is to be undone where it fails
    ...cgroup.beforeJoin, //                 the limits are there before the first process is
    { kind: 'clone', clone, ...(born === undefined ? {} : { join: born }) }, // namespaces without a path; by a stage, those that need one
    ...(mapping ? [{ kind: 'id-mappings', clone } as const] : []), // until then the child has no user
    ...(born === undefined ? cgroup.join : joins), // before any memory of the set-up is charged to us
    ...planOomScore(spec), //                while the child may still be looked at
    { kind: 'attend', deviceRules: cgroup.afterNodes }, // the child's part, below
  ];
}

export function childSequence(input: PlanInput, clone: ClonePlan, cgroup: CgroupPlan): ChildStep[] {
  const { spec, host, bundle } = input;
  const seccomp = planSeccomp(spec, host.arch);
  const mounts = planMounts(spec, bundle, (mount) => planCgroupMount(mount, spec, host.cgroup, cgroup.paths));
  const hooks = spec.hooks ?? {};
  const runtimeHooks = (['prestart', 'createRuntime'] as const).filter((kind) => (hooks[kind] ?? []).length > 0);
  const noNewPrivileges = spec.process?.noNewPrivileges === true;
  return [
    { kind: 'await-parent' }, //             id maps and cgroups are the parent's
    ...planCpuAffinity(undefined), //        execCPUAffinity is of processes to come
    ...planBecomeRoot(clone), //             from here on files are made by the container's root
    ...planJoins(spec), //                   all that follows happens inside the joined namespaces
    ...planUnshare(spec), //                 cgroups are joined, and we are root
    ...planSession(), //                     no terminal of the caller can be pushed into (TIOCSTI)
    ...planKeyring(input.id, !input.noNewKeyring), // no keys of the caller
    ...planPropagation(spec), //             first of all no mount of ours must reach the host
    ...planRootfs(spec, bundle),
    ...mounts, //                            in the listed order
    ...planDevices(spec), //                 /dev is mounted now
    ...(cgroup.afterNodes.length > 0 ? [{ kind: 'device-rules' } as const] : []), // they forbid mknod of what we have just made
    ...planOpenTerminal(spec), //            by the container's own devpts
    ...planConsole(spec), //                 the slave on /dev/console
    ...planReopenNull(spec),
    ...planMaskSource(spec), //              the last thing taken from the host
    ...(runtimeHooks.length > 0 ? [{ kind: 'runtime-hooks', kinds: runtimeHooks } as const] : []), // before pivot_root
    ...((hooks.createContainer ?? []).length > 0 // found in the runtime's tree, run in the container's namespaces
      ? [{ kind: 'create-container-hooks', hooks: hooks.createContainer ?? [] } as const]
      : []),
    ...planPivot(spec, input.noPivot), //    the host's tree is gone
    ...planMakeCwd(spec), //                 while it can be written there
    ...planReadonlyLater(mounts), //         after everything was made in them
    ...planRootPropagation(spec, bundle), // only now may mounts propagate as asked for
    ...planRootReadonly(spec, bundle),
    ...planUts(spec),
    ...planSysctls(spec), //                 in the container's namespaces, by the host's procfs
    ...planMasks(spec), //                   last of the mounts, so that nothing uncovers a path
    ...planTakeTerminal(spec),
    ...planScheduling(spec), //              needs privileges
    ...planPersonality(spec),
    ...planLabels(spec, host), //            take effect at execve
    ...(noNewPrivileges ? planNoNewPrivileges(spec) : []), // so that the filter needs no CAP_SYS_ADMIN
    ...planRlimits(spec), //                 late, so that our own work does not run into them; while still privileged
    planBoundingSet(spec), //                needs CAP_SETPCAP
    ...planPrivilegedCwd(spec), //           a folder may be closed to the container's user
    planUser(spec), //                       needs CAP_SETUID and CAP_SETGID
    planCapabilities(spec, seccomp.length > 0 && !noNewPrivileges ? [21] : []), // CAP_SYS_ADMIN stays for the filter
    ...planCwd(spec), //                     else as the container's user (CVE-2024-21626)
    ...planEnvironment(spec), //             HOME, from the container's passwd
    ...planLookup(spec), //                  as the container's user; fails `create`, not `start`
    { kind: 'ready' }, //                    `create` ends here
    ...((hooks.startContainer ?? []).length > 0
      ? [{ kind: 'start-container-hooks', hooks: hooks.startContainer ?? [], seccomp: seccomp[0] } as const]
      : []),
    ...planExec(spec, input.preserveFds).slice(0, 1), // nothing is open but what is asked for (CVE-2024-21626)
    ...seccomp, //                           the last thing that needs a system call of ours
    ...(seccomp.length > 0 && !noNewPrivileges ? [planCapabilities(spec)] : []),
    ...planExec(spec, input.preserveFds).slice(1),
  ];
}
