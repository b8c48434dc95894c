// CPUs and memory nodes, and how cpuset(7) shares them.

import { parseCpuList } from '../../cpu-list.ts';
import { textOf } from '../freezer.ts';
import { type Count, readCount } from './read.ts';

/** By their files' names without `cpuset.`. */
const FLAGS = [
  'cpu_exclusive',
  'mem_hardwall',
  'mem_exclusive',
  'memory_migrate',
  'memory_spread_page',
  'memory_spread_slab',
  'memory_pressure',
  'sched_load_balance',
  'sched_relax_domain_level',
];

/** v2 has none of the flags, and its sets are not in the document: COMPAT. */
export function cpusetStats(dir: string | undefined) {
  const list = (name: string) => {
    const numbers = parseCpuList(textOf(`${dir}/cpuset.${name}`) ?? '');
    return numbers.length === 0 ? {} : { [name]: numbers };
  };
  const flags: Record<string, Count> = {};
  for (const name of FLAGS) flags[name] = readCount(`${dir}/cpuset.${name}`) ?? 0;
  return { ...list('cpus'), ...list('mems'), ...flags };
}
