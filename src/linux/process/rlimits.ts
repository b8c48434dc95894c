// config.md, "POSIX process": rlimits, by prlimit(2).

import { RLIMITS } from '../../spec/rlimits.ts';
import type { Spec, Uint64 } from '../../spec/types.ts';
import { receive, send } from '../init/channel.ts';
import type { InitContext } from '../init/context.ts';
import * as sys from '../sys/index.ts';

export interface RlimitStep {
  readonly kind: 'rlimit';
  readonly type: string;
  readonly soft: Uint64;
  readonly hard: Uint64;
}

export const planRlimits = (spec: Spec): RlimitStep[] =>
  (spec.process?.rlimits ?? []).map(({ type, soft, hard }) => ({ kind: 'rlimit', type, soft, hard }));

export const setRlimit = (pid: number, resource: number, soft: Uint64, hard: Uint64): void =>
  void sys.prlimit64(pid, resource, sys.encodeRlimit(soft, hard), null);

/** In a user namespace of its own the container may not raise a limit: the parent does, if the host lets it. */
export function runRlimit(step: RlimitStep, ctx: InitContext): void {
  const resource = RLIMITS.indexOf(step.type);
  try {
    setRlimit(0, resource, step.soft, step.hard);
  } catch (error) {
    if (!ctx.userns || !sys.isErrno(error, sys.E.EPERM)) throw error;
    send(ctx.channel, { type: 'rlimit', resource, soft: String(step.soft), hard: String(step.hard) });
    if (receive(ctx.channel)?.message.type !== 'go') sys.exit_group(1);
  }
}

export const describeRlimit = (step: RlimitStep): string =>
  `setting ${step.type} to ${step.soft} (soft) and ${step.hard} (hard)`;
