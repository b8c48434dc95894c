// config-linux.md, "CPU", in cgroup v2: the cpu controller and the cpuset controller.

import type { Int64, LinuxCPU } from '../../../spec/types.ts';
import { isAsked, lifting, type Setting, textSetting } from '../settings.ts';
import { PERIOD } from './bandwidth.ts';
import { noEquivalent } from './refuse.ts';

const POINTER = '/linux/resources/cpu';
const NOT_IDLE = { file: 'cpu.idle', value: '0' };
const NO_BURST = { file: 'cpu.max.burst', value: '0' };

/**
 * Shares 2 … 262144, of which 1024 is the default, to weights 1 … 10000, of which 100 is: a quadratic function of their
 * logarithms through these three points, as runc has it since 1.3.2 and crun since 1.23.
 */
export function weightOf(shares: Int64): string {
  if (BigInt(shares) <= 2n) return '1';
  if (BigInt(shares) >= 262144n) return '10000';
  const log = Math.log2(Number(shares));
  return String(Math.ceil(10 ** ((log * log + 125 * log) / 612 - 7 / 34)));
}

function bandwidth({ quota, period }: LinuxCPU): Setting[] {
  if (!isAsked(quota) && !isAsked(period)) return [];
  const value = `${isAsked(quota) && BigInt(quota) > 0n ? quota : 'max'} ${isAsked(period) ? period : PERIOD}`;
  return [{ file: 'cpu.max', value, pointer: `${POINTER}/${isAsked(quota) ? 'quota' : 'period'}` }];
}

/** Written even when 0; a kernel without the file has only 0. */
const switchSetting = (file: string, value: Int64 | undefined, pointer: string): Setting[] =>
  value === undefined
    ? []
    : [{ file, value: String(value), pointer, ...(isAsked(value) ? {} : { otherwise: 'nothing' as const }) }];

/** ORDER: cpu.idle before the weight, which an idle cgroup does not take; cpu.max before the burst, held against it. */
export function cpuSettings(cpu: LinuxCPU | undefined): Setting[] {
  if (cpu === undefined) return [];
  if (isAsked(cpu.realtimeRuntime)) throw noEquivalent(`${POINTER}/realtimeRuntime`);
  if (isAsked(cpu.realtimePeriod)) throw noEquivalent(`${POINTER}/realtimePeriod`);
  return [
    ...switchSetting('cpu.idle', cpu.idle, `${POINTER}/idle`),
    ...(isAsked(cpu.shares)
      ? lifting(NOT_IDLE, [{ file: 'cpu.weight', value: weightOf(cpu.shares), pointer: `${POINTER}/shares` }])
      : []),
    ...lifting(NO_BURST, bandwidth(cpu)),
    ...switchSetting('cpu.max.burst', cpu.burst, `${POINTER}/burst`),
  ];
}

export const cpusetSettings = (cpu: LinuxCPU | undefined): Setting[] => [
  ...textSetting('cpuset.cpus', cpu?.cpus, `${POINTER}/cpus`),
  ...textSetting('cpuset.mems', cpu?.mems, `${POINTER}/mems`),
];
