// What each kind of step does in the container's process.

import { runConsole } from '../console.ts';
import { runDevices } from '../devices.ts';
import { runMask } from '../masks.ts';
import { runMount, runReadonlyLater } from '../mounts/run.ts';
import { runEnter, runJoin, runUnshare } from '../namespaces.ts';
import type { ChildStep } from '../plan/steps.ts';
import { runAttribute } from '../process/attributes.ts';
import { runBoundingSet, runCapabilities } from '../process/capabilities.ts';
import { runLabel } from '../process/labels.ts';
import { runProgramStep } from '../process/program.ts';
import { runRlimit } from '../process/rlimits.ts';
import { runTerminal } from '../process/terminal.ts';
import { runUser } from '../process/user.ts';
import { runRootfs } from '../rootfs.ts';
import { runSysctl } from '../sysctl.ts';
import { runBecomeRoot } from '../user-namespace.ts';
import { runUts } from '../uts.ts';
import type { InitContext } from './context.ts';
import { runConversation } from './conversation.ts';

export function runChildStep(step: ChildStep, ctx: InitContext): void {
  switch (step.kind) {
    case 'become-root':
      return runBecomeRoot(step);
    case 'enter-namespaces':
      return runEnter(step, ctx);
    case 'join-namespace':
      return runJoin(step);
    case 'unshare-namespaces':
      return runUnshare(step);
    case 'set-propagation':
    case 'open-rootfs':
    case 'pivot-root':
    case 'move-root':
    case 'change-root':
    case 'root-propagation':
    case 'root-readonly':
      return runRootfs(step, ctx);
    case 'mount-filesystem':
    case 'mount-bind':
    case 'remount':
    case 'mount-cgroup':
      return runMount(step, ctx);
    case 'readonly-later':
      return runReadonlyLater(ctx);
    case 'make-devices':
    case 'link-devices':
      return runDevices(step, ctx);
    case 'bind-console':
    case 'reopen-null':
      return runConsole(step, ctx);
    case 'open-terminal':
    case 'take-terminal':
      return runTerminal(step, ctx);
    case 'open-mask':
    case 'readonly-paths':
    case 'mask-paths':
      return runMask(step, ctx);
    case 'set-hostname':
    case 'set-domainname':
      return runUts(step);
    case 'set-sysctl':
      return runSysctl(step, ctx);
    case 'session':
    case 'keyring':
    case 'no-new-privileges':
    case 'scheduler':
    case 'io-priority':
    case 'personality':
    case 'memory-policy':
    case 'cpu-affinity':
    case 'reset-cpu-affinity':
      return runAttribute(step, ctx);
    case 'rlimit':
      return runRlimit(step, ctx);
    case 'label':
      return runLabel(step, ctx);
    case 'capability-bounding-set':
      return runBoundingSet(step);
    case 'user':
      return runUser(step);
    case 'capabilities':
      return runCapabilities(step, ctx);
    case 'environment':
    case 'make-cwd':
    case 'privileged-cwd':
    case 'cwd':
    case 'lookup':
    case 'close-descriptors':
    case 'exec':
      return runProgramStep(step, ctx);
    case 'await-parent':
    case 'device-rules':
    case 'runtime-hooks':
    case 'create-container-hooks':
    case 'ready':
    case 'announce':
    case 'start-container-hooks':
    case 'seccomp':
      return runConversation(step, ctx);
  }
}
