// Every field of linux.resources, and what becomes of it in the kernel: the table of docs/cgroups.md, and the cases of
// cases/cgroups.test.ts.

import type { Config } from '../harness/bundle.ts';

/** Text of files, by `controller/file` in v1 and `file` in v2: one of the file's lines. */
export type Files = Readonly<Record<string, string>>;

export type Outcome =
  /** `or` are the files of a kernel that does not have the first ones. Where there are none of either, it is refused. */
  { readonly files: Files; readonly or?: Files } | { readonly refused: string } | { readonly nothing: string };

export interface Row {
  readonly field: string;
  readonly resources: Config;
  /** What the cgroup's container before had, where a new cgroup would say what is asked for anyway. */
  readonly before?: Config;
  /** Also on hybrid hosts, but for controllers that only the unified hierarchy has: they are there as on v2. */
  readonly v1: Outcome;
  readonly v2: Outcome;
  /** [peer, where, why] of peers that are known to do otherwise. */
  readonly deviations?: readonly (readonly [peer: string, where: 'v1' | 'v2' | 'both', why: string])[];
  /** What is to be seen of it besides the files: a case of cases/cgroups-effects.test.ts or cases/cgroups-neighbours.test.ts. */
  readonly effect?: string;
}

const MIB = 1 << 20;
/** What v1 shows where there is no limit: the largest number of whole pages. */
const NO_LIMIT = '9223372036854771712';

/** Stands for the numbers of the host's disk. */
export const DISK = 'MAJOR:MINOR';
/** Stands for the name of the host's rdma device. */
export const RDMA = 'RDMA';
const disk = { major: 'MAJOR', minor: 'MINOR' };

const NO_EQUIVALENT = { refused: 'no equivalent' } as const;
const OLD_RUNC = '1.1 does not know it';
const SILENT = 'passes over in silence what v2 does not have';

const memory: Row[] = [
  {
    field: 'memory.limit',
    resources: { memory: { limit: 64 * MIB } },
    v1: { files: { 'memory/memory.limit_in_bytes': `${64 * MIB}` } },
    v2: { files: { 'memory.max': `${64 * MIB}` } },
    effect: 'ends a container that takes more memory than its limit',
  },
  {
    field: 'memory.limit, none',
    resources: { memory: { limit: -1 } },
    before: { memory: { limit: 64 * MIB, swap: 96 * MIB } },
    v1: {
      files: { 'memory/memory.limit_in_bytes': NO_LIMIT, 'memory/memory.memsw.limit_in_bytes': NO_LIMIT },
    },
    v2: { files: { 'memory.max': 'max', 'memory.swap.max': 'max' } },
  },
  {
    field: 'memory.reservation',
    resources: { memory: { reservation: 32 * MIB } },
    v1: { files: { 'memory/memory.soft_limit_in_bytes': `${32 * MIB}` } },
    v2: { files: { 'memory.low': `${32 * MIB}` } },
  },
  {
    field: 'memory.swap',
    resources: { memory: { limit: 64 * MIB, swap: 96 * MIB } },
    v1: { files: { 'memory/memory.memsw.limit_in_bytes': `${96 * MIB}` } },
    v2: { files: { 'memory.swap.max': `${32 * MIB}` } },
  },
  {
    field: 'memory.swap, none',
    resources: { memory: { limit: 64 * MIB, swap: -1 } },
    v1: { files: { 'memory/memory.limit_in_bytes': `${64 * MIB}`, 'memory/memory.memsw.limit_in_bytes': NO_LIMIT } },
    v2: { files: { 'memory.max': `${64 * MIB}`, 'memory.swap.max': 'max' } },
  },
  {
    field: 'memory.swap without limit',
    resources: { memory: { swap: 96 * MIB } },
    v1: { refused: 'by the kernel: below the limit of memory' },
    v2: { refused: 'what is swap alone is not known' },
    deviations: [['crun', 'both', 'takes the difference to nothing']],
  },
  {
    field: 'memory.swap below limit',
    resources: { memory: { limit: 64 * MIB, swap: 32 * MIB } },
    v1: { refused: 'by the kernel' },
    v2: { refused: 'would be a negative number' },
  },
  {
    field: 'memory.kernel',
    resources: { memory: { kernel: 64 * MIB } },
    v1: { nothing: 'a warning: kernels have dropped it' },
    v2: { nothing: 'a warning' },
    deviations: [['crun', 'both', 'refuses it, or writes it']],
  },
  {
    field: 'memory.kernelTCP',
    resources: { memory: { kernelTCP: 64 * MIB } },
    v1: { files: { 'memory/memory.kmem.tcp.limit_in_bytes': `${64 * MIB}` } },
    v2: NO_EQUIVALENT,
    deviations: [['runc', 'both', 'passes over it in silence']],
  },
  {
    field: 'memory.swappiness',
    resources: { memory: { swappiness: 10 } },
    v1: { files: { 'memory/memory.swappiness': '10' } },
    v2: NO_EQUIVALENT,
    deviations: [['runc', 'v2', SILENT]],
  },
  {
    field: 'memory.disableOOMKiller',
    resources: { memory: { disableOOMKiller: true } },
    v1: { files: { 'memory/memory.oom_control': 'oom_kill_disable 1' } },
    v2: NO_EQUIVALENT,
    deviations: [['runc', 'v2', SILENT]],
  },
  {
    field: 'memory.useHierarchy',
    resources: { memory: { useHierarchy: true } },
    v1: { files: { 'memory/memory.use_hierarchy': '1' } },
    v2: { nothing: 'v2 is always so' },
    deviations: [['crun', 'v2', 'refuses it']],
  },
  {
    field: 'memory.checkBeforeUpdate',
    resources: { memory: { limit: 64 * MIB, checkBeforeUpdate: true } },
    v1: { files: { 'memory/memory.limit_in_bytes': `${64 * MIB}` } },
    v2: { files: { 'memory.max': `${64 * MIB}` } },
  },
];

