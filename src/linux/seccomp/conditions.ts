// config-linux.md, "Seccomp": the operators on arguments. Each condition stands before the code that it guards, and skips
// it when it does not hold.

import { TsociError } from '../../errors.ts';
import type { LinuxSeccompArg } from '../../spec/types.ts';
import { and, argumentOffset, type Code, JEQ, JGE, JGT, jump, load } from './bpf.ts';

const low = (value: bigint): number => Number(value & 0xffffffffn);
const high = (value: bigint): number => Number(value >> 32n);

type Guard = (body: number) => Code;

/** 64-bit comparisons: the high words decide, unless they are equal. `body` is the length of what is guarded. */
function wide(op: string, value: bigint, hi: Code[number], lo: Code[number]): Guard | undefined {
  const [h, l] = [high(value), low(value)];
  switch (op) {
    case 'SCMP_CMP_EQ':
      return (body) => [hi, jump(JEQ, h, 0, 2 + body), lo, jump(JEQ, l, 0, body)];
    case 'SCMP_CMP_NE':
      return (body) => [hi, jump(JEQ, h, 0, 2), lo, jump(JEQ, l, body, 0)];
    case 'SCMP_CMP_GE':
      return (body) => [hi, jump(JGT, h, 3, 0), jump(JEQ, h, 0, 2 + body), lo, jump(JGE, l, 0, body)];
    case 'SCMP_CMP_GT':
      return (body) => [hi, jump(JGT, h, 3, 0), jump(JEQ, h, 0, 2 + body), lo, jump(JGT, l, 0, body)];
    case 'SCMP_CMP_LT':
      return (body) => [hi, jump(JGT, h, 3 + body, 0), jump(JEQ, h, 0, 2), lo, jump(JGE, l, body, 0)];
    case 'SCMP_CMP_LE':
      return (body) => [hi, jump(JGT, h, 3 + body, 0), jump(JEQ, h, 0, 2), lo, jump(JGT, l, body, 0)];
    default:
      return undefined;
  }
}

function narrow(op: string, value: bigint, lo: Code[number]): Guard | undefined {
  const l = low(value);
  switch (op) {
    case 'SCMP_CMP_EQ':
      return (body) => [lo, jump(JEQ, l, 0, body)];
    case 'SCMP_CMP_NE':
      return (body) => [lo, jump(JEQ, l, body, 0)];
    case 'SCMP_CMP_GE':
      return (body) => [lo, jump(JGE, l, 0, body)];
    case 'SCMP_CMP_GT':
      return (body) => [lo, jump(JGT, l, 0, body)];
    case 'SCMP_CMP_LT':
      return (body) => [lo, jump(JGE, l, body, 0)];
    case 'SCMP_CMP_LE':
      return (body) => [lo, jump(JGT, l, body, 0)];
    default:
      return undefined;
  }
}

/** `value` is the mask, `valueTwo` what the masked argument is compared with. */
function masked(arg: LinuxSeccompArg, bits: 32 | 64, hi: Code[number], lo: Code[number]): Guard {
  const mask = BigInt(arg.value);
  // COMPAT: bits outside of the mask do not count, as with libseccomp.
  const datum = BigInt(arg.valueTwo ?? 0) & mask;
  const lowPart = (body: number): Code => [lo, and(low(mask)), jump(JEQ, low(datum), 0, body)];
  if (bits === 32) return lowPart;
  return (body) => [hi, and(high(mask)), jump(JEQ, high(datum), 0, 3 + body), ...lowPart(body)];
}

/** `body` behind the condition `arg`; with 32 bits only the low word of an argument counts. */
export function guard(arg: LinuxSeccompArg, bits: 32 | 64, body: Code): Code {
  const hi = load(argumentOffset(arg.index, 'high'));
  const lo = load(argumentOffset(arg.index, 'low'));
  const value = BigInt(arg.value);
  const made =
    arg.op === 'SCMP_CMP_MASKED_EQ'
      ? masked(arg, bits, hi, lo)
      : bits === 64
        ? wide(arg.op, value, hi, lo)
        : narrow(arg.op, value, lo);
  if (made === undefined) throw new TsociError('ERR_SPEC_CHECK', `unknown seccomp operator "${arg.op}"`);
  return [...made(body.length), ...body];
}
