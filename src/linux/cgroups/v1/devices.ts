// config-linux.md, "Allowed Device list", in cgroup v1: devices.allow and devices.deny.

import type { DeviceAccess } from '../devices/access.ts';
import { exceptionText } from '../devices/access.ts';

export interface DeviceRule {
  readonly allow: boolean;
  /** As the kernel takes it: `c 1:3 rwm`, or `a` for all. */
  readonly rule: string;
}

/** The rule for all first: it clears what the cgroup has taken over from its parent. */
export const legacyRules = ({ allowAll, exceptions }: DeviceAccess): DeviceRule[] => [
  { allow: allowAll, rule: 'a' },
  ...exceptions.map((exception) => ({ allow: !allowAll, rule: exceptionText(exception) })),
];
