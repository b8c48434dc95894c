// What the door must do, on Node and in the executable alike: each case is a call and what comes of it.

import type { Argument, Door } from '../../src/linux/sys/door.ts';

type Case = readonly [name: string, nr: number, signature: string, ...args: Argument[]];

const GETPID_LIKE = 39;
const bytes = (length: number): Uint8Array => new Uint8Array(length);

/** Calls that must be refused at the border, before the kernel sees them. */
const REFUSED: readonly Case[] = [
  ['too few arguments', GETPID_LIKE, 'i'],
  ['too many arguments', GETPID_LIKE, '', 1],
  ['a fraction', GETPID_LIKE, 'i', 1.5],
  ['not a number', GETPID_LIKE, 'i', Number.NaN],
  ['infinity', GETPID_LIKE, 'i', Number.POSITIVE_INFINITY],
  ['past 2^53', GETPID_LIKE, 'i', 2 ** 53],
  ['a bigint past 2^64', GETPID_LIKE, 'i', 2n ** 64n],
  ['a bigint below -2^63', GETPID_LIKE, 'i', -(2n ** 63n) - 1n],
  ['a string for an integer', GETPID_LIKE, 'i', '1'],
  ['null for an integer', GETPID_LIKE, 'i', null],
  ['undefined for an integer', GETPID_LIKE, 'ii', undefined as unknown as number, 1],
  ['a string for an optional integer', GETPID_LIKE, 'I', '1'],
  ['a number for a string', 21, 'si', 1, 0],
  ['null for a string', 21, 'si', null, 0],
  ['NUL in a string', 21, 'si', '/a\0b', 0],
  ['a string for bytes', 0, 'ib', 0, 'x'],
  ['null for bytes', 0, 'ib', 0, null],
  ['a struct that is too short', 332, 'isiip256', 0, '', 0, 0, bytes(255)],
  ['null for a struct', 332, 'isiip256', 0, '', 0, 0, null],
  ['seven registers', GETPID_LIKE, 'iiiiiii', 0, 0, 0, 0, 0, 0, 0],
  ['seven registers by a buffer', GETPID_LIKE, 'iiiiib', 0, 0, 0, 0, 0, bytes(1)],
  ['a number among strings', 59, 'svv', '/', ['a', 1] as unknown as string[], []],
  ['NUL among strings', 59, 'svv', '/', ['a\0'], []],
  ['a string for strings', 59, 'svv', '/', 'a', []],
  ['a reference past the struct', 46, 'iri', 0, { bytes: bytes(8), refs: [[1, bytes(1)]] }, 0],
  ['a negative reference', 46, 'iri', 0, { bytes: bytes(8), refs: [[-1, bytes(1)]] }, 0],
  ['bytes for a struct with references', 46, 'iri', 0, bytes(8), 0],
];

/** Calls that reach the kernel, with its answer. */
const ANSWERED: readonly Case[] = [
  ['access of a folder', 21, 'si', '/', 0],
  ['access of what is not there', 21, 'si', '/nonexistent-ü', 0],
  ['a bad descriptor', 3, 'i', -1],
  ['an integer that is left out', 21, 'sI', '/'],
  ['a bigint as integer', 3, 'i', 2n ** 64n - 1n],
  ['null where it may be', 431, 'iiSSi', -1, 0, null, null, 0],
  ['an empty buffer', 1, 'ib', -1, bytes(0)],
  ['counted elements', 116, 'n4', bytes(4 * 70_000)],
  ['poll of nothing', 271, 'N8P16Pi', bytes(0), bytes(16), null, 8],
];

function outcome(door: Door, [, nr, signature, ...args]: Case): unknown {
  try {
    return door.bind(nr, signature)(...args);
  } catch (error) {
    return error instanceof TypeError ? 'TypeError' : String(error);
  }
}

/** getcwd writes into our buffer, uname into our struct, a pipe carries what writev's references point to. */
function* written(door: Door): Generator<string> {
  const buffer = new Uint8Array(64);
  door.bind(80, 's')('.');
  const length = door.bind(79, 'b')(buffer);
  yield `getcwd ${length} ${door.decode(buffer.subarray(0, 1))}`;
  const pair = new Uint8Array(8);
  door.bind(53, 'iiip8')(1, 5, 0, pair);
  const view = new DataView(pair.buffer);
  const [left, right] = [view.getInt32(0, true), view.getInt32(4, true)];
  const text = door.encode('grüße');
  const iov = new Uint8Array(16);
  new DataView(iov.buffer).setUint32(8, text.length, true);
  const header = new Uint8Array(56);
  new DataView(header.buffer).setUint32(24, 1, true);
  const sent = door.bind(46, 'iri')(left, { bytes: header, refs: [[16, { bytes: iov, refs: [[0, text]] }]] }, 0);
  const received = new Uint8Array(16);
  const count = door.bind(0, 'ib')(right, received);
  yield `sendmsg ${sent} ${count} ${door.decode(received.subarray(0, count))} ${[...header.subarray(16, 24)].join()}`;
  door.bind(3, 'i')(left);
  door.bind(3, 'i')(right);
}

/** One line a case. */
export function* runCases(door: Door): Generator<string> {
  for (const entry of [...REFUSED, ...ANSWERED]) yield `${entry[0]}: ${outcome(door, entry)}`;
  yield* written(door);
  yield `decode ${door.decode(Uint8Array.of(0x61, 0xff, 0x62))}`;
}

export const REFUSED_COUNT = REFUSED.length;
