// Faults made on purpose, in the build for tests alone: step k fails when TSOCI_FAIL_STEP=k.

import { TsociError } from '../../errors.ts';
import * as sys from '../sys/index.ts';

declare const __INJECT__: boolean | undefined;

export function injectFailure(number: number): void {
  if (typeof __INJECT__ === 'undefined' || !__INJECT__) return;
  const wanted = sys
    .door()
    .environ()
    .find((entry) => entry.startsWith('TSOCI_FAIL_STEP='));
  if (wanted === `TSOCI_FAIL_STEP=${number}`) throw new TsociError('ERR_STEP', 'injected failure');
}
