// linux.resources as properties of a unit (systemd.resource-control(5)), so that systemd and the kernel's files say the same,
// and go on saying it after `systemctl daemon-reload`. Pure.

import type { LinuxBlockIO, LinuxCPU, LinuxMemory, LinuxResources, LinuxThrottleDevice } from '../../../spec/types.ts';
import { maskOf, parseCpuList } from '../../cpu-list.ts';
import { isAsked, type Setting } from '../settings.ts';
import { PERIOD, parseBandwidth } from '../v2/bandwidth.ts';
import { weightOf } from '../v2/cpu.ts';
import { ioWeightOf } from '../v2/io.ts';
import { type Property, property } from './property.ts';
import { timePerSecond } from './resources.ts';

const INFINITY = 2n ** 64n - 1n;

const amount = (name: string, value: bigint): Property => property(name, 't', value < 0n ? INFINITY : value);

const asked = (name: string, value: number | bigint | undefined): Property[] =>
  isAsked(value) ? [amount(name, BigInt(value))] : [];

const masks = (name: string, list: string | undefined): Property[] =>
  list === undefined || list.trim() === '' ? [] : [property(name, 'ay', [...maskOf(parseCpuList(list), 1)])];

function quotaProperties({ quota, period }: LinuxCPU): Property[] {
  const ofPeriod = asked('CPUQuotaPeriodUSec', period);
  if (!isAsked(quota)) return ofPeriod;
  if (BigInt(quota) < 0n) return [amount('CPUQuotaPerSecUSec', -1n), ...ofPeriod];
  return [amount('CPUQuotaPerSecUSec', timePerSecond(quota, period)), ...ofPeriod];
}

/** 0 is "idle" to systemd. */
const idleProperty: Property = { ...amount('CPUWeight', 0n), since: 252 };

function cpuProperties(cpu: LinuxCPU, legacy: boolean): Property[] {
  const weight = isAsked(cpu.shares) ? [amount('CPUWeight', BigInt(weightOf(cpu.shares)))] : [];
  const isIdle = cpu.idle !== undefined && BigInt(cpu.idle) === 1n;
  return [
    ...(legacy ? asked('CPUShares', cpu.shares) : isIdle ? [idleProperty] : weight),
    ...quotaProperties(cpu),
    ...masks('AllowedCPUs', cpu.cpus),
    ...masks('AllowedMemoryNodes', cpu.mems),
  ];
}

/** The swap that memory.swap.max takes has been worked out with the files: it is what systemd takes too. */
const swapProperty = (settings: readonly Setting[]): Property[] =>
  settings
    .filter(({ file }) => file === 'memory.swap.max')
    .map(({ value }) => amount('MemorySwapMax', value === 'max' ? -1n : BigInt(value)));

const memoryProperties = (memory: LinuxMemory, legacy: boolean, settings: readonly Setting[]): Property[] =>
  legacy
    ? asked('MemoryLimit', memory.limit)
    : [...asked('MemoryMax', memory.limit), ...asked('MemoryLow', memory.reservation), ...swapProperty(settings)];

function devices(name: string, list: readonly LinuxThrottleDevice[] = []): Property[] {
  const rates = list.map(({ major, minor, rate }) => [`/dev/block/${major}:${minor}`, rate]);
  return rates.length === 0 ? [] : [property(name, 'a(st)', rates)];
}

function ioProperties(io: LinuxBlockIO, legacy: boolean): Property[] {
  const weights = (io.weightDevice ?? []).flatMap(({ major, minor, weight }) =>
    isAsked(weight) ? [[`/dev/block/${major}:${minor}`, legacy ? weight : ioWeightOf(weight)]] : [],
  );
  const prefix = legacy ? 'BlockIO' : 'IO';
  const bandwidth = legacy ? '' : 'Max';
  return [
    ...(isAsked(io.weight) ? [amount(`${prefix}Weight`, BigInt(legacy ? io.weight : ioWeightOf(io.weight)))] : []),
    ...(weights.length === 0 ? [] : [property(`${prefix}DeviceWeight`, 'a(st)', weights)]),
    ...devices(`${prefix}ReadBandwidth${bandwidth}`, io.throttleReadBpsDevice),
    ...devices(`${prefix}WriteBandwidth${bandwidth}`, io.throttleWriteBpsDevice),
    ...(legacy ? [] : devices('IOReadIOPSMax', io.throttleReadIOPSDevice)),
    ...(legacy ? [] : devices('IOWriteIOPSMax', io.throttleWriteIOPSDevice)),
  ];
}

/** systemd knows no limit of 0: the file says it afterwards. */
function taskProperties(limit: number | bigint | undefined): Property[] {
  if (limit === undefined) return [];
  return [amount('TasksMax', BigInt(limit) === 0n ? 1n : BigInt(limit))];
}

/** `unified`: what systemd has a property for. */
const UNIFIED: Readonly<Record<string, string>> = {
  'memory.max': 'MemoryMax',
  'memory.high': 'MemoryHigh',
  'memory.low': 'MemoryLow',
  'memory.min': 'MemoryMin',
  'memory.swap.max': 'MemorySwapMax',
  'memory.zswap.max': 'MemoryZSwapMax',
  'pids.max': 'TasksMax',
  'cpu.weight': 'CPUWeight',
};

function unifiedProperty(file: string, text: string): Property[] {
  const value = text.trim();
  if (file === 'cpuset.cpus') return masks('AllowedCPUs', value);
  if (file === 'cpuset.mems') return masks('AllowedMemoryNodes', value);
  const isNumber = /^[0-9]+$/.test(value);
  if (file === 'cpu.idle') return value === '1' ? [idleProperty] : [];
  if (file === 'cpu.max') {
    const bandwidth = parseBandwidth(value, PERIOD);
    return bandwidth === undefined ? [] : quotaProperties(bandwidth);
  }
  const name = UNIFIED[file];
  if (name === undefined || !(isNumber || value === 'max')) return [];
  return file === 'pids.max' && value === '0'
    ? taskProperties(0)
    : [amount(name, value === 'max' ? -1n : BigInt(value))];
}

/** Of two that say the same property the later one holds. */
const last = (properties: readonly Property[]): Property[] => [
  ...new Map(properties.map((one) => [one.name, one])).values(),
];

/** `settings` are those of the unified hierarchy, made of the same resources (none on v1). */
export function resourceProperties(
  resources: LinuxResources,
  legacy: boolean,
  settings: readonly Setting[],
): Property[] {
  return last([
    ...memoryProperties(resources.memory ?? {}, legacy, settings),
    ...cpuProperties(resources.cpu ?? {}, legacy),
    ...ioProperties(resources.blockIO ?? {}, legacy),
    ...taskProperties(resources.pids?.limit),
    ...Object.entries(resources.unified ?? {}).flatMap(([file, text]) => unifiedProperty(file, text)),
  ]);
}
