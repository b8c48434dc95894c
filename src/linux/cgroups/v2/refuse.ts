// config-linux.md, "Unified": what has no equivalent in cgroup v2 is an error.

import { TsociError } from '../../../errors.ts';

export const noEquivalent = (pointer: string): TsociError =>
  new TsociError('ERR_CGROUP', `${pointer}: cgroup v2 has no equivalent`, { pointer });
