// The order in which one more process of a container is set up. Its steps are those of the container's first process
// (plan/sequence.ts) that are a process' own; what they stand in line for is said there.

import type { LinuxMemoryPolicy, Process } from '../../spec/types.ts';
import { planReopenNull } from '../console.ts';
import type { Host } from '../host.ts';
import type { ChildStep } from '../plan/steps.ts';
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
import { planCwd, planEnvironment, planExec, planLookup, planPrivilegedCwd } from '../process/program.ts';
import { planRlimits } from '../process/rlimits.ts';
import { planOpenTerminal, planTakeTerminal } from '../process/terminal.ts';
import { planUser } from '../process/user.ts';
import * as sys from '../sys/index.ts';
import type { InheritedAttributes } from './inherited.ts';
import type { ExecTarget } from './target.ts';

/** What every process of a container gets besides its `process`, kept from when it was created. */
export interface ContainerTraits {
  readonly process: InheritedAttributes;
  /** Name of the session keyring's container; none when processes keep their caller's. */
  readonly keyring?: string;
  readonly personality?: string;
  readonly memoryPolicy?: LinuxMemoryPolicy;
  /** The compiled profile, whose filter lies in a file of its own. */
  readonly seccomp?: { readonly flags: number; readonly notify: boolean };
}

export interface ExecPlanInput {
  readonly process: Process;
  readonly traits: ContainerTraits;
  /** struct sock_filter[]; none without a profile. */
  readonly filter: Uint8Array | undefined;
  readonly host: Host;
  readonly target: ExecTarget;
  readonly preserveFds: number;
}

export function execSequence({ process, traits, filter, host, target, preserveFds }: ExecPlanInput): ChildStep[] {
  const { personality, memoryPolicy } = traits;
  const spec = {
    ociVersion: '',
    process,
    linux: {
      ...(personality === undefined ? {} : { personality: { domain: personality } }),
      ...(memoryPolicy === undefined ? {} : { memoryPolicy }),
    },
  };
  const { seccomp } = traits;
  const filters =
    seccomp === undefined || filter === undefined ? [] : [{ kind: 'seccomp', filter, ...seccomp } as const];
  const noNewPrivileges = process.noNewPrivileges === true;
  const { uidMappings, gidMappings } = target;
  const isForeign = (target.flags & sys.CLONE_NEWUSER) !== 0;
  const [close, ...exec] = planExec(spec, preserveFds);
  return [
    { kind: 'await-parent' }, //             cgroups are the parent's; from then on nobody may look at us
    { kind: 'enter-namespaces', pid: target.pid, pidfd: target.pidfd, flags: target.flags },
    ...(isForeign ? [{ kind: 'become-root', uidMappings, gidMappings } as const] : []),
    ...planCpuAffinity(process.execCPUAffinity), // cgroups are joined
    ...planSession(),
    ...planKeyring(traits.keyring ?? '', traits.keyring !== undefined),
    ...planReopenNull(spec), //              the host's /dev/null can be changed by who holds it
    ...planOpenTerminal(spec),
    ...planTakeTerminal(spec),
    ...planScheduling(spec),
    ...planPersonality(spec),
    ...planLabels(spec, host),
    ...(noNewPrivileges ? planNoNewPrivileges(spec) : []),
    ...planRlimits(spec),
    planBoundingSet(spec),
    ...planPrivilegedCwd(spec),
    planUser(spec),
    planCapabilities(spec, filters.length > 0 && !noNewPrivileges ? [21] : []), // CAP_SYS_ADMIN stays for the filter
    ...planCwd(spec),
    ...planEnvironment(spec),
    ...planLookup(spec),
    { kind: 'announce' }, //                 what ends us from here on is the program's end
    ...(close === undefined ? [] : [close]),
    ...filters,
    ...(filters.length > 0 && !noNewPrivileges ? [planCapabilities(spec)] : []),
    ...exec,
  ];
}
