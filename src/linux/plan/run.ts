// Runs steps in their order. A failure is told with the step it was in.

import { TsociError } from '../../errors.ts';
import { SyscallError } from '../sys/index.ts';
import { describeStep } from './describe.ts';
import { injectFailure } from './inject.ts';
import type { Step } from './steps.ts';

/**
 * Runs `steps`, which are numbers `first` to `first + steps.length - 1` of `total`. Throws the first failure:
 * ERR_STEP with the step's description before the cause, or what the step itself found words for (ERR_EXEC, ERR_HOOK …).
 */
export function runSteps<S extends Step>(
  steps: readonly S[],
  run: (step: S) => void,
  first: number,
  total: number,
  trace?: (text: string) => void,
): void {
  let number = first;
  for (const step of steps) {
    number++;
    try {
      trace?.(`step ${number} of ${total}: ${describeStep(step)}`);
      injectFailure(number);
      run(step);
    } catch (error) {
      throw told(error, step, number, total);
    }
  }
}

function told(error: unknown, step: Step, number: number, total: number): unknown {
  const plain = error instanceof SyscallError || (error instanceof TsociError && error.code === 'ERR_STEP');
  // What went wrong in the child has been told there: its message is the cause.
  if (!plain || (step.kind === 'attend' && error.cause !== undefined)) return error;
  return new TsociError('ERR_STEP', `${describeStep(step)} (step ${number} of ${total}): ${error.message}`, {
    ...(error.errno === undefined ? {} : { errno: error.errno }),
    ...(error.hint === undefined ? {} : { hint: error.hint }),
    cause: error,
  });
}
