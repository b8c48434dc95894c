// Classic BPF as seccomp(2) runs it over struct seccomp_data. Programs are written from their end to their beginning:
// jumps lead forward only, so that what a jump skips has been written, and counted, when the jump is.

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

/** KERNEL: BPF_MAXINSNS. */
const MAXIMUM = 4096;

export class Program {
  /** struct sock_filter from the last to the first: opcode and jumps, operand. */
  readonly #heads: number[] = [];
  readonly #operands: number[] = [];

  get length(): number {
    return this.#heads.length;
  }

  #put(head: number, operand: number): void {
    this.#heads.push(head);
    this.#operands.push(operand);
  }

  result(value: number): void {
    this.#put(RET, value);
  }

  load(offset: number): void {
    this.#put(LD, offset);
  }

  and(mask: number): void {
    this.#put(AND, mask);
  }

  /** Skips `jt` instructions when the comparison holds, else `jf`; 255 at most. */
  jump(code: number, k: number, jt: number, jf: number): void {
    this.#put(code | (jt << 16) | (jf << 24), k);
  }

  /** Before two parts, the first of `left` instructions: that one when the accumulator is below `k`, else the second. */
  branch(k: number, left: number): void {
    if (left <= 255) return this.jump(JGE, k, left, 0);
    this.#put(JA, left);
    this.jump(JGE, k, 0, 1);
  }

  /** Before a part of `length` instructions, which is skipped unless the accumulator is `k`. */
  unless(k: number, length: number): void {
    if (length <= 255) return this.jump(JEQ, k, 0, length);
    this.#put(JA, length);
    this.jump(JEQ, k, 1, 0);
  }

  /** struct sock_filter[], first to last. */
  encode(): Uint8Array {
    const count = this.#heads.length;
    if (count > MAXIMUM) throw new RangeError(`a filter of ${count} instructions: the kernel takes ${MAXIMUM}`);
    const words = new Uint32Array(2 * count);
    for (let index = 0; index < count; index++) {
      words[2 * index] = this.#heads[count - 1 - index] as number;
      words[2 * index + 1] = this.#operands[count - 1 - index] as number;
    }
    return new Uint8Array(words.buffer);
  }
}
