// The kernel's list format (cpuset(7), "List format"): "0-3,8" stands for 0, 1, 2, 3 and 8.

import { TsociError } from '../errors.ts';

const isNumber = (text: string): boolean => text !== '' && [...text].every((c) => c >= '0' && c <= '9');

/** Numbers of a list, in the order written. Throws ERR_SPEC_CHECK for anything that is no list. */
export function parseCpuList(list: string): number[] {
  const numbers: number[] = [];
  for (const part of list.trim().split(',')) {
    if (part === '') continue;
    const [first = '', last = first] = part.split('-');
    const from = Number(first);
    const to = Number(last);
    if (!isNumber(first) || !isNumber(last) || to < from || to > 65535) {
      throw new TsociError('ERR_SPEC_CHECK', `"${list}" is not a list of numbers such as "0-3,8"`);
    }
    for (let nr = from; nr <= to; nr++) numbers.push(nr);
  }
  return numbers;
}

/** A bit a number, in words of `wordSize` bytes, little-endian. */
export function maskOf(numbers: readonly number[], wordSize: number): Uint8Array {
  const words = Math.floor(Math.max(-1, ...numbers) / (8 * wordSize)) + 1;
  const mask = new Uint8Array(wordSize * words);
  for (const nr of numbers) mask[nr >> 3]! |= 1 << (nr & 7);
  return mask;
}
