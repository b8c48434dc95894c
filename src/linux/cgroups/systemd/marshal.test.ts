// D-Bus on the wire: known bytes, values that come back as they were, and bytes that are none.

import { expect } from 'chai';
import fc from 'fast-check';
import { before, describe, it } from 'mocha';
import { useDoor } from '../../sys/current.ts';
import { openRecorder } from '../../sys/recorder.ts';
import { marshal, typesOf, unmarshal, type Value } from './marshal.ts';
import { decodeMessage, encodeCall, messageLength } from './message.ts';

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

/** A signature of one complete type, and a value of it. */
const typed: fc.Arbitrary<readonly [string, Value]> = fc.letrec<{ any: readonly [string, Value] }>((tie) => {
  const leaf = fc.oneof(
    fc.integer({ min: 0, max: 255 }).map((value) => ['y', value] as const),
    fc.integer({ min: -32768, max: 32767 }).map((value) => ['n', value] as const),
    fc.integer().map((value) => ['i', value] as const),
    fc.nat({ max: 0xffffffff }).map((value) => ['u', value] as const),
    fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map((value) => ['x', value] as const),
    fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map((value) => ['t', value] as const),
    fc.double({ noNaN: true }).map((value) => ['d', value] as const),
    fc.boolean().map((value) => ['b', value] as const),
    fc.string({ unit: 'grapheme' }).map((value) => ['s', value] as const),
  );
  const any = tie('any');
  return {
    any: fc.oneof(
      { maxDepth: 4 },
      leaf,
      any.chain(([type, value]) => fc.nat({ max: 3 }).map((n) => [`a${type}`, Array(n).fill(value)] as const)),
      fc
        .array(any, { minLength: 1, maxLength: 4 })
        .map((list) => [`(${list.map(([type]) => type).join('')})`, list.map(([, value]) => value)] as const),
      any.map(([signature, value]) => ['v', { signature, value }] as const),
    ),
  };
}).any;

describe('D-Bus on the wire', () => {
  before(() => useDoor(openRecorder()));

  it('aligns, counts bytes, and ends text with NUL', () => {
    expect(hex(marshal('ys', [7, 'foo']))).to.equal('0700000003000000666f6f00');
    expect(hex(marshal('a(sv)', [[['b', { signature: 't', value: 2n }]]]))).to.equal(
      `18000000${'00000000'}0100000062000174${'00000000'.repeat(2)}0200000000000000`,
    );
    expect(hex(marshal('at', [[]]))).to.equal('0000000000000000');
  });

  it('brings back every value', () => {
    fc.assert(
      fc.property(fc.array(typed, { maxLength: 4 }), (list) => {
        const signature = list.map(([type]) => type).join('');
        const values = list.map(([, value]) => value);
        expect(unmarshal(signature, marshal(signature, values))).to.deep.equal(values);
      }),
    );
  });

  it('refuses what is no signature, and bytes that end too early or are longer than they say', () => {
    for (const signature of ['a', '(s', 'z', '(s}', 'a{'])
      expect(() => typesOf(signature), signature).to.throw(/malformed/);
    const bytes = marshal('as', [['one', 'two']]);
    for (let length = 0; length < bytes.length; length++) {
      expect(() => unmarshal('as', bytes.slice(0, length)), String(length)).to.throw(/malformed/);
    }
    expect(() => unmarshal('ai', Uint8Array.of(3, 0, 0, 0, 1, 0, 0, 0))).to.throw(/malformed/);
  });

  it('survives any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        try {
          if (messageLength(bytes) === bytes.length) decodeMessage(bytes);
        } catch (error) {
          expect(error).to.have.property('code', 'ERR_CGROUP');
        }
      }),
    );
  });

  it('reads the call that it writes, whole', () => {
    const names = { destination: 'a.b', path: '/a', interface: 'a.b.C', member: 'Do' };
    const bytes = encodeCall({ ...names, signature: 'su', body: ['x', 5] }, 9);
    expect(messageLength(bytes.slice(0, 15))).to.equal(undefined);
    expect(messageLength(bytes)).to.equal(bytes.length);
    expect(decodeMessage(bytes)).to.deep.include({ type: 1, member: 'Do', body: ['x', 5] });
  });
});
