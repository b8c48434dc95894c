// config-linux.md, "CPU", in cgroup v1: the cpu controller and the cpuset controller.

import type { LinuxCPU } from '../../../spec/types.ts';
import { numberSetting, type Setting, textSetting } from '../settings.ts';

const POINTER = '/linux/resources/cpu';

/** ORDER: the period before the quota and the burst, which are held against it. */
export const cpuSettings = (cpu: LinuxCPU | undefined): Setting[] => [
  ...numberSetting('cpu.shares', cpu?.shares, `${POINTER}/shares`),
  ...numberSetting('cpu.cfs_period_us', cpu?.period, `${POINTER}/period`),
  ...numberSetting('cpu.cfs_quota_us', cpu?.quota, `${POINTER}/quota`),
  ...numberSetting('cpu.cfs_burst_us', cpu?.burst, `${POINTER}/burst`),
  ...numberSetting('cpu.rt_period_us', cpu?.realtimePeriod, `${POINTER}/realtimePeriod`),
  ...numberSetting('cpu.rt_runtime_us', cpu?.realtimeRuntime, `${POINTER}/realtimeRuntime`),
  ...numberSetting('cpu.idle', cpu?.idle, `${POINTER}/idle`),
];

export const cpusetSettings = (cpu: LinuxCPU | undefined): Setting[] => [
  ...textSetting('cpuset.cpus', cpu?.cpus, `${POINTER}/cpus`),
  ...textSetting('cpuset.mems', cpu?.mems, `${POINTER}/mems`),
];
