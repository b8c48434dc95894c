// Every kind of step, and the Plan that they make. A step is a frozen value: one action that a reader of the
// specification would name.

import type { CgroupPaths, CgroupStep, JoinCgroupStep } from '../cgroups/steps.ts';
import type { UnitName } from '../cgroups/systemd/property.ts';
import type { ConsoleStep } from '../console.ts';
import type { DeviceStep } from '../devices.ts';
import type { ConversationStep } from '../init/conversation.ts';
import type { MaskStep } from '../masks.ts';
import type { MountStep } from '../mounts/plan.ts';
import type { ReadonlyLaterStep } from '../mounts/run.ts';
import type { ClonePlan, EnterStep, JoinStep, UnshareStep } from '../namespaces.ts';
import type { AttributeStep } from '../process/attributes.ts';
import type { BoundingStep, CapabilitiesStep } from '../process/capabilities.ts';
import type { LabelStep } from '../process/labels.ts';
import type { OomScoreStep } from '../process/oom-score.ts';
import type { ProgramStep } from '../process/program.ts';
import type { RlimitStep } from '../process/rlimits.ts';
import type { TerminalStep } from '../process/terminal.ts';
import type { UserStep } from '../process/user.ts';
import type { HostRootStep, RootfsStep } from '../rootfs.ts';
import type { SysctlStep } from '../sysctl.ts';
import type { BecomeRootStep } from '../user-namespace.ts';
import type { UtsStep } from '../uts.ts';

export interface CloneStep {
  readonly kind: 'clone';
  readonly clone: ClonePlan;
  /** The cgroup that the container is born in, or joins then, where the kernel does not do that. */
  readonly join?: JoinCgroupStep;
}

/** The maps of the new user namespace (config-linux.md), and the child's own part of the set-up. */
export type ParentStep =
  | CloneStep
  | { readonly kind: 'id-mappings'; readonly clone: ClonePlan }
  | {
      readonly kind: 'attend';
      /** What the child asks for when it has made the device nodes. */
      readonly deviceRules: readonly CgroupStep[];
    }
  | CgroupStep
  | HostRootStep
  | OomScoreStep;

export type ChildStep =
  | AttributeStep
  | BecomeRootStep
  | BoundingStep
  | CapabilitiesStep
  | ConsoleStep
  | ConversationStep
  | DeviceStep
  | EnterStep
  | JoinStep
  | LabelStep
  | MaskStep
  | MountStep
  | ProgramStep
  | ReadonlyLaterStep
  | RlimitStep
  | RootfsStep
  | SysctlStep
  | TerminalStep
  | UnshareStep
  | UserStep
  | UtsStep;

export type Step = ParentStep | ChildStep;

/** All that will be done, decided from configuration and host before anything is. */
export interface Plan {
  readonly clone: ClonePlan;
  readonly cgroupPaths: CgroupPaths;
  readonly unit?: UnitName;
  /** Absolute path of the root on the host. */
  readonly rootfs: string;
  readonly parent: readonly ParentStep[];
  /** Runs in the container's process while the parent is at its step `attend`, and after. */
  readonly child: readonly ChildStep[];
}