const cpu: Row[] = [
  {
    field: 'cpu.shares',
    resources: { cpu: { shares: 512 } },
    v1: { files: { 'cpu/cpu.shares': '512' } },
    v2: { files: { 'cpu.weight': '59' } },
    deviations: [
      ['runc', 'v2', 'converts linearly before 1.3.2'],
      ['crun', 'v2', 'converts linearly before 1.23'],
    ],
  },
  {
    field: 'cpu.quota, period',
    resources: { cpu: { quota: 5000, period: 20_000 } },
    v1: { files: { 'cpu/cpu.cfs_quota_us': '5000', 'cpu/cpu.cfs_period_us': '20000' } },
    v2: { files: { 'cpu.max': '5000 20000' } },
    effect: 'lets a container that would take a whole processor have its share',
  },
  {
    field: 'cpu.quota',
    resources: { cpu: { quota: 30_000 } },
    v1: { files: { 'cpu/cpu.cfs_quota_us': '30000', 'cpu/cpu.cfs_period_us': '100000' } },
    v2: { files: { 'cpu.max': '30000 100000' } },
  },
  {
    field: 'cpu.period',
    resources: { cpu: { period: 50_000 } },
    v1: { files: { 'cpu/cpu.cfs_quota_us': '-1', 'cpu/cpu.cfs_period_us': '50000' } },
    v2: { files: { 'cpu.max': 'max 50000' } },
  },
  {
    field: 'cpu.quota, none',
    resources: { cpu: { quota: -1 } },
    before: { cpu: { quota: 20_000 } },
    v1: { files: { 'cpu/cpu.cfs_quota_us': '-1' } },
    v2: { files: { 'cpu.max': 'max 100000' } },
  },
  {
    field: 'cpu.burst',
    resources: { cpu: { quota: 20_000, burst: 10_000 } },
    v1: { files: { 'cpu/cpu.cfs_burst_us': '10000' } },
    v2: { files: { 'cpu.max.burst': '10000' } },
    deviations: [['runc', 'both', OLD_RUNC]],
  },
  {
    field: 'cpu.realtimePeriod',
    resources: { cpu: { realtimePeriod: 500_000 } },
    v1: { files: { 'cpu/cpu.rt_period_us': '500000' } },
    v2: NO_EQUIVALENT,
    deviations: [
      ['runc', 'v2', SILENT],
      ['crun', 'v2', SILENT],
    ],
  },
  {
    field: 'cpu.realtimeRuntime',
    resources: { cpu: { realtimeRuntime: 1000 } },
    v1: { refused: 'by the kernel, unless all cgroups above have some to give' },
    v2: NO_EQUIVALENT,
    deviations: [
      ['runc', 'v2', SILENT],
      ['crun', 'v2', SILENT],
    ],
  },
  {
    field: 'cpu.cpus',
    resources: { cpu: { cpus: '0' } },
    v1: { files: { 'cpuset/cpuset.cpus': '0' } },
    v2: { files: { 'cpuset.cpus': '0' } },
  },
  {
    field: 'cpu.mems',
    resources: { cpu: { mems: '0' } },
    v1: { files: { 'cpuset/cpuset.mems': '0' } },
    v2: { files: { 'cpuset.mems': '0' } },
  },
  {
    field: 'cpu.idle',
    resources: { cpu: { idle: 1 } },
    v1: { files: { 'cpu/cpu.idle': '1' } },
    v2: { files: { 'cpu.idle': '1' } },
    deviations: [['runc', 'both', OLD_RUNC]],
  },
];

