// New limits for a container that is there: the same settings as when it was made, written in an order that the kernel
// takes; where one is refused, the old values come back.

import { TsociError } from '../../errors.ts';
import type { LinuxResources } from '../../spec/types.ts';
import * as sys from '../sys/index.ts';
import { textOf } from './freezer.ts';
import type { CgroupHost } from './host.ts';
import { enableStep, keyOf, settingsOf } from './plan.ts';
import { isAsked, type Setting } from './settings.ts';
import type { CgroupPaths, EnableStep } from './steps.ts';
import { type Bandwidth, PERIOD, parseBandwidth, withBandwidth } from './v2/bandwidth.ts';
import { checkMemoryUsage } from './v2/memory.ts';

export interface Write {
  readonly dir: string;
  readonly setting: Setting;
}

/** What `resources` asks for, where it is to be written. Pure; throws ERR_CGROUP for what the host cannot do. */
export function planUpdate(resources: LinuxResources, host: CgroupHost, paths: CgroupPaths): Write[] {
  const settings = settingsOf(resources, host);
  return host.hierarchies.flatMap((hierarchy, index) => {
    const dir = paths[keyOf(hierarchy)];
    const wanted = settings[index] ?? [];
    const [first] = wanted;
    if (dir !== undefined) return wanted.map((setting) => ({ dir, setting }));
    if (first === undefined) return [];
    const { pointer } = first;
    throw new TsociError('ERR_CGROUP', `${pointer}: the container has no cgroup for it`, { pointer });
  });
}

/**
 * What has to be enabled in the unified hierarchy for `writes`: on a hybrid host the container may have been made without
 * asking anything of it. Pure.
 */
export function planEnable(writes: readonly Write[], host: CgroupHost, paths: CgroupPaths): EnableStep[] {
  const hierarchy = host.hierarchies.find(({ version }) => version === 2);
  const dir = paths['unified'];
  const settings = writes.filter((write) => write.dir === dir).map(({ setting }) => setting);
  return hierarchy === undefined || dir === undefined || settings.length === 0
    ? []
    : [enableStep(hierarchy, dir, settings)];
}

/** Of a file; `max` and -1 are none. */
function numberIn(path: string): bigint | undefined {
  const text = textOf(path)?.trim();
  return text === undefined ? undefined : text === 'max' ? -1n : BigInt(text);
}

/** What the kernel has of quota and period, where one of them is not to be asked for without the other. */
export function heldBandwidth({ cpu, unified }: CgroupPaths, isManaged: boolean): Bandwidth | undefined {
  if (cpu === undefined && unified !== undefined) return parseBandwidth(textOf(`${unified}/cpu.max`) ?? '', PERIOD);
  if (cpu === undefined || !isManaged) return undefined;
  const [quota, period] = ['quota', 'period'].map((name) => numberIn(`${cpu}/cpu.cfs_${name}_us`));
  return quota === undefined || period === undefined ? undefined : { quota, period };
}

/** Pure. */
export function withWholeBandwidth({ cpu, unified, ...others }: LinuxResources, held: Bandwidth): LinuxResources {
  const isHalf = isAsked(cpu?.quota) !== isAsked(cpu?.period);
  const half = isAsked(cpu?.quota) ? { period: held.period } : { quota: held.quota };
  const whole = isHalf ? { ...cpu, ...half } : cpu;
  const period = BigInt(whole?.period ?? 0) || held.period;
  return {
    ...others,
    ...(whole === undefined ? {} : { cpu: whole }),
    ...(unified === undefined ? {} : { unified: withBandwidth(unified, period, (asked) => asked) }),
  };
}

function withMemoryLimit(resources: LinuxResources, limit: bigint | undefined): LinuxResources {
  const { memory } = resources;
  const isHalf = isAsked(memory?.swap) && BigInt(memory?.swap ?? 0) > 0n && !isAsked(memory?.limit);
  return isHalf && limit !== undefined && limit > 0n ? { ...resources, memory: { ...memory, limit } } : resources;
}

/**
 * COMPAT: v2 has one file for quota and period, systemd one share of a CPU; v2 counts swap apart from memory. The half that is
 * not asked for is what the kernel has.
 */
export function completed(resources: LinuxResources, paths: CgroupPaths, isManaged: boolean): LinuxResources {
  const bandwidth = heldBandwidth(paths, isManaged);
  const whole = bandwidth === undefined ? resources : withWholeBandwidth(resources, bandwidth);
  const { unified } = paths;
  return unified === undefined ? whole : withMemoryLimit(whole, numberIn(`${unified}/memory.max`));
}

/**
 * KERNEL: a cgroup that is idle no more begins anew with the shares of a new one. That is said, so that systemd, which would
 * write those that it knows, hears of it.
 */
