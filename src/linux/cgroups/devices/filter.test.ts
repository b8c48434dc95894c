// The filter against the rules that it was compiled from: by an interpreter of its instructions, over many devices.

import { expect } from 'chai';
import * as fc from 'fast-check';
import { describe, it } from 'mocha';
import type { LinuxDeviceCgroup } from '../../../spec/types.ts';
import { type DeviceNumbers, deviceAccess, isAllowed } from './access.ts';
import { compileFilter, encodeFilter, type Instruction, OP } from './filter.ts';

/** What the kernel would answer: the few instructions that filters are made of, on 32-bit registers. */
function answerOf(program: readonly Instruction[], device: DeviceNumbers, access: number): boolean {
  const context = new Map([
    [0, ((access << 16) | (device.type === 'b' ? 1 : 2)) >>> 0],
    [4, device.major ?? 0],
    [8, device.minor ?? 0],
  ]);
  const registers = new Uint32Array(11);
  for (let at = 0; ; at++) {
    const { code, dst, src, off, imm } = program[at] as Instruction;
    const value = registers[dst] as number;
    if (code === OP.exit) return registers[0] === 1;
    else if (code === OP.load) registers[dst] = context.get(off) as number;
    else if (code === OP.move) registers[dst] = registers[src] as number;
    else if (code === OP.set) registers[dst] = imm;
    else if (code === OP.and) registers[dst] = value & imm;
    else if (code === OP.shiftRight) registers[dst] = value >>> imm;
    else if (code === OP.ifEqual) at += value === imm >>> 0 ? off : 0;
    else if (code === OP.ifDifferent) at += value !== imm >>> 0 ? off : 0;
    else throw new Error(`instruction ${code.toString(16)}`);
  }
}

const number = fc.constantFrom(undefined, -1, 1, 3, 8, 136, 0xffffffff);
const access = fc.constantFrom('', 'r', 'w', 'm', 'rw', 'rwm', 'rm');
const type = fc.constantFrom('c', 'b', 'a');
const rule: fc.Arbitrary<LinuxDeviceCgroup> = fc.record(
  { allow: fc.boolean(), type, major: number, minor: number, access },
  { requiredKeys: ['allow', 'type', 'access'] },
) as fc.Arbitrary<LinuxDeviceCgroup>;

const device: fc.Arbitrary<DeviceNumbers> = fc.record({
  type: fc.constantFrom('c' as const, 'b' as const),
  major: fc.constantFrom(0, 1, 5, 8, 136, 0xffffffff),
  minor: fc.constantFrom(0, 3, 5, 9, 0xffffffff),
});

/** None where the rules make a hole in each other. */
function accessOf(rules: readonly LinuxDeviceCgroup[]) {
  try {
    return deviceAccess(rules);
  } catch {
    return undefined;
  }
}

describe('compileFilter', () => {
  it('answers for every device and access as the rules do', () => {
    const requests = fc.array(fc.tuple(device, fc.integer({ min: 1, max: 7 })), { minLength: 20, maxLength: 20 });
    fc.assert(
      fc.property(fc.array(rule, { maxLength: 6 }), requests, (rules, all) => {
        const state = accessOf(rules);
        fc.pre(state !== undefined);
        const program = compileFilter(state);
        for (const [node, wanted] of all) {
          expect(answerOf(program, node, wanted)).to.equal(isAllowed(state, node, wanted), JSON.stringify(node));
        }
      }),
      { numRuns: 500 },
    );
  });

  it('allows what every container has, and no more, when nothing is asked for', () => {
    const program = compileFilter(deviceAccess(undefined));
    const table: [DeviceNumbers['type'], number, number, number, boolean][] = [
      ['c', 1, 3, 6, true], //       null, for reading and writing
      ['c', 1, 9, 7, true], //       urandom
      ['c', 5, 2, 6, true], //       ptmx
      ['c', 136, 77, 6, true], //    a pseudo-terminal
      ['c', 1, 1, 2, false], //      mem
      ['c', 10, 200, 6, true], //    net/tun, as with runc
      ['c', 10, 229, 6, false], //   fuse
      ['b', 8, 0, 2, false], //      a disk
      ['b', 8, 0, 1, true], //       mknod of it
      ['b', 1, 3, 2, false], //      a block device of the same numbers as null
    ];
    for (const [kind, major, minor, wanted, allowed] of table) {
      expect(answerOf(program, { type: kind, major, minor }, wanted)).to.equal(allowed, `${kind} ${major}:${minor}`);
    }
  });

  it('denies a request of which one part is denied', () => {
    const program = compileFilter(
      deviceAccess([{ allow: true }, { allow: false, type: 'c', major: 10, minor: 237, access: 'w' }]),
    );
    const node = { type: 'c', major: 10, minor: 237 } as const;
    expect([2, 4, 6].map((wanted) => answerOf(program, node, wanted))).to.deep.equal([true, false, false]);
  });

  it('is two instructions where nothing is to be decided, and 8 bytes each', () => {
    expect(encodeFilter(compileFilter(deviceAccess([{ allow: true }])))).to.deep.equal(
      Uint8Array.of(0xb4, 0, 0, 0, 1, 0, 0, 0, 0x95, 0, 0, 0, 0, 0, 0, 0),
    );
  });
});

describe('deviceAccess', () => {
  it('takes rules in their order: what covers an earlier one takes it back', () => {
    const rules = [
      { allow: true, type: 'c', major: 10, minor: 237 },
      { allow: false, type: 'c', major: 10 },
    ];
    const node = { type: 'c', major: 10, minor: 237 } as const;
    expect(isAllowed(deviceAccess(rules.slice(0, 1)), node, 2)).to.equal(true);
    expect(isAllowed(deviceAccess(rules), node, 2)).to.equal(false);
  });

  it('refuses what cgroup v1 would take for something else, with its place', () => {
    const first = { allow: true, type: 'c', major: 10 };
    expect(() => deviceAccess([first, { ...first, minor: 237, allow: false }])).to.throw(
      '/linux/resources/devices/1: cannot take "c 10:237 rwm" out of "c 10:* rwm"',
    );
    expect(() => deviceAccess([{ allow: true, type: 'x' }])).to.throw('invalid cgroup device type "x"');
    expect(() => deviceAccess([{ allow: true, type: 'c', major: 2 ** 32 }])).to.throw('no device number');
    expect(() => deviceAccess([{ allow: true, type: 'c', access: 'rx' }])).to.throw('no access');
  });
});
