// What requests of `update` are made of: fields that belong together, what may be asked for next, and what the kernel's files
// show then.

import fc from 'fast-check';
import type { Config } from '../harness/bundle.ts';
import type { Files } from './rows.ts';

const MIB = 1 << 20;
/** What v1 shows where there is no limit: the largest number of whole pages. */
const NO_LIMIT = '9223372036854771712';
const NONE = -1;

/** What the generator has to know of the host. */
export interface Ground {
  readonly isUnified: boolean;
  /** Parts that other runtimes do not have are left out. */
  readonly onlyCommon: boolean;
  /** systemd manages the cgroups. */
  readonly isManaged: boolean;
  /** MAJOR:MINOR of a disk. */
  readonly disk: string;
  /** Of /sys/devices/system/cpu/online, at least one. */
  readonly cpus: readonly number[];
  /** Trimmed text of `controller/file` in v1, of `file` in v2; none where it is not there. */
  read(file: string): string | undefined;
  /** The file is there, or will be when it is asked for. */
  has(file: string): boolean;
}

export interface Step<State> {
  /** A part of linux.resources. */
  readonly asked: Config;
  readonly after: State;
}

/** A few fields that the kernel, or the configuration, holds against each other. */
export interface Part<State> {
  readonly initial: State;
  /** What may be asked for where `state` holds. */
  steps(state: State): fc.Arbitrary<Step<State>>;
  /** Whole texts, trimmed; as Ground.read names them. */
  files(state: State): Files;
}

