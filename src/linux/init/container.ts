// The child's side: from clone3(2) to execve(2). The picture is in launch.ts.

import { runSteps } from '../plan/run.ts';
import type { ChildStep } from '../plan/steps.ts';
import * as sys from '../sys/index.ts';
import { sendError } from './channel.ts';
import { runChildStep } from './child.ts';
import type { InitContext } from './context.ts';

/** Runs the child's steps; returns to nobody. */
export function becomeContainer(steps: readonly ChildStep[], ctx: InitContext, first: number, total: number): never {
  try {
    runSteps(steps, (step) => runChildStep(step, ctx), first, total, ctx.debug);
  } catch (error) {
    report(error, ctx);
  }
  sys.exit_group(1);
}

function report(error: unknown, ctx: InitContext): void {
  try {
    sendError(ctx.channel, error);
  } catch {
    // Nobody is there to hear it any more: the exit status has to say it.
  }
}
