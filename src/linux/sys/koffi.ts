// The door on Node: libc's syscall(2), called through koffi. It serves the library and the tests; it cannot clone, for a
// multi-threaded process does not survive in its child.

import koffi from 'koffi';
import type { Argument, Door, Refs } from './door.ts';
import { parseJson } from './json.ts';

const libc = koffi.load('libc.so.6');
const invoke = libc.func('long syscall(long, intptr_t, intptr_t, intptr_t, intptr_t, intptr_t, intptr_t)');
const errnoOf = (): number => koffi.errno();

/** What lives as long as one call: buffers whose addresses the kernel gets. */
type Kept = Uint8Array[];

const encoder = new TextEncoder();
const decoder = new TextDecoder();

const addressOf = (bytes: Uint8Array): bigint => (bytes.length === 0 ? 0n : koffi.address(bytes));

function textBytes(text: Argument | undefined, kept: Kept): Uint8Array {
  if (typeof text !== 'string') throw new TypeError('expected a string');
  if (text.includes('\0')) throw new TypeError('NUL in a string');
  const bytes = encoder.encode(`${text}\0`);
  kept.push(bytes);
  return bytes;
}

function integer(value: Argument | undefined): bigint {
  if (typeof value === 'number' && Number.isSafeInteger(value)) return BigInt(value);
  if (typeof value === 'bigint' && value >= -(2n ** 63n) && value < 2n ** 64n) return BigInt.asIntN(64, value);
  throw new TypeError('expected an integer');
}

function vector(value: Argument | undefined, kept: Kept): bigint {
  if (!Array.isArray(value)) throw new TypeError('expected an array of strings');
  const addresses = new BigUint64Array(value.length + 1);
  for (const [index, text] of value.entries()) addresses[index] = addressOf(textBytes(text, kept));
  const bytes = new Uint8Array(addresses.buffer);
  kept.push(bytes);
  return addressOf(bytes);
}

interface Copy {
  readonly from: Uint8Array;
  readonly to: Uint8Array;
  readonly offsets: readonly number[];
}

function struct(value: Argument | undefined, kept: Kept, copies: Copy[], depth = 0): Uint8Array {
  const { bytes, refs } = value as Refs;
  if (depth > 4 || !(bytes instanceof Uint8Array)) throw new TypeError('expected a struct with references');
  const copy = bytes.slice();
  kept.push(copy);
  const view = new DataView(copy.buffer);
  for (const [offset, target] of refs) {
    if (offset < 0 || offset > bytes.length - 8) throw new TypeError('reference outside of the struct');
    const pointed =
      typeof target === 'string'
        ? textBytes(target, kept)
        : target instanceof Uint8Array
          ? target
          : struct(target, kept, copies, depth + 1);
    view.setBigUint64(offset, addressOf(pointed), true);
  }
  copies.push({ from: copy, to: bytes, offsets: refs.map(([offset]) => offset) });
  return copy;
}

/** What the kernel has written into the structs, all but the pointers. */
function writeBack(copies: readonly Copy[]): void {
  for (const { from, to, offsets } of copies) {
    for (const offset of offsets) from.set(to.subarray(offset, offset + 8), offset);
    to.set(from);
  }
}

function bytesOf(kind: string, number: number, value: Argument | undefined): Uint8Array | null {
  if (value === null && (kind === 'B' || kind === 'P')) return null;
  if (!(value instanceof Uint8Array)) throw new TypeError('expected bytes');
  if ((kind === 'p' || kind === 'P') && value.length < number) {
    throw new TypeError(`${value.length} bytes where ${number} are needed`);
  }
  return value;
}

function bufferRegisters(kind: string, number: number, value: Argument | undefined): bigint[] {
  const bytes = bytesOf(kind, number, value);
  const address = bytes === null ? 0n : addressOf(bytes);
  const size = BigInt(bytes?.length ?? 0);
  if (kind === 'b' || kind === 'B') return [address, size];
  if (kind === 'n') return [size / BigInt(number), address];
  if (kind === 'N') return [address, size / BigInt(number)];
  return [address];
}

function registersOf(kind: string, number: number, value: Argument | undefined, kept: Kept, copies: Copy[]): bigint[] {
  switch (kind) {
    case 'I':
      return [value === undefined ? 0n : integer(value)];
    case 'i':
      return [integer(value)];
    case 'S':
    case 's':
      return [value === null && kind === 'S' ? 0n : addressOf(textBytes(value, kept))];
    case 'v':
      return [vector(value, kept)];
    case 'r':
      return [addressOf(struct(value, kept, copies))];
    case 'R': {
      const bytes = struct(value, kept, copies);
      return [addressOf(bytes), BigInt(bytes.length)];
    }
    default:
      return bufferRegisters(kind, number, value);
  }
}

function syscall(nr: number, signature: string, args: readonly (Argument | undefined)[]): number {
  const letters = [...signature.matchAll(/([a-zA-Z])(\d*)/g)];
  if (args.slice(letters.length).some((value) => value !== undefined)) {
    throw new TypeError(`more arguments than the signature "${signature}" has`);
  }
  const kept: Kept = [];
  const copies: Copy[] = [];
  const registers = letters.flatMap(([, kind, number], index) =>
    registersOf(kind as string, Number(number), args[index], kept, copies),
  );
  if (registers.length > 6) throw new TypeError('more than six registers');
  const six = [...registers, 0n, 0n, 0n, 0n, 0n, 0n].slice(0, 6);
  const result = Number(invoke(nr, ...six));
  const errno = result === -1 ? errnoOf() : 0;
  writeBack(copies);
  return errno > 0 ? -errno : result;
}

export const openKoffiDoor = (): Door => ({
  bind:
    (nr, signature, failed) =>
    (...args) => {
      for (;;) {
        const result = syscall(nr, signature, args);
        if (result >= 0 || failed === undefined || !failed(-result, ...args)) return result;
      }
    },
  clone3: () => {
    throw new Error('clone3 needs the executable: Node is multi-threaded');
  },
  encode: (text) => encoder.encode(text),
  decode: (bytes) => decoder.decode(bytes),
  parseJson,
  argv: () => process.argv.slice(2),
  environ: () => Object.entries(process.env).map(([name, value]) => `${name}=${value}`),
  arch: process.arch === 'arm64' ? 'arm64' : 'x64',
  sealed: () => 0,
  load: (name) => {
    throw new TypeError(`no blob "${name}"`);
  },
});
