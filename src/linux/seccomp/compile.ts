// config-linux.md, "Seccomp": a profile compiled to classic BPF. Pure; no libseccomp.
//
//   load the architecture ─▶ one section an architecture ─▶ a balanced tree over the numbers ─▶ action, or conditions
//
// COMPAT: the semantics are those of libseccomp as runc drives it: the native architecture is always there, another one
// is killed; a rule whose action is the default one is dropped; a rule without conditions wins over those with; names
// that an architecture does not have are passed over; conditions on the same argument are alternatives; and what is newer
// than every name of the profile gets ENOSYS, so that programs fall back, unless the default action allows.

import type { LinuxSeccomp, LinuxSeccompArg, LinuxSyscall } from '../../spec/types.ts';
import { errnoReturn, flagsOf, returnOf } from './actions.ts';
import { ARCH, type Code, decide, encode, guarded, load, NR, type Range, result } from './bpf.ts';
import { guard } from './conditions.ts';
import { SOCKET_CALLS } from './multiplex.ts';
import { ARCHITECTURES, type Architecture, architectureOf, nativeArchitecture, numbersOf } from './tables.ts';

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

interface Rule {
  /** All must hold. */
  readonly conditions: readonly LinuxSeccompArg[];
  readonly action: number;
}

type Rules = Map<number, Rule[]>;

/** Conditions on one argument twice are alternatives: a rule each. */
function rulesOf(entry: LinuxSyscall, action: number): Rule[] {
  const conditions = entry.args ?? [];
  const distinct = new Set(conditions.map((arg) => arg.index)).size === conditions.length;
  return distinct ? [{ conditions, action }] : conditions.map((condition) => ({ conditions: [condition], action }));
}

function addRules(rules: Rules, nr: number, added: readonly Rule[]): void {
  const known = rules.get(nr);
  if (known === undefined) rules.set(nr, [...added]);
  else known.push(...added);
}

/** Rules of one architecture by number (without its offset), and the last number that the profile names. */
function collect(profile: LinuxSeccomp, architecture: Architecture, fallback: number): { rules: Rules; last: number } {
  const numbers = numbersOf(architecture);
  const rules: Rules = new Map();
  let last = -1;
  for (const entry of profile.syscalls ?? []) {
    const action = returnOf(entry.action, entry.errnoRet);
    const added = action === fallback ? [] : rulesOf(entry, action);
    for (const name of entry.names) {
      const nr = numbers.get(name);
      if (nr !== undefined) {
        if (nr > last) last = nr;
        if (added.length > 0) addRules(rules, nr, added);
      }
      if (architecture.table === 'x86' && added.length > 0) addMultiplexed(rules, name, added, numbers);
    }
  }
  return { rules, last };
}

/** KERNEL: on x86 the calls on sockets are also numbers of socketcall(2), and those of System V IPC of ipc(2). */
function addMultiplexed(
  rules: Rules,
  name: string,
  added: readonly Rule[],
  numbers: ReadonlyMap<string, number>,
): void {
  const call = SOCKET_CALLS[name];
  const nr = call === undefined ? undefined : numbers.get(call[0]);
  if (call === undefined || nr === undefined) return;
  const selector: LinuxSeccompArg = { index: 0, value: call[1], op: 'SCMP_CMP_EQ' };
  // The arguments are behind a pointer there: a rule with conditions cannot look at them.
  const usable = added.filter((rule) => rule.conditions.length === 0);
  if (usable.length > 0)
    addRules(
      rules,
      nr,
      usable.map(({ action }) => ({ conditions: [selector], action })),
    );
}

/** What happens with one number: an action, or conditions tried in the profile's order. */
function codeOf(rules: readonly Rule[], bits: 32 | 64, fallback: number): Code {
  const certain = rules.find((rule) => rule.conditions.length === 0);
  if (certain !== undefined) return [result(certain.action)];
  let code: Code = [];
  for (const rule of rules) {
    const body = rule.conditions.reduceRight<Code>((inner, arg) => guard(arg, bits, inner), [result(rule.action)]);
    code = [...code, ...body];
  }
  return [...code, result(fallback)];
}