const mebibytes = (min: number, max: number) => fc.integer({ min, max }).map((count) => count * MIB);
const changed = <State>(state: State, asked: Config, after: Partial<State>): Step<State> => ({
  asked,
  after: { ...state, ...after },
});
/** `arbitrary` where it has a meaning. */
const where = <T>(holds: boolean, arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T>[] => (holds ? [arbitrary] : []);

interface Memory {
  readonly limit: number;
  /** v1: together with memory, v2: alone. */
  readonly swap: number;
  readonly reservation: number;
  readonly high: number;
}

/** A limit and what goes with it, in the configuration's own terms: swap counts memory too. */
export function memoryPart({ isUnified }: Ground): Part<Memory> {
  const bytes = (value: number) => (value >= 0 ? String(value) : isUnified ? 'max' : NO_LIMIT);
  const swapOf = (limit: number, both: number) => (isUnified && both >= 0 ? both - limit : both);
  const size = mebibytes(64, 512);
  return {
    initial: { limit: NONE, swap: NONE, reservation: isUnified ? 0 : NONE, high: NONE },
    steps: (state) => {
      const step = (memory: Config, after: Partial<Memory>) => changed(state, { memory }, after);
      // On v1 a limit alone has to stay below what holds for both.
      const most = isUnified || state.swap < 0 ? 512 * MIB : state.swap;
      return fc.oneof(
        fc.tuple(size, mebibytes(0, 512)).map(([limit, more]) => {
          const swap = limit + more;
          return step({ limit, swap }, { limit, swap: swapOf(limit, swap) });
        }),
        size.map((limit) => step({ limit, swap: NONE }, { limit, swap: NONE })),
        fc
          .constantFrom({ limit: NONE }, { limit: NONE, swap: NONE }, { limit: NONE, swap: 0 })
          .map((memory) => step(memory, { limit: NONE, swap: NONE })),
        mebibytes(64, Math.min(512, most / MIB)).map((limit) => step({ limit }, { limit })),
        ...where(
          state.limit > 0,
          mebibytes(0, 512).map((more) => {
            const swap = state.limit + more;
            return step({ swap }, { swap: swapOf(state.limit, swap) });
          }),
        ),
        fc.oneof(size, fc.constant(NONE)).map((reservation) => step({ reservation }, { reservation })),
        ...where(
          isUnified,
          fc
            .oneof(size, fc.constant(NONE))
            .map((high) => changed(state, { unified: { 'memory.high': bytes(high) } }, { high })),
        ),
        // `unified` has the last word.
        ...where(
          isUnified,
          fc
            .tuple(size, size)
            .map(([limit, last]) =>
              changed(state, { memory: { limit }, unified: { 'memory.max': String(last) } }, { limit: last }),
            ),
        ),
      );
    },
    files: ({ limit, swap, reservation, high }) =>
      isUnified
        ? {
            'memory.max': bytes(limit),
            'memory.swap.max': bytes(swap),
            'memory.low': bytes(reservation),
            'memory.high': bytes(high),
          }
        : {
            'memory/memory.limit_in_bytes': bytes(limit),
            'memory/memory.memsw.limit_in_bytes': bytes(swap),
            'memory/memory.soft_limit_in_bytes': bytes(reservation),
          },
  };
}

export function swappinessPart({ read }: Ground): Part<number> {
  const file = 'memory/memory.swappiness';
  return {
    initial: Number(read(file)),
    steps: () =>
      fc.integer({ min: 0, max: 100 }).map((swappiness) => ({ asked: { memory: { swappiness } }, after: swappiness })),
    files: (swappiness) => ({ [file]: String(swappiness) }),
  };
}

export function kernelTcpPart(): Part<number> {
  return {
    initial: NONE,
    steps: () =>
      fc
        .oneof(mebibytes(1, 512), fc.constant(NONE))
        .map((kernelTCP) => ({ asked: { memory: { kernelTCP } }, after: kernelTCP })),
    files: (bytes) => ({ 'memory/memory.kmem.tcp.limit_in_bytes': bytes < 0 ? NO_LIMIT : String(bytes) }),
  };
}

interface Bandwidth {
  readonly quota: number;
  readonly period: number;
  readonly burst: number;
}

/** Upwards, as systemd counts. */
const inPercents = (quota: number, period: number): number => {
  const percents = Math.ceil(Math.floor((quota * 1_000_000) / period) / 10_000);
  return quota < 0 ? quota : Math.max(quota, Math.floor((percents * period) / 100));
};

/** KERNEL: the burst is at most the quota; where there is none it may be anything. */
export function bandwidthPart({ isUnified, onlyCommon, isManaged }: Ground): Part<Bandwidth> {
  const period = fc.integer({ min: 1000, max: 1_000_000 });
  const quotaOf = (cpu: Partial<Bandwidth>, held: Bandwidth): number => {
    const quota = cpu.quota ?? held.quota;
    const isWhole = !isManaged || (cpu.quota === undefined && cpu.period === undefined);
    return isWhole ? quota : inPercents(quota, cpu.period ?? held.period);
  };
  return {
    initial: { quota: NONE, period: 100_000, burst: 0 },
    steps: (state) => {
      const step = (cpu: Partial<Bandwidth>) => changed(state, { cpu }, { ...cpu, quota: quotaOf(cpu, state) });
      // Rounded upwards the quota, and so the burst, may be more than is asked for here.
      const limits = { min: Math.max(1000, state.burst), max: Math.max(500_000, state.burst) };
      const quota = fc.oneof(fc.integer(limits), fc.constant(NONE));
      return fc.oneof(
        fc.record({ quota, period }).map((cpu) => step(cpu)),
        quota.map((value) => step({ quota: value })),
        period.map((value) => step({ period: value })),
        ...where(
          isUnified,
          fc.record({ quota, period }, { requiredKeys: ['quota'] }).map((cpu) => {
            const text = [cpu.quota < 0 ? 'max' : cpu.quota, cpu.period].join(' ');
            return { ...step(cpu), asked: { unified: { 'cpu.max': text.trim() } } };
          }),
        ),
        ...where(
          !onlyCommon,
          fc.integer({ min: 0, max: state.quota < 0 ? 500_000 : state.quota }).map((burst) => step({ burst })),
        ),
        ...where(
          !onlyCommon,
          fc
            .integer({ min: 1000, max: 500_000 })
            .chain((most) => fc.record({ quota: fc.constant(most), burst: fc.integer({ min: 0, max: most }) }))
            .map((cpu) => step(cpu)),
        ),
      );
    },
    files: ({ quota, period: length, burst }) => {
      const saved = onlyCommon ? {} : { [isUnified ? 'cpu.max.burst' : 'cpu/cpu.cfs_burst_us']: String(burst) };
      return isUnified
        ? { 'cpu.max': `${quota < 0 ? 'max' : quota} ${length}`, ...saved }
        : { 'cpu/cpu.cfs_quota_us': String(quota), 'cpu/cpu.cfs_period_us': String(length), ...saved };
    },
  };
}

/** Shares and the weights that they come to: the quadratic conversion of runc 1.3.2, worked out apart from the code. */
const WEIGHTS = [
  [2, 1],
  [10, 4],
  [100, 17],
  [512, 59],
  [1000, 99],
  [1024, 100],
  [2048, 174],
  [10_000, 627],
  [262_144, 10_000],
] as const;

interface Shares {
  readonly shares: number;
  readonly weight: number;
  readonly idle: boolean;
}

/** KERNEL: an idle cgroup takes no shares, shows few, each kernel others, and begins anew when it is idle no more. */
export function sharesPart({ isUnified, onlyCommon }: Ground): Part<Shares> {
  const usual = { shares: 1024, weight: 100, idle: false };
  const weights = fc.constantFrom(...WEIGHTS).map(([shares, weight]) => ({ shares, weight }));
  return {
    initial: usual,
    steps: (state) =>
      fc.oneof(
        weights.map(({ shares, weight }) => {
          const cpu = state.idle ? { shares, idle: 0 } : { shares };
          return { asked: { cpu }, after: { shares, weight, idle: false } };
        }),
        ...where(
          !onlyCommon,
          fc.boolean().map((idle) => {
            const after = state.idle === idle ? state : { ...usual, idle };
            return { asked: { cpu: { idle: Number(idle) } }, after };
          }),
        ),
      ),
    files: ({ shares, weight, idle }) => ({
      ...(idle ? {} : isUnified ? { 'cpu.weight': String(weight) } : { 'cpu/cpu.shares': String(shares) }),
      ...(onlyCommon ? {} : { [isUnified ? 'cpu.idle' : 'cpu/cpu.idle']: String(Number(idle)) }),
    }),
  };
}

/** KERNEL: without runtime any period will do. */
export function realtimePart(): Part<number> {
  return {
    initial: 1_000_000,
    steps: () =>
      fc
        .integer({ min: 100_000, max: 1_000_000 })
        .map((realtimePeriod) => ({ asked: { cpu: { realtimePeriod } }, after: realtimePeriod })),
    files: (period) => ({ 'cpu/cpu.rt_period_us': String(period) }),
  };
}

interface Cpuset {
  readonly cpus: string;
  readonly mems: string;
}

export function cpusetPart({ isUnified, cpus, read }: Ground): Part<Cpuset> {
  const file = (name: string) => (isUnified ? `cpuset.${name}` : `cpuset/cpuset.${name}`);
  const last = cpus.at(-1) as number;
  const choices = [...new Set(['0', String(last), ...(last > 0 ? [`0-${last}`] : [])])];
  return {
    initial: { cpus: read(file('cpus')) ?? '', mems: read(file('mems')) ?? '' },
    steps: (state) =>
      fc.oneof(
        fc.constantFrom(...choices).map((value) => changed(state, { cpu: { cpus: value } }, { cpus: value })),
        fc.constant(changed(state, { cpu: { mems: '0' } }, { mems: '0' })),
      ),
    files: (state) => ({ [file('cpus')]: state.cpus, [file('mems')]: state.mems }),
  };
}

export function pidsPart({ isUnified }: Ground): Part<number> {
  const limits = fc.oneof(fc.integer({ min: 10, max: 5000 }), fc.constant(NONE));
  return {
    initial: NONE,
    steps: () => limits.map((limit) => ({ asked: { pids: { limit } }, after: limit })),
    files: (limit) => ({ [isUnified ? 'pids.max' : 'pids/pids.max']: limit < 0 ? 'max' : String(limit) }),
  };
}

export function weightPart({ isUnified, has, read }: Ground): Part<number> {
  const legacy = ['blkio/blkio.weight', 'blkio/blkio.bfq.weight'];
  const [file = 'none'] = (isUnified ? ['io.bfq.weight'] : legacy).filter(has);
  return {
    // On v1 systemd gives every unit a weight.
    initial: Number(/\d+/.exec(read(file) ?? '')),
    steps: () =>
      fc.integer({ min: 10, max: 1000 }).map((weight) => ({ asked: { blockIO: { weight } }, after: weight })),
    files: (weight) => ({ [file]: isUnified ? `default ${weight}` : String(weight) }),
  };
}

/** By its field: the file of v1 and the key of io.max. */
const THROTTLES = {
  throttleReadBpsDevice: ['read_bps', 'rbps'],
  throttleWriteBpsDevice: ['write_bps', 'wbps'],
  throttleReadIOPSDevice: ['read_iops', 'riops'],
  throttleWriteIOPSDevice: ['write_iops', 'wiops'],
} as const;
type Throttle = keyof typeof THROTTLES;
const throttles = Object.keys(THROTTLES) as Throttle[];

/** A rate of 0 is none. */
export function throttlePart({ isUnified, disk }: Ground): Part<Readonly<Record<Throttle, number>>> {
  const [major, minor] = disk.split(':').map(Number);
  const rates = fc.oneof(fc.integer({ min: 1, max: 1 << 30 }), fc.constant(0));
  return {
    initial: Object.fromEntries(throttles.map((name) => [name, 0])) as Record<Throttle, number>,
    steps: (state) =>
      fc.dictionary(fc.constantFrom(...throttles), rates, { minKeys: 1 }).map((after) => {
        const blockIO = Object.entries(after).map(([name, rate]) => [name, [{ major, minor, rate }]] as const);
        return changed(state, { blockIO: Object.fromEntries(blockIO) }, after);
      }),
    files: (state) => {
      const rates = throttles.map((name) => [...THROTTLES[name], state[name]] as const);
      if (!isUnified) {
        return Object.fromEntries(
          rates.map(([name, , rate]) => [`blkio/blkio.throttle.${name}_device`, rate === 0 ? '' : `${disk} ${rate}`]),
        );
      }
      const keys = rates.map(([, key, rate]) => `${key}=${rate === 0 ? 'max' : rate}`).join(' ');
      return { 'io.max': rates.every(([, , rate]) => rate === 0) ? '' : `${disk} ${keys}` };
    },
  };
}

/** None until it is asked for: only then does a hybrid host show the files. */
export function hugePart(prefix: string, ending: string): Part<number | undefined> {
  return {
    initial: undefined,
    steps: () =>
      fc.integer({ min: 0, max: 64 }).map((pages) => {
        const limit = 2 * MIB * pages;
        return { asked: { hugepageLimits: [{ pageSize: '2MB', limit }] }, after: limit };
      }),
    files: (limit) =>
      limit === undefined
        ? {}
        : { [`${prefix}hugetlb.2MB.${ending}`]: String(limit), [`${prefix}hugetlb.2MB.rsvd.${ending}`]: String(limit) },
  };
}
