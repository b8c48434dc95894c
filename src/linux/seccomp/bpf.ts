// Classic BPF as seccomp(2) runs it over struct seccomp_data: instructions, and the decision tree over numbers.

/** [opcode, jump if true, jump if false, operand]: struct sock_filter. */
export type Instruction = readonly [code: number, jt: number, jf: number, k: number];

export type Code = readonly Instruction[];

const LD = 0x20;
const JA = 0x05;
export const JEQ = 0x15;
export const JGT = 0x25;
export const JGE = 0x35;
const AND = 0x54;
const RET = 0x06;

/** Offsets in struct seccomp_data. */
export const NR = 0;
export const ARCH = 4;
export const argumentOffset = (index: number, half: 'low' | 'high'): number =>
  16 + 8 * index + (half === 'low' ? 0 : 4);

export const load = (offset: number): Instruction => [LD, 0, 0, offset];
export const and = (mask: number): Instruction => [AND, 0, 0, mask];
export const jump = (code: number, k: number, jt: number, jf: number): Instruction => [code, jt, jf, k];
export const result = (value: number): Instruction => [RET, 0, 0, value];

/** `left` when the accumulator is below `k`, else `right`. KERNEL: a conditional jump reaches 255 instructions. */
function branch(k: number, left: Code, right: Code): Code {
  if (left.length <= 255) return [jump(JGE, k, left.length, 0), ...left, ...right];
  return [jump(JGE, k, 0, 1), [JA, 0, 0, left.length], ...left, ...right];
}

/** `code` when the accumulator is `k`, else what follows it. */
export function guarded(k: number, code: Code): Code {
  if (code.length <= 255) return [jump(JEQ, k, 0, code.length), ...code];
  return [jump(JEQ, k, 1, 0), [JA, 0, 0, code.length], ...code];
}

export interface Range {
  /** First number of the range; it ends before the next one's. */
  readonly from: number;
  readonly code: Code;
}

/** A balanced tree over the accumulator: `ranges` ascend, and the first begins at 0. */
export function decide(ranges: readonly Range[], first = 0, end = ranges.length): Code {
  if (end - first === 1) return (ranges[first] as Range).code;
  const middle = (first + end) >> 1;
  return branch((ranges[middle] as Range).from, decide(ranges, first, middle), decide(ranges, middle, end));
}

export function encode(code: Code): Uint8Array {
  const bytes = new Uint8Array(8 * code.length);
  const view = new DataView(bytes.buffer);
  for (const [index, [opcode, jt, jf, k]] of code.entries()) {
    view.setUint16(8 * index, opcode, true);
    view.setUint8(8 * index + 2, jt);
    view.setUint8(8 * index + 3, jf);
    view.setUint32(8 * index + 4, k, true);
  }
  return bytes;
}
