// The controllers with a file or two: pids, hugetlb, rdma.

import * as sys from '../../sys/index.ts';
import { textOf } from '../freezer.ts';
import { type Count, nonZero, readCount, readTable } from './read.ts';

/** Named alike on v1 and v2. No limit is 0: COMPAT. */
export const pidsStats = (dir: string | undefined) =>
  nonZero({ current: readCount(`${dir}/pids.current`), limit: readCount(`${dir}/pids.max`, 0) });

interface HugetlbStats {
  readonly usage?: Count;
  readonly max?: Count;
  readonly failcnt: Count;
}

/** Page sizes, as files name them: `2MB` of `hugetlb.2MB.current`. */
function pageSizes(dir: string, ending: string): string[] {
  const names = sys.exists(dir) ? sys.listDir(dir) : [];
  return names
    .filter((name) => name.startsWith('hugetlb.') && name.endsWith(ending) && name.split('.').length === 3)
    .map((name) => name.split('.')[1] as string)
    .sort();
}

export function legacyHugetlbStats(dir: string | undefined): Record<string, HugetlbStats> {
  if (dir === undefined) return {};
  const stats = (size: string): HugetlbStats => {
    const read = (file: string) => readCount(`${dir}/hugetlb.${size}.${file}`);
    return {
      ...nonZero({ usage: read('usage_in_bytes'), max: read('max_usage_in_bytes') }),
      failcnt: read('failcnt') ?? 0,
    };
  };
  return Object.fromEntries(pageSizes(dir, '.usage_in_bytes').map((size) => [size, stats(size)]));
}

/** COMPAT: of reserved pages where the kernel counts them. */
export function unifiedHugetlbStats(dir: string | undefined): Record<string, HugetlbStats> {
  if (dir === undefined) return {};
  const stats = (size: string): HugetlbStats => ({
    ...nonZero({
      usage: readCount(`${dir}/hugetlb.${size}.rsvd.current`) ?? readCount(`${dir}/hugetlb.${size}.current`),
    }),
    failcnt: readTable(`${dir}/hugetlb.${size}.events`)?.['max'] ?? 0,
  });
  return Object.fromEntries(pageSizes(dir, '.current').map((size) => [size, stats(size)]));
}

interface RdmaEntry {
  readonly device: string;
  readonly hcaHandles?: Count;
  readonly hcaObjects?: Count;
}

/** Lines `mlx4_0 hca_handle=2 hca_object=max` of rdma.current or rdma.max. */
export function parseRdma(text: string): RdmaEntry[] {
  return text.split('\n').flatMap((line) => {
    const [device = '', ...words] = line.split(' ');
    if (device === '') return [];
    const value = (name: string) => {
      const number = words.find((word) => word.startsWith(`${name}=`))?.slice(name.length + 1);
      return number === undefined ? undefined : number === 'max' ? 0xffffffff : Number(number);
    };
    return [{ device, ...nonZero({ hcaHandles: value('hca_handle'), hcaObjects: value('hca_object') }) }];
  });
}

export function rdmaStats(dir: string | undefined): { rdma?: { current: RdmaEntry[]; limit: RdmaEntry[] } } {
  const current = parseRdma(textOf(`${dir}/rdma.current`) ?? '');
  return current.length === 0 ? {} : { rdma: { current, limit: parseRdma(textOf(`${dir}/rdma.max`) ?? '') } };
}
