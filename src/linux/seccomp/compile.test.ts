// Our filters against libseccomp's: both programs run over every number of every architecture, and arguments around every
// value of the rules. libseccomp is driven as runc drives it, and runc's ENOSYS stub stands before it.

import { closeSync, existsSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import fc from 'fast-check';
import koffi from 'koffi';
import { describe, it } from 'mocha';
import type { LinuxSeccomp, LinuxSeccompArg, Spec } from '../../spec/types.ts';
import { useDoor } from '../sys/current.ts';
import { openKoffiDoor } from '../sys/koffi.ts';
import { errnoReturn, returnOf } from './actions.ts';
import { compileSeccomp } from './compile.ts';
import { ARCHITECTURES, numbersOf } from './tables.ts';

interface Data {
  readonly nr: number;
  readonly arch: number;
  readonly args: readonly bigint[];
}

/** Classic BPF over struct seccomp_data, as the kernel runs it. */
function interpret(filter: Uint8Array, { nr, arch, args }: Data): number {
  const data = new DataView(new ArrayBuffer(64));
  data.setUint32(0, nr, true);
  data.setUint32(4, arch, true);
  for (const [index, arg] of args.entries()) data.setBigUint64(16 + 8 * index, arg, true);
  const view = new DataView(filter.buffer, filter.byteOffset, filter.byteLength);
  let a = 0;
  for (let pc = 0; ; pc++) {
    const k = view.getUint32(8 * pc + 4, true);
    const jumps = (holds: boolean) => view.getUint8(8 * pc + (holds ? 2 : 3));
    switch (view.getUint16(8 * pc, true)) {
      case 0x20:
        a = data.getUint32(k, true);
        break;
      case 0x54:
        a = (a & k) >>> 0;
        break;
      case 0x05:
        pc += k;
        break;
      case 0x15:
        pc += jumps(a === k);
        break;
      case 0x25:
        pc += jumps(a > k);
        break;
      case 0x35:
        pc += jumps(a >= k);
        break;
      case 0x06:
        return k;
      default:
        throw new Error(`unknown instruction at ${pc}`);
    }
  }
}

/** libseccomp's own numbers: SCMP_ARCH_X32 has a bit of the audit number less. */
const token = (name: string): number => {
  const audit = ARCHITECTURES[name]?.audit ?? 0;
  return name === 'SCMP_ARCH_X32' ? 0x4000003e : audit;
};

const OPERATORS = ['', 'NE', 'LT', 'LE', 'EQ', 'GE', 'GT', 'MASKED_EQ'];

function openReference() {
  const library = koffi.load('libseccomp.so.2');
  koffi.struct('scmp_arg_cmp', { arg: 'uint32', op: 'int', a: 'uint64', b: 'uint64' });
  return {
    init: library.func('void *seccomp_init(uint32)'),
    release: library.func('void seccomp_release(void *)'),
    addArch: library.func('int seccomp_arch_add(void *, uint32)'),
    addRule: library.func('int seccomp_rule_add_array(void *, uint32, int, uint32, scmp_arg_cmp *)'),
    resolve: library.func('int seccomp_syscall_resolve_name(const char *)'),
    export: library.func('int seccomp_export_bpf(void *, int)'),
  };
}

const isInstalled = (): boolean => {
  try {
    koffi.load('libseccomp.so.2');
    return true;
  } catch {
    return false;
  }
};

/** What libseccomp calls an action: SCMP_ACT_* has its own numbers, equal to the kernel's. */
const actionOf = returnOf;

function conditions(args: readonly LinuxSeccompArg[]) {
  return args.map(({ index, op, value, valueTwo }) => ({
    arg: index,
    op: OPERATORS.indexOf(op.slice(9)),
    a: value,
    b: valueTwo ?? 0,
  }));
}

/** The rules of one entry as runc adds them: alternatives where an argument is named twice. */
function rulesOf(args: readonly LinuxSeccompArg[]): (readonly LinuxSeccompArg[])[] {
  const distinct = new Set(args.map((arg) => arg.index)).size === args.length;
  return distinct ? [args] : args.map((arg) => [arg]);
}

let reference: ReturnType<typeof openReference> | undefined;

function referenceFilter(profile: LinuxSeccomp): Uint8Array {
  reference ??= openReference();
  const lib = reference;
  const fallback = actionOf(profile.defaultAction, profile.defaultErrnoRet);
  const context = lib.init(fallback);
  const directory = mkdtempSync(join(tmpdir(), 'seccomp-'));
  try {
    for (const name of profile.architectures ?? []) lib.addArch(context, token(name));
    for (const entry of profile.syscalls ?? []) {
      const action = actionOf(entry.action, entry.errnoRet);
      if (action === fallback) continue;
      for (const name of entry.names) {
        const nr = lib.resolve(name);
        if (nr === -1) continue;
        for (const rule of rulesOf(entry.args ?? [])) lib.addRule(context, action, nr, rule.length, conditions(rule));
      }
    }
    const fd = openSync(join(directory, 'bpf'), 'w');
    const failed = lib.export(context, fd);
    closeSync(fd);
    if (failed !== 0) throw new Error(`seccomp_export_bpf: ${failed}`);
    return new Uint8Array(readFileSync(join(directory, 'bpf')));
  } finally {
    lib.release(context);
    rmSync(directory, { recursive: true });
  }
}

/** Last number that the profile names, with the architecture's offset; infinite when it names none. */
function lastNamed(profile: LinuxSeccomp, arch: string): number {
  const architecture = ARCHITECTURES[arch] as (typeof ARCHITECTURES)[string];
  const numbers = numbersOf(architecture);
  const named = (profile.syscalls ?? []).flatMap((entry) => entry.names.map((name) => numbers.get(name) ?? -1));
  const last = Math.max(-1, ...named);
  return last < 0 ? Number.POSITIVE_INFINITY : last + (architecture.offset ?? 0);
}

function stubbed(profile: LinuxSeccomp, arch: string, data: Data): boolean {
  const fallback = actionOf(profile.defaultAction, profile.defaultErrnoRet);
  const permissive = ['SCMP_ACT_ALLOW', 'SCMP_ACT_LOG', 'SCMP_ACT_TRACE'].includes(profile.defaultAction);
  const last = lastNamed(profile, arch);
  const own = ((data.nr & 0x40000000) !== 0) === (arch === 'SCMP_ARCH_X32');
  return !permissive && fallback !== errnoReturn(38) && own && data.nr > last;
}

/** Values around those that the rules compare with, in every argument. */
function argumentSets(profile: LinuxSeccomp): bigint[][] {
  const values = new Set<bigint>([0n, 1n, 0xffffffffn, 0x100000000n, 2n ** 64n - 1n]);
  for (const entry of profile.syscalls ?? []) {
    for (const arg of entry.args ?? []) {
      for (const value of [BigInt(arg.value), BigInt(arg.valueTwo ?? 0)]) {
        for (const near of [value - 1n, value, value + 1n, value ^ (1n << 32n)]) values.add(BigInt.asUintN(64, near));
      }
    }
  }
  const list = [...values];
  const sets = list.map((value) => Array.from({ length: 6 }, () => value));
  for (let round = 0; round < 24; round++) {
    sets.push(
      Array.from({ length: 6 }, (_, index) => list[(round * 7 + index * 13 + round * index) % list.length] as bigint),
    );
  }
  return sets;
}

/** Throws with the first call on which the two programs differ. */
function compare(profile: LinuxSeccomp, numbersWithArguments: ReadonlySet<string>): number {
  const ours = compileSeccomp(profile, 'x64').filter;
  const theirs = referenceFilter(profile);
  const archs = [...new Set(['SCMP_ARCH_X86_64', ...(profile.architectures ?? [])])];
  const sets = argumentSets(profile);
  let count = 0;
  for (const arch of archs) {
    const architecture = ARCHITECTURES[arch] as (typeof ARCHITECTURES)[string];
    const offset = architecture.offset ?? 0;
    const numbers = numbersOf(architecture);
    const rich = new Set([...numbers].filter(([name]) => numbersWithArguments.has(name)).map(([, nr]) => nr));
    for (const nr of [...Array(600).keys(), 1000, 0x3ffffffe]) {
      for (const args of rich.has(nr) ? sets : sets.slice(0, 1)) {
        const data = { nr: nr + offset, arch: architecture.audit, args };
        const expected = stubbed(profile, arch, data) ? errnoReturn(38) : interpret(theirs, data);
        const found = interpret(ours, data);
        count++;
        if (found !== expected) {
          throw new Error(
            `${arch} ${nr} (${args.join(', ')}): ${found.toString(16)}, libseccomp has ${expected.toString(16)}`,
          );
        }
      }
    }
  }
  const foreign = [0, 0x1234, 0xc00000b7].map((arch) => ({ nr: 1, arch }));
  const x32 = archs.includes('SCMP_ARCH_X32') ? [] : [{ nr: 0x40000001, arch: 0xc000003e }];
  for (const place of [...foreign, ...x32]) {
    const data = { ...place, args: [0n, 0n, 0n, 0n, 0n, 0n] };
    expect(interpret(ours, data), JSON.stringify(place)).to.equal(interpret(theirs, data));
  }
  return count;
}

const withArguments = (profile: LinuxSeccomp): Set<string> =>
  new Set((profile.syscalls ?? []).filter((e) => (e.args ?? []).length > 0).flatMap((e) => e.names));

const FIXTURES = ['conformance/fixtures/configs', '../shared/reference/configs'].find((path) => existsSync(path));

function* engineProfiles(): Generator<[string, LinuxSeccomp]> {
  if (FIXTURES === undefined) return;
  for (const file of readdirSync(FIXTURES)) {
    const spec = JSON.parse(readFileSync(join(FIXTURES, file), 'utf8')) as Spec;
    if (spec.linux?.seccomp !== undefined) yield [file, spec.linux.seccomp];
  }
}

describe('compileSeccomp beside libseccomp', function () {
  this.timeout(120_000);

  before(function () {
    useDoor(openKoffiDoor());
    if (!isInstalled()) {
      console.log('    skipped: libseccomp.so.2 is not installed');
      this.skip();
    }
  });

  it('gives the same verdicts for the profiles of the engines', function () {
    const seen = new Set<string>();
    for (const [file, profile] of engineProfiles()) {
      const text = JSON.stringify(profile);
      if (seen.has(text)) continue;
      seen.add(text);
      try {
        expect(compare(profile, withArguments(profile))).to.be.greaterThan(600);
      } catch (error) {
        throw new Error(`${file}: ${(error as Error).message}`);
      }
    }
    if (seen.size === 0) {
      console.log('    skipped: no configurations of engines are here');
      this.skip();
    }
  });

  const NAMES = [
    'read',
    'write',
    'open',
    'clone',
    'socket',
    'personality',
    'ioctl',
    'prctl',
    'futex',
    'openat2',
    'nosuch',
  ];
  const ACTIONS = ['ALLOW', 'ERRNO', 'KILL', 'KILL_PROCESS', 'LOG', 'TRAP', 'TRACE'].map((name) => `SCMP_ACT_${name}`);
  const value = fc.oneof(fc.bigInt(0n, 5n), fc.bigInt(0n, 2n ** 64n - 1n), fc.constant(0x100000000n));
  const argument = fc.record({
    index: fc.nat(5),
    op: fc.constantFrom(...OPERATORS.slice(1).map((name) => `SCMP_CMP_${name}`)),
    value,
    valueTwo: value,
  });

  /**
   * One rule a name: what overlapping rules with different actions mean, libseccomp decides by its own sorting.
   * Alternatives on one argument are equalities: of inequalities libseccomp 2.5.4 joins the high words wrongly
   * (arg > 2^32 or arg <= 0 holds for 1 there).
   */
  const profiles = fc
    .record({
      defaultAction: fc.constantFrom(...ACTIONS),
      architectures: fc.subarray(['SCMP_ARCH_X86_64', 'SCMP_ARCH_X86', 'SCMP_ARCH_X32']),
      rules: fc.uniqueArray(
        fc.record({
          name: fc.constantFrom(...NAMES),
          action: fc.constantFrom(...ACTIONS),
          args: fc.oneof(
            fc.uniqueArray(argument, { selector: (arg) => arg.index, maxLength: 3 }),
            fc.array(
              argument.map((arg) => ({ ...arg, index: 1, op: 'SCMP_CMP_EQ' })),
              { maxLength: 3 },
            ),
          ),
        }),
        { selector: (rule) => rule.name, maxLength: 8 },
      ),
    })
    .map(({ rules, ...rest }) => ({
      ...rest,
      syscalls: rules.map(({ name, ...rule }) => ({ names: [name], ...rule })),
    }));

  it('gives the same verdicts for generated profiles', () => {
    fc.assert(
      fc.property(profiles, (profile) => {
        compare(profile, withArguments(profile));
      }),
      { numRuns: 60 },
    );
  });
});
