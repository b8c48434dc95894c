// A step in words: for `tsoci plan`, and for the error of the step that failed.

import { describeCgroupStep } from '../cgroups/steps.ts';
import { describeConsole } from '../console.ts';
import { describeDevices } from '../devices.ts';
import { describeConversation } from '../init/conversation.ts';
import { describeMask } from '../masks.ts';
import { describeMount } from '../mounts/plan.ts';
import { cloneFlagNames, describeEnter, describeJoin, describeUnshare } from '../namespaces.ts';
import { describeAttribute } from '../process/attributes.ts';
import { describeBoundingSet, describeCapabilities } from '../process/capabilities.ts';
import { describeLabel } from '../process/labels.ts';
import { describeOomScore } from '../process/oom-score.ts';
import { describeProgramStep } from '../process/program.ts';
import { describeRlimit } from '../process/rlimits.ts';
import { describeTerminal } from '../process/terminal.ts';
import { describeUser } from '../process/user.ts';
import { describeRootfs } from '../rootfs.ts';
import { describeSysctl } from '../sysctl.ts';
import { describeBecomeRoot, describeMappings } from '../user-namespace.ts';
import { describeUts } from '../uts.ts';
import type { CloneStep, Step } from './steps.ts';

function describeClone({ clone, join }: CloneStep): string {
  const flags = `clone3(${cloneFlagNames(clone.flags)})${join === undefined ? '' : `, ${describeCgroupStep(join)}`}`;
  if (clone.stage === undefined) return `cloning the container: ${flags}`;
  const joins = clone.stage.joins.map((join) => `${join.type} ${join.path}`);
  const parts = [
    ...(joins.length > 0 ? [`join ${joins.join(', ')}`] : []),
    ...(clone.stage.unshareUser ? ['unshare the user namespace'] : []),
    ...(clone.stage.timeOffsets === undefined ? [] : ['unshare the time namespace with offsets']),
  ];
  return `cloning the container by a stage (${parts.join('; ')}): ${flags}`;
}

/** Objects, never secrets: one line without the cause. */
export function describeStep(step: Step): string {
  switch (step.kind) {
    case 'cgroup-mkdir':
    case 'cgroup-unit':
    case 'cgroup-unit-properties':
    case 'cgroup-inherit-cpuset':
    case 'cgroup-enable':
    case 'cgroup-check-memory':
    case 'cgroup-write':
    case 'cgroup-devices':
    case 'cgroup-device-filter':
    case 'cgroup-own':
    case 'cgroup-join':
      return describeCgroupStep(step);
    case 'clone':
      return describeClone(step);
    case 'id-mappings':
      return describeMappings(step.clone);
    case 'attend':
      return "attending the container's own steps";
    case 'oom-score':
      return describeOomScore(step);
    case 'rlimit':
      return describeRlimit(step);
    case 'become-root':
      return describeBecomeRoot(step);
    case 'enter-namespaces':
      return describeEnter(step);
    case 'join-namespace':
      return describeJoin(step);
    case 'unshare-namespaces':
      return describeUnshare(step);
    case 'mount-rootfs':
    case 'set-propagation':
    case 'open-rootfs':
    case 'pivot-root':
    case 'move-root':
    case 'change-root':
    case 'root-propagation':
    case 'root-readonly':
      return describeRootfs(step);
    case 'mount-filesystem':
    case 'mount-bind':
    case 'remount':
    case 'mount-cgroup':
      return describeMount(step);
    case 'readonly-later':
      return 'making the mounts read-only that were written to until now';
    case 'make-devices':
    case 'link-devices':
      return describeDevices(step);
    case 'bind-console':
    case 'reopen-null':
      return describeConsole(step);
    case 'open-terminal':
    case 'take-terminal':
      return describeTerminal(step);
    case 'open-mask':
    case 'readonly-paths':
    case 'mask-paths':
      return describeMask(step);
    case 'set-hostname':
    case 'set-domainname':
      return describeUts(step);
    case 'set-sysctl':
      return describeSysctl(step);
    case 'session':
    case 'keyring':
    case 'no-new-privileges':
    case 'scheduler':
    case 'io-priority':
    case 'personality':
    case 'memory-policy':
    case 'cpu-affinity':
    case 'reset-cpu-affinity':
      return describeAttribute(step);
    case 'label':
      return describeLabel(step);
    case 'capability-bounding-set':
      return describeBoundingSet(step);
    case 'user':
      return describeUser(step);
    case 'capabilities':
      return describeCapabilities(step);
    case 'environment':
    case 'make-cwd':
    case 'privileged-cwd':
    case 'cwd':
    case 'lookup':
    case 'close-descriptors':
    case 'exec':
      return describeProgramStep(step);
    case 'await-parent':
    case 'device-rules':
    case 'runtime-hooks':
    case 'create-container-hooks':
    case 'ready':
    case 'announce':
    case 'start-container-hooks':
    case 'seccomp':
      return describeConversation(step);
  }
}