export function awakened(resources: LinuxResources, dirs: readonly string[]): LinuxResources {
  const { cpu } = resources;
  const isWoken = cpu?.idle !== undefined && BigInt(cpu.idle) === 0n && !isAsked(cpu.shares);
  const wasIdle = isWoken && dirs.some((dir) => textOf(`${dir}/cpu.idle`)?.trim() === '1');
  return wasIdle ? { ...resources, cpu: { ...cpu, shares: 1024 } } : resources;
}

/** Throws ERR_CGROUP where memory.checkBeforeUpdate is asked for and the limit is not above what is in use. */
export function checkUsage(resources: LinuxResources, dir: string): void {
  const usage = textOf(`${dir}/memory.current`);
  if (usage !== undefined) checkMemoryUsage(resources.memory, BigInt(usage.trim()));
}

function write({ dir, setting }: Write): void {
  try {
    sys.writeText(`${dir}/${setting.file}`, setting.value);
  } catch (error) {
    const { otherwise } = setting;
    if (otherwise === undefined || !sys.isErrno(error, sys.E.ENOENT)) throw error;
    if (otherwise !== 'nothing') sys.writeText(`${dir}/${otherwise.file}`, otherwise.value);
  }
}

/**
 * KERNEL: some files are held against each other (memory and memory+swap, quota and burst, idle and shares): the order
 * depends on the old values. What is refused with EINVAL is tried again as long as another write succeeds meanwhile.
 */
function writeAll(writes: readonly Write[]): void {
  let refused: { readonly write: Write; readonly error: sys.SyscallError }[] = [];
  for (let pending = writes; pending.length > 0; pending = refused.map((entry) => entry.write)) {
    refused = [];
    for (const one of pending) {
      try {
        write(one);
      } catch (error) {
        if (!(error instanceof sys.SyscallError)) throw error;
        if (error.errno !== sys.E.EINVAL) throw told(error, one);
        refused.push({ write: one, error });
      }
    }
    const [first] = refused;
    if (first !== undefined && refused.length === pending.length) throw told(first.error, first.write);
  }
}

/** COMPAT: runc's words where the limit of v1 is below what is in use. */
function told(error: sys.SyscallError, { dir, setting }: Write): TsociError {
  const facts = { pointer: setting.pointer, errno: error.errno, cause: error };
  if (error.errno === sys.E.EBUSY && setting.file === 'memory.limit_in_bytes') {
    const [usage, peak] = ['usage', 'max_usage'].map((name) => textOf(`${dir}/memory.${name}_in_bytes`)?.trim());
    const message = `unable to set memory limit to ${setting.value} (current usage: ${usage}, peak usage: ${peak})`;
    return new TsociError('ERR_CGROUP', `${setting.pointer}: ${message}`, facts);
  }
  const message = `${setting.pointer}: failed to write "${setting.value}" to ${dir}/${setting.file}: ${error.reason}`;
  return new TsociError('ERR_CGROUP', message, facts);
}

/** What stands in the files now, each as it would be written. A device's throttle that is not there is 0. */
function present({ dir, setting }: Write): Write[] {
  const text = textOf(`${dir}/${setting.file}`);
  if (text === undefined) return [];
  const restore = (value: string): Write => ({ dir, setting: { ...setting, value } });
  if (setting.file === 'memory.oom_control') return [restore(text.includes('oom_kill_disable 1') ? '1' : '0')];
  const lines = text.trim().split('\n');
  const [key = '', ...rest] = setting.value.split(' ');
  const keyed = rest.length > 0 && !setting.file.startsWith('cpu.');
  if (!keyed) return lines[0] === '' ? [] : [restore(lines[0] as string)];
  const old = lines.find((line) => line.startsWith(`${key} `));
  return [restore(old ?? `${key} ${rest.map((part) => emptied(part)).join(' ')}`)];
}

/** `rbps=100` → `rbps=max`, `1048576` → `0`. */
const emptied = (part: string): string => (part.includes('=') ? `${part.slice(0, part.indexOf('='))}=max` : '0');

/**
 * Writes all, then lets `tell` pass the same on to systemd; or throws ERR_CGROUP for the first that one of them refuses, with
 * the old values back in place.
 */
export function applyUpdate(writes: readonly Write[], warn: (text: string) => void, tell = () => {}): void {
  const before = writes.flatMap(present);
  try {
    writeAll(writes);
    tell();
  } catch (error) {
    takeBack(before, warn);
    throw error;
  }
}

function takeBack(before: readonly Write[], warn: (text: string) => void): void {
  try {
    writeAll(before);
  } catch (error) {
    if (!(error instanceof TsociError)) throw error;
    warn(`Setting back cgroup configs failed due to error: ${error.message}`); // COMPAT: runc's words
  }
}
