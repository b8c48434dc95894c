// config-linux.md, "Allowed Device list", in cgroup v1: rules are written in the listed order.

import { TsociError } from '../../../errors.ts';
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

/** One place of a device number: a star overlaps all. */
const overlaps = (a: string, b: string): boolean => a === b || a === '*' || b === '*';

/** Both rules speak of some device and some access, but not of the same devices. */
function isPartial(a: DeviceRule, b: DeviceRule): boolean {
  const [type, numbers = '', access = ''] = a.rule.split(' ');
  const [otherType, otherNumbers = '', otherAccess = ''] = b.rule.split(' ');
  const [major = '', minor = ''] = numbers.split(':');
  const [otherMajor = '', otherMinor = ''] = otherNumbers.split(':');
  if (type !== otherType || numbers === otherNumbers) return false;
  return overlaps(major, otherMajor) && overlaps(minor, otherMinor) && [...access].some((c) => otherAccess.includes(c));
}

/** KERNEL: cgroup v1 silently passes over a rule that takes back a part of an earlier one: the device would stay open. */
function refuseHoles(rules: readonly DeviceRule[]): void {
  for (const [index, rule] of rules.entries()) {
    const hole = rules.slice(1, index).find((earlier) => earlier.allow !== rule.allow && isPartial(rule, earlier));
    if (hole === undefined) continue;
    const pointer = '/linux/resources/devices';
    throw new TsociError('ERR_CGROUP', `${pointer}: cgroup v1 cannot take "${rule.rule}" out of "${hole.rule}"`, {
      pointer,
    });
  }
}

/**
 * COMPAT: nothing is allowed that no rule allows, and the default devices are allowed last, as with runc.
 * After a rule for all, what came before it has no effect: it is not written.
 */
export function deviceRules(devices: readonly LinuxDeviceCgroup[] | undefined): DeviceRule[] {
  const rules = [{ allow: false, rule: 'a' }, ...(devices ?? []).map(ruleOf)];
  const start = rules.findLastIndex((rule) => rule.rule === 'a');
  refuseHoles(rules.slice(start));
  if (rules[start]?.allow === true && start === rules.length - 1) return rules.slice(start);
  return [...rules.slice(start), ...DEFAULTS.map((rule) => ({ allow: true, rule }))];
}
