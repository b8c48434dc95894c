// config-linux.md, "Seccomp": a profile compiled to classic BPF. Pure; no libseccomp.
//
//   load the architecture ─▶ one section an architecture ─▶ a balanced tree over the numbers ─▶ action, or conditions
//
// COMPAT: the semantics are those of libseccomp as runc drives it: the native architecture is always there, another one
// is killed; a rule whose action is the default one is dropped; a rule without conditions wins over those with; names
// that an architecture does not have are passed over; conditions on the same argument are alternatives; and what is newer
// than every name of the profile gets ENOSYS, so that programs fall back, unless the default action allows.

import type { LinuxSeccomp } from '../../spec/types.ts';
import { errnoReturn, flagsOf, returnOf } from './actions.ts';
import { ARCH, NR, Program } from './bpf.ts';
import { guard } from './conditions.ts';
import { type Fates, fatesOf, type Rule } from './rules.ts';
import { ARCHITECTURES, type Architecture, architectureOf, nativeArchitecture } from './tables.ts';

const ENOSYS = 38;
const X32_BIT = 0x40000000;
const BAD_ARCHITECTURE = 0; // SECCOMP_RET_KILL_THREAD

export interface CompiledSeccomp {
  /** struct sock_filter[], 8 bytes each. */
  readonly filter: Uint8Array;
  /** SECCOMP_FILTER_FLAG_*. */
  readonly flags: number;
  /** The filter has a listener. */
  readonly notify: boolean;
}

/** Numbers from `from` to the next range's with one fate: an action, or rules. */
interface Range {
  readonly from: number;
  readonly action: number;
  readonly rules: readonly Rule[] | undefined;
  readonly bits: 32 | 64;
}

/** Ranges of one architecture, ascending; neighbours with the same action are one. */
function rangesOf(fates: Fates, { bits, offset = 0 }: Architecture, fallback: number, beyond: number): Range[] {
  const ranges: Range[] = [];
  let current: Range | undefined;
  const add = (from: number, action: number, rules: readonly Rule[] | undefined): void => {
    if (current !== undefined && rules === undefined && current.rules === undefined && current.action === action)
      return;
    current = { from, action, rules, bits };
    ranges.push(current);
  };
  const end = Math.max(fates.certain.length, fates.last + 1);
  for (let nr = 0; nr < end; nr++) {
    const action = fates.certain[nr];
    add(offset + nr, action ?? fallback, action === undefined ? fates.conditional.get(nr) : undefined);
  }
  add(offset + end, beyond, undefined);
  return ranges;
}

function section(profile: LinuxSeccomp, architecture: Architecture, fallback: number): Range[] {
  const fates = fatesOf(profile, architecture, fallback);
  const permissive = ['SCMP_ACT_ALLOW', 'SCMP_ACT_LOG', 'SCMP_ACT_TRACE'].includes(profile.defaultAction);
  const beyond = permissive || fates.last < 0 ? fallback : errnoReturn(ENOSYS);
  return rangesOf(fates, architecture, fallback, beyond);
}

const plain = (from: number, action: number): Range => ({ from, action, rules: undefined, bits: 64 });

/** Sections of the architectures that share an audit number: x86-64 below bit 30, x32 above. */
function merged(profile: LinuxSeccomp, names: readonly string[], fallback: number): Range[] {
  const all = names.map(architectureOf).sort((a, b) => (a.offset ?? 0) - (b.offset ?? 0));
  const ranges = all.flatMap((architecture) => section(profile, architecture, fallback));
  if (all.length === 1 && all[0]?.table === 'x86_64') return [...ranges, plain(X32_BIT, BAD_ARCHITECTURE)];
  return (ranges[0]?.from ?? 0) > 0 ? [plain(0, BAD_ARCHITECTURE), ...ranges] : ranges;
}

function writeFate(program: Program, { action, rules, bits }: Range, fallback: number): void {
  program.result(rules === undefined ? action : fallback);
  for (const rule of (rules ?? []).toReversed()) {
    const end = program.length;
    program.result(rule.action);
    for (const arg of rule.conditions.toReversed()) guard(program, arg, bits, program.length - end);
  }
}

/** A balanced tree over the accumulator. */
function writeTree(program: Program, ranges: readonly Range[], fallback: number, first = 0, end = ranges.length): void {
  if (end - first === 1) return writeFate(program, ranges[first] as Range, fallback);
  const middle = (first + end) >> 1;
  writeTree(program, ranges, fallback, middle, end);
  const right = program.length;
  writeTree(program, ranges, fallback, first, middle);
  program.branch((ranges[middle] as Range).from, program.length - right);
}

function writeProgram(profile: LinuxSeccomp, wanted: ReadonlySet<string>, native: string): Program {
  const fallback = returnOf(profile.defaultAction, profile.defaultErrnoRet);
  // The native architecture first, so last to be written: it is asked for most.
  const names = [...wanted].sort((a, b) => Number(a === native) - Number(b === native));
  const audits = new Set(names.map((name) => architectureOf(name).audit));
  const program = new Program();
  program.result(BAD_ARCHITECTURE);
  for (const audit of audits) {
    const end = program.length;
    const group = [...wanted].filter((name) => ARCHITECTURES[name]?.audit === audit);
    writeTree(program, merged(profile, group, fallback), fallback);
    program.load(NR);
    program.unless(audit, program.length - end);
  }
  program.load(ARCH);
  return program;
}

/** Throws ERR_SPEC_CHECK for unknown actions, operators, flags and architectures. */
export function compileSeccomp(profile: LinuxSeccomp, host: 'x64' | 'arm64'): CompiledSeccomp {
  const native = nativeArchitecture(host);
  const filter = writeProgram(profile, new Set([native, ...(profile.architectures ?? [])]), native).encode();
  const actions = [profile.defaultAction, ...(profile.syscalls ?? []).map((entry) => entry.action)];
  return { filter, flags: flagsOf(profile.flags), notify: actions.includes('SCMP_ACT_NOTIFY') };
}
