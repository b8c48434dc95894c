// config-linux.md, "Allowed Device list": what the rules, taken in their order, come to. One algebra for both versions of
// cgroups: the devices controller of v1 is written from it, the filter of v2 is compiled from it.

import { TsociError } from '../../../errors.ts';
import type { LinuxDeviceCgroup } from '../../../spec/types.ts';

/** Bits of access, as the kernel numbers them (`BPF_DEVCG_ACC_*`). */
export const ACCESS = { m: 1, r: 2, w: 4 } as const;

export interface DeviceNumbers {
  readonly type: 'c' | 'b';
  /** None stands for all. */
  readonly major: number | undefined;
  readonly minor: number | undefined;
}

export interface DeviceException extends DeviceNumbers {
  readonly access: number;
}

/** Everything but the exceptions, or nothing but them. */
export interface DeviceAccess {
  readonly allowAll: boolean;
  readonly exceptions: readonly DeviceException[];
}

const POINTER = '/linux/resources/devices';

const ANY = { major: undefined, minor: undefined } as const;
const ALL_ACCESS = ACCESS.m | ACCESS.r | ACCESS.w;
const character = (major: number, minor?: number): DeviceException => ({
  type: 'c',
  major,
  minor,
  access: ALL_ACCESS,
});

/** The devices that every container has ("Default Devices"), mknod of any, the pseudo-terminals, and, COMPAT, /dev/net/tun. */
const defaults = (): DeviceException[] => [
  { type: 'c', ...ANY, access: ACCESS.m },
  { type: 'b', ...ANY, access: ACCESS.m },
  ...[3, 5, 7, 8, 9].map((minor) => character(1, minor)),
  character(5, 0),
  character(5, 2),
  character(136),
  character(10, 200),
];

const refuse = (pointer: string, message: string): TsociError =>
  new TsociError('ERR_CGROUP', `${pointer}: ${message}`, { pointer });

/** A number below 0, or none, stands for all. */
function numberOf(value: LinuxDeviceCgroup['major'], pointer: string): number | undefined {
  if (value === undefined || BigInt(value) < 0n) return undefined;
  if (BigInt(value) > 0xffffffffn) throw refuse(pointer, `${value} is no device number`);
  return Number(value);
}

function accessOf(text: string, pointer: string): number {
  let access = 0;
  for (const letter of text) {
    if (letter !== 'r' && letter !== 'w' && letter !== 'm') throw refuse(pointer, `${text} is no access to a device`);
    access |= ACCESS[letter];
  }
  return access;
}

function exceptionOf(rule: LinuxDeviceCgroup, pointer: string): DeviceException {
  if (rule.type !== 'c' && rule.type !== 'b') throw refuse(pointer, `invalid cgroup device type "${rule.type}"`);
  return {
    type: rule.type,
    major: numberOf(rule.major, pointer),
    minor: numberOf(rule.minor, pointer),
    access: (rule.access ?? '') === '' ? ALL_ACCESS : accessOf(rule.access as string, pointer),
  };
}

const isSame = (a: DeviceNumbers, b: DeviceNumbers): boolean =>
  a.type === b.type && a.major === b.major && a.minor === b.minor;

const within = (a: number | undefined, b: number | undefined): boolean => b === undefined || a === b;

/** Each device of `a` is one of `b`. */
export const isWithin = (a: DeviceNumbers, b: DeviceNumbers): boolean =>
  a.type === b.type && within(a.major, b.major) && within(a.minor, b.minor);

const overlap = (a: number | undefined, b: number | undefined): boolean =>
  a === undefined || b === undefined || a === b;

const isOverlapping = (a: DeviceNumbers, b: DeviceNumbers): boolean =>
  a.type === b.type && overlap(a.major, b.major) && overlap(a.minor, b.minor);

function added(exceptions: readonly DeviceException[], rule: DeviceException): DeviceException[] {
  const known = exceptions.find((other) => isSame(other, rule));
  const others = exceptions.filter((other) => other !== known);
  return [...others, { ...rule, access: rule.access | (known?.access ?? 0) }];
}

/** Takes the rule's access out of the exceptions that `covered` names. */
const removed = (
  exceptions: readonly DeviceException[],
  rule: DeviceException,
  covered: (exception: DeviceException) => boolean,
): DeviceException[] =>
  exceptions
    .map((other) => (covered(other) ? { ...other, access: other.access & ~rule.access } : other))
    .filter((other) => other.access !== 0);

/** For people, and as the files of cgroup v1 take it: `c 1:3 rwm`. */
export function exceptionText({ type, major, minor, access }: DeviceException): string {
  const letters = (['r', 'w', 'm'] as const).filter((letter) => (access & ACCESS[letter]) !== 0).join('');
  return `${type} ${major ?? '*'}:${minor ?? '*'} ${letters}`;
}

function applyRule(state: DeviceAccess, rule: LinuxDeviceCgroup, pointer: string): DeviceAccess {
  const type = rule.type ?? 'a';
  if (type === '' || type === 'a') return { allowAll: rule.allow, exceptions: [] };
  const exception = exceptionOf(rule, pointer);
  const { allowAll, exceptions } = state;
  if (rule.allow !== allowAll) return { allowAll, exceptions: added(exceptions, exception) };
  // KERNEL: cgroup v1 has no exceptions of exceptions, and would silently pass over such a rule: a device stayed open.
  const hole = exceptions.find(
    (other) =>
      isOverlapping(other, exception) && !isWithin(other, exception) && (other.access & exception.access) !== 0,
  );
  if (hole !== undefined) {
    throw refuse(pointer, `cannot take "${exceptionText(exception)}" out of "${exceptionText(hole)}"`);
  }
  return { allowAll, exceptions: removed(exceptions, exception, (other) => isWithin(other, exception)) };
}

/**
 * COMPAT: nothing is allowed that no rule allows, and the default devices are allowed last, as with runc.
 * Throws ERR_CGROUP for a rule that makes a hole in another.
 */
export function deviceAccess(rules: readonly LinuxDeviceCgroup[] | undefined): DeviceAccess {
  let state: DeviceAccess = { allowAll: false, exceptions: [] };
  for (const [index, rule] of (rules ?? []).entries()) state = applyRule(state, rule, `${POINTER}/${index}`);
  for (const rule of defaults()) {
    // COMPAT: mknod of any device does not bring back one that was denied by its numbers.
    const exceptions = state.allowAll
      ? removed(state.exceptions, rule, (other) => isSame(other, rule))
      : added(state.exceptions, rule);
    state = { allowAll: state.allowAll, exceptions };
  }
  return state;
}

/** What the kernel will answer: all of `access` has to be in one exception, or none of it in any (both versions). */
export function isAllowed(state: DeviceAccess, device: DeviceNumbers, access: number): boolean {
  const matching = state.exceptions.filter((exception) => isWithin(device, exception));
  return state.allowAll
    ? matching.every((exception) => (exception.access & access) === 0)
    : matching.some((exception) => (access & ~exception.access) === 0);
}
