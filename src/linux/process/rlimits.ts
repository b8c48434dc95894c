// config.md, "POSIX process": rlimits, by prlimit(2).
// ORDER: set by the parent when the container is set up: raising one needs the privileges of the host's user namespace,
// and a low one (RLIMIT_NOFILE, RLIMIT_AS) must not hit the set-up itself.

import { RLIMITS } from '../../spec/rlimits.ts';
import type { Spec, Uint64 } from '../../spec/types.ts';
import * as sys from '../sys/index.ts';

export interface RlimitStep {
  readonly kind: 'rlimit';
  readonly type: string;
  readonly soft: Uint64;
  readonly hard: Uint64;
}

export const planRlimits = (spec: Spec): RlimitStep[] =>
  (spec.process?.rlimits ?? []).map(({ type, soft, hard }) => ({ kind: 'rlimit', type, soft, hard }));

export function runRlimit(step: RlimitStep, pid: number): void {
  sys.prlimit64(pid, RLIMITS.indexOf(step.type), sys.encodeRlimit(step.soft, step.hard), null);
}

export const describeRlimit = (step: RlimitStep): string =>
  `setting ${step.type} to ${step.soft} (soft) and ${step.hard} (hard)`;
