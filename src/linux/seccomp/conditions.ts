// config-linux.md, "Seccomp": the operators on arguments. A condition is written before the code that it guards, of `body`
// instructions, which it skips when it does not hold.

import { TsociError } from '../../errors.ts';
import type { LinuxSeccompArg } from '../../spec/types.ts';
import { argumentOffset, JEQ, JGE, JGT, type Program } from './bpf.ts';

const low = (value: bigint): number => Number(value & 0xffffffffn);
const high = (value: bigint): number => Number(value >> 32n);

/** The jump on the low word: [comparison, the body is for when it holds]. */
const COMPARISONS: Readonly<Record<string, readonly [code: number, holds: boolean]>> = {
  SCMP_CMP_EQ: [JEQ, true],
  SCMP_CMP_NE: [JEQ, false],
  SCMP_CMP_GE: [JGE, true],
  SCMP_CMP_LT: [JGE, false],
  SCMP_CMP_GT: [JGT, true],
  SCMP_CMP_LE: [JGT, false],
};

function guardLow(program: Program, arg: LinuxSeccompArg, body: number, value: bigint): void {
  const comparison = COMPARISONS[arg.op];
  if (comparison === undefined) throw new TsociError('ERR_SPEC_CHECK', `unknown seccomp operator "${arg.op}"`);
  const [code, holds] = comparison;
  program.jump(code, low(value), holds ? 0 : body, holds ? body : 0);
  program.load(argumentOffset(arg.index, 'low'));
}

/** The high words decide, unless they are equal: then the low ones, two instructions on. */
function guardHigh(program: Program, arg: LinuxSeccompArg, body: number, value: bigint): void {
  const skip = body + 2;
  const [code, holds] = COMPARISONS[arg.op] as readonly [number, boolean];
  program.jump(JEQ, high(value), 0, holds ? skip : 2);
  if (code !== JEQ) program.jump(JGT, high(value), holds ? 3 : skip + 1, 0);
  program.load(argumentOffset(arg.index, 'high'));
}

/** `value` is the mask, `valueTwo` what the masked argument is compared with. */
function guardMasked(program: Program, arg: LinuxSeccompArg, bits: 32 | 64, body: number): void {
  const mask = BigInt(arg.value);
  // COMPAT: bits outside of the mask do not count, as with libseccomp.
  const datum = BigInt(arg.valueTwo ?? 0) & mask;
  program.jump(JEQ, low(datum), 0, body);
  program.and(low(mask));
  program.load(argumentOffset(arg.index, 'low'));
  if (bits === 32) return;
  program.jump(JEQ, high(datum), 0, body + 3);
  program.and(high(mask));
  program.load(argumentOffset(arg.index, 'high'));
}

/** The condition `arg` before `body` instructions; with 32 bits only the low word of an argument counts. */
export function guard(program: Program, arg: LinuxSeccompArg, bits: 32 | 64, body: number): void {
  if (arg.op === 'SCMP_CMP_MASKED_EQ') return guardMasked(program, arg, bits, body);
  const value = BigInt(arg.value);
  guardLow(program, arg, body, value);
  if (bits === 64) guardHigh(program, arg, body, value);
}
