// config-linux.md, "Memory", in cgroup v1.

import type { LinuxMemory } from '../../../spec/types.ts';
import { isAsked, lifting, numberSetting, type Setting } from '../settings.ts';

const POINTER = '/linux/resources/memory';
const NO_SWAP_LIMIT = { file: 'memory.memsw.limit_in_bytes', value: '-1' };

/** COMPAT: no limit of memory and none asked for both is no limit of both, as with runc. */
const swapSetting = ({ limit, swap }: LinuxMemory): Setting[] =>
  limit !== undefined && BigInt(limit) === -1n && !isAsked(swap)
    ? [{ file: 'memory.memsw.limit_in_bytes', value: '-1', pointer: `${POINTER}/limit`, otherwise: 'nothing' }]
    : numberSetting('memory.memsw.limit_in_bytes', swap, `${POINTER}/swap`);

/** ORDER: the limit before memory and swap together, which the kernel refuses below the limit. */
export function memorySettings(memory: LinuxMemory | undefined): Setting[] {
  if (memory === undefined) return [];
  return [
    ...(memory.useHierarchy === true
      ? [{ file: 'memory.use_hierarchy', value: '1', pointer: `${POINTER}/useHierarchy` }]
      : []),
    ...lifting(NO_SWAP_LIMIT, numberSetting('memory.limit_in_bytes', memory.limit, `${POINTER}/limit`)),
    ...swapSetting(memory),
    ...numberSetting('memory.soft_limit_in_bytes', memory.reservation, `${POINTER}/reservation`),
    ...numberSetting('memory.kmem.tcp.limit_in_bytes', memory.kernelTCP, `${POINTER}/kernelTCP`),
    ...(memory.swappiness === undefined
      ? []
      : [{ file: 'memory.swappiness', value: String(memory.swappiness), pointer: `${POINTER}/swappiness` }]),
    ...(memory.disableOOMKiller === true
      ? [{ file: 'memory.oom_control', value: '1', pointer: `${POINTER}/disableOOMKiller` }]
      : []),
  ];
}