const pids: Row[] = [
  {
    field: 'pids.limit',
    resources: { pids: { limit: 20 } },
    v1: { files: { 'pids/pids.max': '20' } },
    v2: { files: { 'pids.max': '20' } },
    effect: 'lets a fork bomb have as many processes as the limit says',
  },
  {
    field: 'pids.limit, 0',
    resources: { pids: { limit: 0 } },
    v1: { files: { 'pids/pids.max': '0' } },
    v2: { files: { 'pids.max': '0' } },
    deviations: [
      ['runc', 'both', 'takes 0 for none, as before runtime-spec 1.3'],
      ['crun', 'both', 'takes 0 for none, as before runtime-spec 1.3'],
    ],
  },
  {
    field: 'pids.limit, none',
    resources: { pids: { limit: -1 } },
    before: { pids: { limit: 20 } },
    v1: { files: { 'pids/pids.max': 'max' } },
    v2: { files: { 'pids.max': 'max' } },
  },
];

const throttle = (field: string, legacy: string, unified: string): Row => ({
  field: `blockIO.${field}`,
  resources: { blockIO: { [field]: [{ ...disk, rate: 1048576 }] } },
  v1: { files: { [`blkio/blkio.throttle.${legacy}_device`]: `${DISK} 1048576` } },
  v2: {
    files: {
      'io.max': `${DISK} ${['rbps', 'wbps', 'riops', 'wiops'].map((key) => `${key}=${key === unified ? 1048576 : 'max'}`).join(' ')}`,
    },
  },
  ...(unified === 'wbps' ? { effect: 'holds back a writer, and nobody beside it' } : {}),
});

const blockIO: Row[] = [
  {
    field: 'blockIO.weight',
    resources: { blockIO: { weight: 500 } },
    v1: { files: { 'blkio/blkio.weight': '500' }, or: { 'blkio/blkio.bfq.weight': '500' } },
    v2: { files: { 'io.bfq.weight': 'default 500' }, or: { 'io.weight': 'default 4950' } },
  },
  {
    field: 'blockIO.leafWeight',
    resources: { blockIO: { leafWeight: 300 } },
    v1: { files: { 'blkio/blkio.leaf_weight': '300' } },
    v2: NO_EQUIVALENT,
    deviations: [
      ['runc', 'both', 'passes over it in silence'],
      ['crun', 'both', 'passes over it in silence'],
    ],
  },
  {
    field: 'blockIO.weightDevice.weight',
    resources: { blockIO: { weightDevice: [{ ...disk, weight: 500 }] } },
    v1: {
      files: { 'blkio/blkio.weight_device': `${DISK} 500` },
      or: { 'blkio/blkio.bfq.weight_device': `${DISK} 500` },
    },
    v2: { files: { 'io.bfq.weight': `${DISK} 500` }, or: { 'io.weight': `${DISK} 4950` } },
    deviations: [['runc', 'v2', 'passes over it in silence where BFQ is not loaded']],
  },
  {
    field: 'blockIO.weightDevice.leafWeight',
    resources: { blockIO: { weightDevice: [{ ...disk, leafWeight: 300 }] } },
    v1: { files: { 'blkio/blkio.leaf_weight_device': `${DISK} 300` } },
    v2: NO_EQUIVALENT,
    deviations: [
      ['runc', 'both', 'passes over it in silence'],
      ['crun', 'both', 'passes over it in silence'],
    ],
  },
  throttle('throttleReadBpsDevice', 'read_bps', 'rbps'),
  throttle('throttleWriteBpsDevice', 'write_bps', 'wbps'),
  throttle('throttleReadIOPSDevice', 'read_iops', 'riops'),
  throttle('throttleWriteIOPSDevice', 'write_iops', 'wiops'),
  {
    field: 'blockIO.throttleReadBpsDevice, 0',
    resources: { blockIO: { throttleReadBpsDevice: [{ ...disk, rate: 0 }] } },
    v1: { nothing: 'no limit' },
    v2: { nothing: 'no limit' },
    deviations: ['runc', 'crun'].map((peer) => [peer, 'v2', 'hands 0 to the kernel, which refuses it'] as const),
  },
];