const isPlain = (code: Code): boolean => code.length === 1;

/** Ranges of numbers with one fate; neighbours with the same action are one. */
function rangesOf(rules: Rules, offset: number, bits: 32 | 64, fallback: number, beyond: Range | undefined): Range[] {
  const ranges: Range[] = [];
  const add = (from: number, code: Code): void => {
    const before = ranges.at(-1);
    if (before !== undefined && isPlain(before.code) && isPlain(code) && before.code[0]?.[3] === code[0]?.[3]) return;
    if (before?.from === from) ranges.pop();
    ranges.push({ from, code });
  };
  const other: Code = [result(fallback)];
  add(offset, other);
  for (const nr of [...rules.keys()].sort((a, b) => a - b)) {
    if (ranges.at(-1)?.from === offset + nr) ranges.pop();
    add(offset + nr, codeOf(rules.get(nr) as Rule[], bits, fallback));
    add(offset + nr + 1, other);
  }
  if (beyond !== undefined) {
    if (ranges.at(-1)?.from === beyond.from) ranges.pop();
    add(beyond.from, beyond.code);
  }
  return ranges;
}

function section(profile: LinuxSeccomp, architecture: Architecture, fallback: number): Range[] {
  const { rules, last } = collect(profile, architecture, fallback);
  const offset = architecture.offset ?? 0;
  const permissive = ['SCMP_ACT_ALLOW', 'SCMP_ACT_LOG', 'SCMP_ACT_TRACE'].includes(profile.defaultAction);
  const wanted = !permissive && last >= 0 && fallback !== errnoReturn(ENOSYS);
  const beyond = wanted ? { from: offset + last + 1, code: [result(errnoReturn(ENOSYS))] } : undefined;
  return rangesOf(rules, offset, architecture.bits, fallback, beyond);
}

/** Sections of the architectures that share an audit number: x86-64 below bit 30, x32 above. */
function merged(profile: LinuxSeccomp, names: readonly string[], fallback: number): Code {
  const all = names.map(architectureOf).sort((a, b) => (a.offset ?? 0) - (b.offset ?? 0));
  const ranges = all.flatMap((architecture) => section(profile, architecture, fallback));
  if (all[0]?.table === 'x86_64' && all.length === 1) {
    const kept = ranges.filter((range) => range.from < X32_BIT);
    return [load(NR), ...decide([...kept, { from: X32_BIT, code: [result(BAD_ARCHITECTURE)] }])];
  }
  if ((ranges[0]?.from ?? 0) > 0) ranges.unshift({ from: 0, code: [result(BAD_ARCHITECTURE)] });
  return [load(NR), ...decide(ranges)];
}

/** Throws ERR_SPEC_CHECK for unknown actions, operators, flags and architectures. */
export function compileSeccomp(profile: LinuxSeccomp, host: 'x64' | 'arm64'): CompiledSeccomp {
  const fallback = returnOf(profile.defaultAction, profile.defaultErrnoRet);
  const wanted = new Set([nativeArchitecture(host), ...(profile.architectures ?? [])]);
  for (const name of wanted) architectureOf(name);
  // Native first: it is asked for most.
  const names = [...wanted].sort(
    (a, b) => Number(b === nativeArchitecture(host)) - Number(a === nativeArchitecture(host)),
  );
  const audits = [...new Set(names.map((name) => architectureOf(name).audit))];
  const sections = audits.map((audit) => {
    const group = Object.keys(ARCHITECTURES).filter((name) => wanted.has(name) && ARCHITECTURES[name]?.audit === audit);
    return guarded(audit, merged(profile, group, fallback));
  });
  const code = [load(ARCH), ...sections.flat(), result(BAD_ARCHITECTURE)];
  const entries = profile.syscalls ?? [];
  const notify = [profile.defaultAction, ...entries.map((entry) => entry.action)].includes('SCMP_ACT_NOTIFY');
  return { filter: encode(code), flags: flagsOf(profile.flags), notify };
}
