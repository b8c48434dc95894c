// What systemd is told of each field of linux.resources: properties of the container's unit, as `systemctl show` prints them,
// by the rows of rows.ts. A field that is not here is in the kernel's files alone.

import { DISK, type Files } from './rows.ts';

export type When = 'made' | 'updated';

export interface UnitProperties {
  /** On v1 and hybrid hosts. */
  readonly v1?: Files;
  readonly v2?: Files;
  /** [peer, when, why] of peers that are known to do otherwise where systemd manages the cgroups; without `where` on both. */
  readonly deviations?: readonly (readonly [peer: string, when: When | 'both', why: string, where?: 'v1' | 'v2'])[];
}

const MIB = 1 << 20;

const both = (properties: Files): UnitProperties => ({ v1: properties, v2: properties });

const UPDATES_LITTLE = ['runc', 'updated', 'passes over it in silence'] as const;
const KEEPS_REFUSED = ['runc', 'updated', 'keeps the property of an update that the kernel refuses'] as const;
const TELLS_LITTLE = ['runc', 'both', 'does not tell systemd of it, also 1.3'] as const;

const limit = { v1: { MemoryLimit: `${64 * MIB}` }, v2: { MemoryMax: `${64 * MIB}` } };

const throttle = (legacy: string | undefined, unified: string): UnitProperties => {
  const text = `/dev/block/${DISK} 1048576`;
  return {
    ...(legacy === undefined ? {} : { v1: { [legacy]: text } }),
    v2: { [unified]: text },
    deviations: [TELLS_LITTLE],
  };
};

/** By the row's field. */
export const units: Readonly<Record<string, UnitProperties>> = {
  'memory.limit': limit,
  'memory.limit, none': {
    v1: { MemoryLimit: 'infinity' },
    v2: { MemoryMax: 'infinity', MemorySwapMax: 'infinity' },
  },
  'memory.reservation': { v2: { MemoryLow: `${32 * MIB}` } },
  'memory.swap': { v1: limit.v1, v2: { ...limit.v2, MemorySwapMax: `${32 * MIB}` } },
  'memory.swap, none': { v1: limit.v1, v2: { ...limit.v2, MemorySwapMax: 'infinity' } },
  'memory.swap below limit': { deviations: [KEEPS_REFUSED] },
  'memory.swappiness': { deviations: [UPDATES_LITTLE] },
  'memory.disableOOMKiller': { deviations: [UPDATES_LITTLE] },
  'memory.checkBeforeUpdate': limit,
  'cpu.shares': { v1: { CPUShares: '512' }, v2: { CPUWeight: '59' } },
  'cpu.quota, period': both({ CPUQuotaPerSecUSec: '250ms', CPUQuotaPeriodUSec: '20ms' }),
  'cpu.quota': both({ CPUQuotaPerSecUSec: '300ms' }),
  'cpu.period': both({ CPUQuotaPeriodUSec: '50ms' }),
  'cpu.quota, none': both({ CPUQuotaPerSecUSec: 'infinity' }),
  'cpu.burst': both({ CPUQuotaPerSecUSec: '200ms' }),
  'cpu.cpus': { ...both({ AllowedCPUs: '0' }), deviations: [KEEPS_REFUSED] },
  'cpu.mems': { ...both({ AllowedMemoryNodes: '0' }), deviations: [KEEPS_REFUSED] },
  'cpu.idle': { v2: { CPUWeight: 'idle' } },
  'pids.limit': both({ TasksMax: '20' }),
  // systemd knows no 0.
  'pids.limit, 0': both({ TasksMax: '1' }),
  'pids.limit, none': both({ TasksMax: 'infinity' }),
  'blockIO.weight': {
    v1: { BlockIOWeight: '500' },
    v2: { IOWeight: '4950' },
    deviations: [KEEPS_REFUSED, [...TELLS_LITTLE, 'v2']],
  },
  'blockIO.weightDevice.weight': {
    v1: { BlockIODeviceWeight: `/dev/block/${DISK} 500` },
    v2: { IODeviceWeight: `/dev/block/${DISK} 4950` },
    deviations: [TELLS_LITTLE],
  },
  'blockIO.throttleReadBpsDevice': throttle('BlockIOReadBandwidth', 'IOReadBandwidthMax'),
  'blockIO.throttleWriteBpsDevice': throttle('BlockIOWriteBandwidth', 'IOWriteBandwidthMax'),
  'blockIO.throttleReadIOPSDevice': throttle(undefined, 'IOReadIOPSMax'),
  'blockIO.throttleWriteIOPSDevice': throttle(undefined, 'IOWriteIOPSMax'),
  hugepageLimits: { deviations: [UPDATES_LITTLE] },
  'network.classID': { deviations: [UPDATES_LITTLE] },
  'network.priorities': { deviations: [UPDATES_LITTLE] },
  rdma: { deviations: [UPDATES_LITTLE] },
  'rdma of no device': { deviations: [UPDATES_LITTLE] },
  unified: { v2: { MemoryHigh: `${32 * MIB}`, MemoryMax: `${48 * MIB}` } },
  devices: both({ DevicePolicy: 'strict', DeviceAllow: '/dev/char/10:229 r' }),
};
