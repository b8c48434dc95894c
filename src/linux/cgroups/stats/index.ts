// What a container has used, and may use: the object that runc's users know from `events`.

import type { CgroupPaths } from '../steps.ts';
import { legacyBlkioStats, unifiedBlkioStats } from './blkio.ts';
import { legacyCpuStats, unifiedCpuStats } from './cpu.ts';
import { cpusetStats } from './cpuset.ts';
import { legacyMemoryStats, unifiedMemoryStats } from './memory.ts';
import { legacyHugetlbStats, pidsStats, rdmaStats, unifiedHugetlbStats } from './small.ts';

/** Where there is but the one hierarchy of v2. */
const isUnified = (paths: CgroupPaths): boolean => Object.keys(paths).join() === 'unified';

function legacyStats(paths: CgroupPaths) {
  return {
    cpu: legacyCpuStats(paths),
    cpuset: cpusetStats(paths['cpuset']),
    memory: legacyMemoryStats(paths['memory']),
    pids: pidsStats(paths['pids']),
    blkio: legacyBlkioStats(paths['blkio']),
    // On a hybrid host the controllers that v1 has not are the unified hierarchy's.
    hugetlb: { ...unifiedHugetlbStats(paths['unified']), ...legacyHugetlbStats(paths['hugetlb']) },
    ...rdmaStats(paths['rdma'] ?? paths['unified']),
  };
}

function unifiedStats(dir: string) {
  return {
    cpu: unifiedCpuStats(dir),
    cpuset: cpusetStats(undefined),
    memory: unifiedMemoryStats(dir),
    pids: pidsStats(dir),
    blkio: unifiedBlkioStats(dir),
    hugetlb: unifiedHugetlbStats(dir),
    ...rdmaStats(dir),
  };
}

/** COMPAT: Intel RDT and network interfaces have their places in the document, though a runtime knows nothing of the latter. */
export const statsOf = (paths: CgroupPaths) => ({
  ...(isUnified(paths) ? unifiedStats(paths['unified'] as string) : legacyStats(paths)),
  intel_rdt: {},
  network_interfaces: null,
});
