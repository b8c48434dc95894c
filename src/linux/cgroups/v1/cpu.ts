// config-linux.md, "CPU", in cgroup v1: the cpu controller and the cpuset controller.

import { TsociError } from '../../../errors.ts';
import type { LinuxCPU } from '../../../spec/types.ts';
import { isAsked, lifting, numberSetting, type Setting, textSetting } from '../settings.ts';

const POINTER = '/linux/resources/cpu';
const NOT_IDLE = { file: 'cpu.idle', value: '0' };
const NO_BURST = { file: 'cpu.cfs_burst_us', value: '0' };

// KERNEL: MIN_SHARES and MAX_SHARES; a value beyond them is silently drawn to them.
const MIN_SHARES = 2n;
const MAX_SHARES = 262144n;

function sharesSetting(shares: LinuxCPU['shares']): Setting[] {
  const pointer = `${POINTER}/shares`;
  if (isAsked(shares) && BigInt(shares) < MIN_SHARES) {
    throw new TsociError('ERR_CGROUP', `${pointer}: the minimum allowed cpu-shares is ${MIN_SHARES}`, { pointer });
  }
  if (isAsked(shares) && BigInt(shares) > MAX_SHARES) {
    throw new TsociError('ERR_CGROUP', `${pointer}: the maximum allowed cpu-shares is ${MAX_SHARES}`, { pointer });
  }
  return numberSetting('cpu.shares', shares, pointer);
}

/** Written even when 0; a kernel without the file has only 0. */
const switchSetting = (file: string, value: LinuxCPU['idle'], pointer: string): Setting[] =>
  value === undefined
    ? []
    : [{ file, value: String(value), pointer, ...(isAsked(value) ? {} : { otherwise: 'nothing' as const }) }];

/** ORDER: the period before the quota and the burst, which are held against it. */
export const cpuSettings = (cpu: LinuxCPU | undefined): Setting[] => [
  ...lifting(NOT_IDLE, sharesSetting(cpu?.shares)),
  ...numberSetting('cpu.cfs_period_us', cpu?.period, `${POINTER}/period`),
  ...lifting(NO_BURST, numberSetting('cpu.cfs_quota_us', cpu?.quota, `${POINTER}/quota`)),
  ...switchSetting('cpu.cfs_burst_us', cpu?.burst, `${POINTER}/burst`),
  ...numberSetting('cpu.rt_period_us', cpu?.realtimePeriod, `${POINTER}/realtimePeriod`),
  ...numberSetting('cpu.rt_runtime_us', cpu?.realtimeRuntime, `${POINTER}/realtimeRuntime`),
  ...switchSetting('cpu.idle', cpu?.idle, `${POINTER}/idle`),
];

export const cpusetSettings = (cpu: LinuxCPU | undefined): Setting[] => [
  ...textSetting('cpuset.cpus', cpu?.cpus, `${POINTER}/cpus`),
  ...textSetting('cpuset.mems', cpu?.mems, `${POINTER}/mems`),
];
