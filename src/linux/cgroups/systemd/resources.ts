// linux.resources as systemd can have them: what it would round or refuse is so before the kernel's files are written, and the
// files keep their values when systemd writes them again. Pure. COMPAT: as runc 1.3, with its warnings.

import type { Int64, LinuxCPU, LinuxResources } from '../../../spec/types.ts';
import { isAsked } from '../settings.ts';
import { PERIOD, withBandwidth } from '../v2/bandwidth.ts';

const SECOND = 1_000_000n;
/** systemd counts in percents of a CPU: what lies between goes up, so that a cgroup below may have what was asked for. */
const PERCENT = SECOND / 100n;

/** Microseconds in a second that `quota` in `period` comes to. */
export function timePerSecond(quota: Int64, period: Int64 | undefined): bigint {
  const exact = (BigInt(quota) * SECOND) / periodOf(period);
  return ((exact + PERCENT - 1n) / PERCENT) * PERCENT;
}

const periodOf = (period: Int64 | undefined): bigint => (isAsked(period) ? BigInt(period) : PERIOD);

/** Upwards. */
function inWholePercents<T extends Pick<LinuxCPU, 'quota' | 'period'>>(asked: T): T {
  const { quota, period } = asked;
  if (!isAsked(quota) || BigInt(quota) < 0n) return asked;
  const whole = (timePerSecond(quota, period) * periodOf(period)) / SECOND;
  return whole > BigInt(quota) ? { ...asked, quota: whole } : asked;
}

/** Whole percents of a CPU. */
export const withWholePercents = ({ cpu, unified, ...others }: LinuxResources): LinuxResources => ({
  ...others,
  ...(cpu === undefined ? {} : { cpu: inWholePercents(cpu) }),
  ...(unified === undefined ? {} : { unified: withBandwidth(unified, periodOf(cpu?.period), inWholePercents) }),
});

const isOne = (value: Int64 | undefined): boolean => value !== undefined && BigInt(value) === 1n;

/** Of v2. systemd has one property for both: what is idle has no weight, and what is given a weight is idle no more. */
export function withWeightOrIdle(resources: LinuxResources, warn: (text: string) => void): LinuxResources {
  const { cpu = {}, unified = {} } = resources;
  const { shares, ...unweighted } = cpu;
  const { 'cpu.weight': weight, ...others } = unified;
  const ignored = (property: string, idle: string) =>
    warn(`unable to apply both ${property} and ${idle} to systemd, ignoring ${property}`);
  if (isAsked(shares) && isOne(cpu.idle)) {
    ignored('CPUWeight', 'CpuIdle');
    return { ...resources, cpu: unweighted };
  }
  if (weight !== undefined && unified['cpu.idle']?.trim() === '1') {
    ignored('cpu.weight', 'cpu.idle');
    return { ...resources, unified: others };
  }
  const isWeighed = isAsked(shares) || weight !== undefined;
  const saysIdle = cpu.idle !== undefined || unified['cpu.idle'] !== undefined;
  return isWeighed && !saysIdle ? { ...resources, cpu: { ...cpu, idle: 0 } satisfies LinuxCPU } : resources;
}
