// config-linux.md, "Memory", in cgroup v2.

import { TsociError } from '../../../errors.ts';
import type { Int64, LinuxMemory } from '../../../spec/types.ts';
import { isAsked, type Setting } from '../settings.ts';
import { noEquivalent } from './refuse.ts';

const POINTER = '/linux/resources/memory';
const UNLIMITED = -1n;

const textOf = (bytes: bigint): string => (bytes === UNLIMITED ? 'max' : String(bytes));

/** Throws for a negative number other than -1. */
function bytesOf(value: Int64 | undefined, pointer: string): bigint {
  const bytes = BigInt(value ?? 0);
  if (bytes >= UNLIMITED) return bytes;
  throw new TsociError('ERR_CGROUP', `${pointer}: invalid memory value: ${bytes}`, { pointer });
}

const limitSetting = (file: string, bytes: bigint, pointer: string): Setting[] =>
  bytes === 0n ? [] : [{ file, value: textOf(bytes), pointer }];

/** v1, and the configuration, count memory and swap together, v2 swap alone. */
function swapBytes(limit: bigint, swap: bigint): bigint {
  const pointer = `${POINTER}/swap`;
  const refuse = (text: string) => new TsociError('ERR_CGROUP', `${pointer}: ${text}`, { pointer });
  if (swap === UNLIMITED || limit === UNLIMITED) return swap;
  if (limit === 0n) throw refuse('unable to set swap limit without memory limit');
  if (swap < limit) throw refuse('memory+swap limit should be >= memory limit');
  return swap - limit;
}

/** COMPAT: no limit of memory and none asked for both is no limit of both, as with runc. */
function swapSetting(limit: bigint, asked: bigint): Setting[] {
  const swap = asked === 0n && limit === UNLIMITED ? UNLIMITED : asked;
  if (swap === 0n) return [];
  const value = textOf(swapBytes(limit, swap));
  // A kernel without swap accounting has nothing to limit, and nothing that would be left without a limit.
  const harmless = value === 'max' || value === '0';
  const pointer = `${POINTER}/swap`;
  return [{ file: 'memory.swap.max', value, pointer, ...(harmless ? { otherwise: 'nothing' as const } : {}) }];
}

/** COMPAT: `kernel` is passed over with a warning as on v1, where the kernel has dropped it. */
export function memorySettings(memory: LinuxMemory | undefined): Setting[] {
  if (memory === undefined) return [];
  if (memory.swappiness !== undefined) throw noEquivalent(`${POINTER}/swappiness`);
  if (isAsked(memory.kernelTCP)) throw noEquivalent(`${POINTER}/kernelTCP`);
  if (memory.disableOOMKiller === true) throw noEquivalent(`${POINTER}/disableOOMKiller`);
  const limit = bytesOf(memory.limit, `${POINTER}/limit`);
  return [
    ...swapSetting(limit, bytesOf(memory.swap, `${POINTER}/swap`)),
    ...limitSetting('memory.max', limit, `${POINTER}/limit`),
    ...limitSetting('memory.low', bytesOf(memory.reservation, `${POINTER}/reservation`), `${POINTER}/reservation`),
  ];
}

/**
 * memory.checkBeforeUpdate: v2 takes a limit below the usage, and kills. Throws ERR_CGROUP in its place, with runc's words.
 * `usage` is memory.current.
 */
export function checkMemoryUsage(memory: LinuxMemory | undefined, usage: bigint): void {
  if (memory?.checkBeforeUpdate !== true) return;
  const limits = [
    ['memory+swap', memory.swap, `${POINTER}/swap`],
    ['memory', memory.limit, `${POINTER}/limit`],
  ] as const;
  for (const [name, limit, pointer] of limits) {
    if (!isAsked(limit) || BigInt(limit) < 0n || BigInt(limit) > usage) continue;
    throw new TsociError('ERR_CGROUP', `${pointer}: rejecting ${name} limit ${limit} <= usage ${usage}`, { pointer });
  }
}