const HUGE = '4194304';

const others: Row[] = [
  {
    field: 'hugepageLimits',
    resources: { hugepageLimits: [{ pageSize: '2MB', limit: Number(HUGE) }] },
    v1: {
      files: { 'hugetlb/hugetlb.2MB.limit_in_bytes': HUGE, 'hugetlb/hugetlb.2MB.rsvd.limit_in_bytes': HUGE },
      or: { 'hugetlb/hugetlb.2MB.limit_in_bytes': HUGE },
    },
    v2: { files: { 'hugetlb.2MB.max': HUGE, 'hugetlb.2MB.rsvd.max': HUGE } },
    deviations: [['crun', 'v2', 'sets no reservations before 1.22']],
  },
  {
    field: 'network.classID',
    resources: { network: { classID: 1048577 } },
    v1: { files: { 'net_cls/net_cls.classid': '1048577' } },
    v2: NO_EQUIVALENT,
    deviations: [['runc', 'v2', SILENT]],
  },
  {
    field: 'network.priorities',
    resources: { network: { priorities: [{ name: 'lo', priority: 5 }] } },
    v1: { files: { 'net_prio/net_prio.ifpriomap': 'lo 5' } },
    v2: NO_EQUIVALENT,
    deviations: [['runc', 'v2', SILENT]],
  },
  {
    field: 'rdma',
    resources: { rdma: { [RDMA]: { hcaHandles: 3, hcaObjects: 10000 } } },
    v1: { files: { 'rdma/rdma.max': `${RDMA} hca_handle=3 hca_object=10000` } },
    v2: { files: { 'rdma.max': `${RDMA} hca_handle=3 hca_object=10000` } },
    deviations: [['crun', 'v1', 'has no v1 rdma']],
    effect: 'lets nobody have more handles of an rdma device than its limit',
  },
  {
    field: 'rdma of no device',
    resources: { rdma: { nosuch: { hcaHandles: 3 } } },
    v1: { refused: 'by the kernel' },
    v2: { refused: 'by the kernel' },
    deviations: [['crun', 'v1', 'has no v1 rdma']],
  },
  {
    field: 'unified',
    resources: { memory: { limit: 64 * MIB }, unified: { 'memory.high': `${32 * MIB}`, 'memory.max': `${48 * MIB}` } },
    v1: { refused: 'the controllers are in v1' },
    v2: { files: { 'memory.high': `${32 * MIB}`, 'memory.max': `${48 * MIB}` } },
    deviations: [['crun', 'v1', 'passes over it in silence']],
  },
  {
    field: 'unified, no such file',
    resources: { unified: { 'memory.nosuch': '1' } },
    v1: { refused: 'the controllers are in v1' },
    v2: { refused: 'by the kernel' },
    deviations: [['crun', 'v1', 'passes over it in silence']],
  },
  {
    field: 'devices',
    resources: {
      devices: [
        { allow: false, access: 'rwm' },
        { allow: true, type: 'c', major: 10, minor: 229, access: 'r' },
      ],
    },
    v1: { files: { 'devices/devices.list': 'c 10:229 r' } },
    v2: { nothing: 'a filter: an eBPF program' },
    effect: 'opens the devices that are allowed, and no others',
  },
];

export const rows: readonly Row[] = [...memory, ...cpu, ...pids, ...blockIO, ...others];
