// CPU time used, and time that a quota has kept from it. Nanoseconds.

import { textOf } from '../freezer.ts';
import type { CgroupPaths } from '../steps.ts';
import { pressureOf } from './pressure.ts';
import { type Count, countOf, nonZero, readCount, readTable, times } from './read.ts';

/** KERNEL: cpuacct.stat counts in ticks of USER_HZ, 100 a second on every architecture of ours. */
const TICK = 10_000_000;

const MICROSECOND = 1000;

type Table = Readonly<Record<string, Count>>;

function throttling(stat: Table | undefined, unit: number, time: string) {
  return nonZero({
    periods: stat?.['nr_periods'],
    throttledPeriods: stat?.['nr_throttled'],
    throttledTime: times(stat?.[time], unit),
  });
}

const numbers = (text: string | undefined): Count[] =>
  (text ?? '').split(' ').flatMap((word) => (word.trim() === '' ? [] : [countOf(word.trim())]));

/** Columns of cpuacct.usage_all: a line a CPU, behind a heading. */
function perMode(text: string | undefined) {
  const rows = (text ?? '')
    .split('\n')
    .slice(1)
    .filter((line) => line !== '')
    .map((line) => line.split(' '));
  if (rows.length === 0) return {};
  const column = (at: number) => rows.map((row) => countOf(row[at] ?? '0'));
  return { percpu_kernel: column(2), percpu_user: column(1) };
}

export function legacyCpuStats(paths: CgroupPaths) {
  const account = paths['cpuacct'] ?? paths['cpu'];
  const stat = readTable(`${account}/cpuacct.stat`);
  const percpu = numbers(textOf(`${account}/cpuacct.usage_percpu`));
  return {
    usage: {
      ...nonZero({ total: readCount(`${account}/cpuacct.usage`) }),
      ...(percpu.length === 0 ? {} : { percpu }),
      ...perMode(textOf(`${account}/cpuacct.usage_all`)),
      kernel: times(stat?.['system'], TICK),
      user: times(stat?.['user'], TICK),
    },
    throttling: throttling(readTable(`${paths['cpu']}/cpu.stat`), 1, 'throttled_time'),
  };
}

export function unifiedCpuStats(dir: string) {
  const stat = readTable(`${dir}/cpu.stat`);
  return {
    usage: {
      ...nonZero({ total: times(stat?.['usage_usec'], MICROSECOND) }),
      kernel: times(stat?.['system_usec'], MICROSECOND),
      user: times(stat?.['user_usec'], MICROSECOND),
    },
    throttling: throttling(stat, MICROSECOND, 'throttled_usec'),
    ...pressureOf(`${dir}/cpu.pressure`),
  };
}
