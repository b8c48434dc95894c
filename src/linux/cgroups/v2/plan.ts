// The container's cgroup in the unified hierarchy: its place, and the settings that convert without loss of meaning.
// What does not is refused with its place in the configuration.

import { TsociError } from '../../../errors.ts';
import type { Int64, LinuxCPU, LinuxMemory, LinuxResources } from '../../../spec/types.ts';
import { isAsked, numberSetting, type Setting, textSetting } from '../settings.ts';
import { deviceRules } from '../v1/devices.ts';
import { pidsSettings } from '../v1/small.ts';

const POINTER = '/linux/resources';

const limit = (value: Int64): string => (BigInt(value) < 0n ? 'max' : String(value));

/** v1 counts memory and swap together, v2 swap alone. */
function swapOf(memory: LinuxMemory): Setting[] {
  const pointer = `${POINTER}/memory/swap`;
  if (!isAsked(memory.swap)) return [];
  if (BigInt(memory.swap) < 0n) return [{ file: 'memory.swap.max', value: 'max', pointer }];
  const swap = BigInt(memory.swap) - BigInt(memory.limit ?? 0);
  if (!isAsked(memory.limit) || swap < 0n) {
    throw new TsociError('ERR_CGROUP', `${pointer}: memory and swap together need a memory limit not above them`, {
      pointer,
    });
  }
  return [{ file: 'memory.swap.max', value: String(swap), pointer }];
}

function memorySettings(memory: LinuxMemory | undefined): Setting[] {
  if (memory === undefined) return [];
  return [
    ...(isAsked(memory.limit)
      ? [{ file: 'memory.max', value: limit(memory.limit), pointer: `${POINTER}/memory/limit` }]
      : []),
    ...swapOf(memory),
    ...numberSetting('memory.low', memory.reservation, `${POINTER}/memory/reservation`),
  ];
}

/** Shares 2 … 262144, of which 1024 is the default, to weights 1 … 10000, of which 100 is (the kernel's and runc's scale). */
export function weightOf(shares: Int64): string {
  const exact = Math.min(Math.max(Number(shares), 2), 262144);
  const log = Math.log2(exact);
  return String(Math.ceil(10 ** ((log * log + 125 * log) / 612 - 7 / 34)));
}

function cpuSettings(cpu: LinuxCPU | undefined): Setting[] {
  if (cpu === undefined) return [];
  const bandwidth = isAsked(cpu.quota) || isAsked(cpu.period);
  const quota = isAsked(cpu.quota) && BigInt(cpu.quota) > 0n ? String(cpu.quota) : 'max';
  const period = isAsked(cpu.period) ? String(cpu.period) : '100000';
  return [
    ...(isAsked(cpu.shares)
      ? [{ file: 'cpu.weight', value: weightOf(cpu.shares), pointer: `${POINTER}/cpu/shares` }]
      : []),
    ...(bandwidth ? [{ file: 'cpu.max', value: `${quota} ${period}`, pointer: `${POINTER}/cpu/quota` }] : []),
    ...numberSetting('cpu.max.burst', cpu.burst, `${POINTER}/cpu/burst`),
    ...numberSetting('cpu.idle', cpu.idle, `${POINTER}/cpu/idle`),
    ...textSetting('cpuset.cpus', cpu.cpus, `${POINTER}/cpu/cpus`),
    ...textSetting('cpuset.mems', cpu.mems, `${POINTER}/cpu/mems`),
  ];
}

const unifiedSettings = (unified: LinuxResources['unified']): Setting[] =>
  Object.entries(unified ?? {}).map(([file, value]) => ({ file, value, pointer: `${POINTER}/unified/${file}` }));

/** Throws ERR_UNSUPPORTED for what the unified hierarchy does not get from us yet. */
function refuseUnbuilt(resources: LinuxResources): void {
  // Without rules nothing but the default devices is allowed: that too needs the filter that is not there yet.
  const rules = deviceRules(resources.devices);
  const restricts = rules.length !== 1 || rules[0]?.allow !== true;
  const parts: [string, boolean][] = [
    ['devices', restricts],
    ['blockIO', resources.blockIO !== undefined && Object.keys(resources.blockIO).length > 0],
    ['hugepageLimits', (resources.hugepageLimits ?? []).length > 0],
    ['network', resources.network !== undefined && Object.keys(resources.network).length > 0],
    ['rdma', Object.keys(resources.rdma ?? {}).length > 0],
  ];
  for (const [name, asked] of parts) {
    if (!asked) continue;
    const pointer = `${POINTER}/${name}`;
    throw new TsociError('ERR_UNSUPPORTED', `${pointer}: not supported yet on cgroup v2`, { pointer });
  }
}

/** In the order of writing; `unified` last, as it may say anything again. */
export function unifiedHierarchySettings(resources: LinuxResources): Setting[] {
  refuseUnbuilt(resources);
  return [
    ...memorySettings(resources.memory),
    ...cpuSettings(resources.cpu),
    ...pidsSettings(resources.pids),
    ...unifiedSettings(resources.unified),
  ];
}
