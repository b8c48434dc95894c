// Block I/O by device and kind of operation.

import { textOf } from '../freezer.ts';
import { pressureOf } from './pressure.ts';
import { type Count, countOf, nonZero } from './read.ts';

interface Entry {
  readonly major?: number;
  readonly minor?: number;
  readonly op?: string;
  readonly value?: Count;
}

/** Members of the document, and the files of v1 that may have them: BFQ's, or those of throttling. */
const FILES: Readonly<Record<string, readonly string[]>> = {
  ioServiceBytesRecursive: ['bfq.io_service_bytes_recursive', 'throttle.io_service_bytes_recursive'],
  ioServicedRecursive: ['bfq.io_serviced_recursive', 'throttle.io_serviced_recursive'],
  ioQueueRecursive: ['bfq.io_queued_recursive'],
  ioServiceTimeRecursive: ['bfq.io_service_time_recursive'],
  ioWaitTimeRecursive: ['bfq.io_wait_time_recursive'],
  ioMergedRecursive: ['bfq.io_merged_recursive'],
  ioTimeRecursive: ['bfq.time_recursive'],
  sectorsRecursive: ['bfq.sectors_recursive'],
};

/** Lines `8:0 Read 4096`, or `8:0 4096` where operations are not told apart; the sum at the end is left out. */
export function parseLegacy(text: string): Entry[] {
  return text.split('\n').flatMap((line) => {
    const words = line.split(' ').filter((word) => word !== '');
    const [major, minor] = (words[0] ?? '').split(':');
    if (minor === undefined || words.length < 2) return [];
    const device = { major: Number(major), minor: Number(minor) };
    const op = words.length > 2 ? { op: words[1] as string } : {};
    return [nonZero({ ...device, ...op, value: countOf(words.at(-1) as string) })];
  });
}

export function legacyBlkioStats(dir: string | undefined) {
  const stats: Record<string, Entry[]> = {};
  for (const [member, files] of Object.entries(FILES)) {
    const entries = files.map((file) => parseLegacy(textOf(`${dir}/blkio.${file}`) ?? ''));
    const found = entries.find((list) => list.length > 0);
    if (found !== undefined) stats[member] = found;
  }
  return stats;
}

/** Of io.stat, by whether it counts bytes or operations. */
const OPERATIONS: Readonly<Record<string, [member: string, op: string]>> = {
  rbytes: ['ioServiceBytesRecursive', 'Read'],
  wbytes: ['ioServiceBytesRecursive', 'Write'],
  dbytes: ['ioServiceBytesRecursive', 'Discard'],
  rios: ['ioServicedRecursive', 'Read'],
  wios: ['ioServicedRecursive', 'Write'],
  dios: ['ioServicedRecursive', 'Discard'],
};

/** Lines `8:0 rbytes=1 wbytes=2 rios=3 …`. */
export function parseUnified(text: string): Record<string, Entry[]> {
  const stats: Record<string, Entry[]> = {};
  for (const line of text.split('\n')) {
    const [device = '', ...counts] = line.split(' ');
    const [major, minor] = device.split(':');
    for (const count of counts) {
      const [name = '', value = '0'] = count.split('=');
      const [member, op] = OPERATIONS[name] ?? [];
      if (member === undefined) continue;
      stats[member] ??= [];
      stats[member].push(nonZero({ major: Number(major), minor: Number(minor), op, value: countOf(value) }) as Entry);
    }
  }
  return stats;
}

export const unifiedBlkioStats = (dir: string) => ({
  ...parseUnified(textOf(`${dir}/io.stat`) ?? ''),
  ...pressureOf(`${dir}/io.pressure`),
});
