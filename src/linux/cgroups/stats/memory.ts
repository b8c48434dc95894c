// Memory in use, its limits and peaks. Bytes.

import { pressureOf } from './pressure.ts';
import { type Count, countOf, MAX_UINT64, nonZero, readCount, readTable } from './read.ts';

interface Entry {
  readonly limit: Count;
  readonly usage?: Count;
  readonly max?: Count;
  readonly failcnt: Count;
}

const NONE: Entry = { limit: 0, failcnt: 0 };

const entry = (limit: Count, usage: Count | undefined, max: Count | undefined, failcnt: Count): Entry => ({
  limit,
  ...nonZero({ usage, max }),
  failcnt,
});

/** Of files named as `memory.memsw.limit_in_bytes` is. */
function legacyEntry(dir: string, name: string): Entry {
  const read = (file: string) => readCount(`${dir}/${name}.${file}`);
  const limit = read('limit_in_bytes');
  return limit === undefined
    ? NONE
    : entry(limit, read('usage_in_bytes'), read('max_usage_in_bytes'), read('failcnt') ?? 0);
}

export function legacyMemoryStats(dir: string | undefined) {
  const raw = readTable(`${dir}/memory.stat`);
  return {
    ...nonZero({ cache: raw?.['cache'] }),
    usage: legacyEntry(`${dir}`, 'memory'),
    swap: legacyEntry(`${dir}`, 'memory.memsw'),
    kernel: legacyEntry(`${dir}`, 'memory.kmem'),
    kernelTCP: legacyEntry(`${dir}`, 'memory.kmem.tcp'),
    ...(raw === undefined ? {} : { raw }),
  };
}

const sum = (a: Count, b: Count): Count => countOf(String(BigInt(a) + BigInt(b)));

/** How often the limit was reached: v1 counts it in a file of its own, v2 as an event. */
const failuresIn = (path: string): Count => readTable(path)?.['max'] ?? 0;

/** COMPAT: v1 counts memory and swap together, and so does the document; their peaks cannot be added up. */
function withSwap(dir: string, memory: Entry): Entry {
  const usage = readCount(`${dir}/memory.swap.current`);
  const limit = readCount(`${dir}/memory.swap.max`);
  const failures = failuresIn(`${dir}/memory.swap.events`);
  if (usage === undefined || limit === undefined) return NONE;
  return entry(limit === MAX_UINT64 ? limit : sum(limit, memory.limit), sum(usage, memory.usage ?? 0), 0, failures);
}

export function unifiedMemoryStats(dir: string) {
  const raw = readTable(`${dir}/memory.stat`);
  const limit = readCount(`${dir}/memory.max`);
  const [used, peak] = ['current', 'peak'].map((name) => readCount(`${dir}/memory.${name}`));
  const usage = limit === undefined ? NONE : entry(limit, used, peak, failuresIn(`${dir}/memory.events`));
  return {
    ...nonZero({ cache: raw?.['file'] }),
    usage,
    swap: withSwap(dir, usage),
    kernel: NONE,
    kernelTCP: NONE,
    ...(raw === undefined ? {} : { raw }),
    ...pressureOf(`${dir}/memory.pressure`),
  };
}
