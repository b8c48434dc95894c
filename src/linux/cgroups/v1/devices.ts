// config-linux.md, "Allowed Device list", in cgroup v1: rules are written in the listed order.

import type { LinuxDeviceCgroup } from '../../../spec/types.ts';
import type { DeviceRule } from '../steps.ts';

/** The devices that every container has ("Default Devices"), mknod of any, and the pseudo-terminals. */
const DEFAULTS = [
  'c *:* m',
  'b *:* m',
  'c 1:3 rwm',
  'c 1:5 rwm',
  'c 1:7 rwm',
  'c 1:8 rwm',
  'c 1:9 rwm',
  'c 5:0 rwm',
  'c 5:2 rwm',
  'c 136:* rwm',
];

/** A number below 0, or none, stands for all. */
const part = (value: LinuxDeviceCgroup['major']): string =>
  value === undefined || BigInt(value) < 0n ? '*' : String(value);

function ruleOf(device: LinuxDeviceCgroup): DeviceRule {
  const type = device.type ?? 'a';
  if (type === '' || type === 'a') return { allow: device.allow, rule: 'a' };
  const access = (device.access ?? '') === '' ? 'rwm' : device.access;
  return { allow: device.allow, rule: `${type} ${part(device.major)}:${part(device.minor)} ${access}` };
}

/**
 * COMPAT: nothing is allowed that no rule allows, and the default devices are allowed last, as with runc.
 * After a rule for all, what came before it has no effect: it is not written.
 */
export function deviceRules(devices: readonly LinuxDeviceCgroup[] | undefined): DeviceRule[] {
  const rules = [{ allow: false, rule: 'a' }, ...(devices ?? []).map(ruleOf)];
  const start = rules.findLastIndex((rule) => rule.rule === 'a');
  if (rules[start]?.allow === true && start === rules.length - 1) return rules.slice(start);
  return [...rules.slice(start), ...DEFAULTS.map((rule) => ({ allow: true, rule }))];
}
