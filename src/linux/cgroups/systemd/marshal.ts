// The wire format of D-Bus (its specification, "Marshaling"): values by their signatures, little-endian. Pure.

import { TsociError } from '../../../errors.ts';
import * as sys from '../../sys/index.ts';

/** A value that carries its own type. */
export interface Variant {
  readonly signature: string;
  readonly value: Value;
}

/** Numbers of up to 32 bits are numbers, of 64 bits bigint or number; arrays, structs and dictionary entries are lists. */
export type Value = number | bigint | boolean | string | readonly Value[] | Variant;

/** Bytes of each number; it is aligned to as many. */
const SIZES: Readonly<Record<string, number>> = { y: 1, n: 2, q: 2, i: 4, u: 4, b: 4, h: 4, x: 8, t: 8, d: 8 };
const SIGNED = 'nix';

const malformed = (what: string): TsociError => new TsociError('ERR_CGROUP', `dbus: malformed ${what}`);

function alignmentOf(type: string): number {
  const first = type[0] as string;
  if (first === '(' || first === '{') return 8;
  if (first === 'g' || first === 'v') return 1;
  return SIZES[first] ?? 4;
}

/** Where the complete type that begins at `start` ends. */
function endOfType(signature: string, start: number): number {
  const first = signature[start];
  if (first === 'a') return endOfType(signature, start + 1);
  if (first !== '(' && first !== '{') {
    if (first === undefined || !'ynqiubhxtdsogv'.includes(first)) throw malformed(`signature "${signature}"`);
    return start + 1;
  }
  const closing = first === '(' ? ')' : '}';
  let at = start + 1;
  while (signature[at] !== closing) at = endOfType(signature, at);
  return at + 1;
}

/** `sa(sv)` → `s`, `a(sv)`. Throws ERR_CGROUP for what is no signature. */
export function typesOf(signature: string): string[] {
  const types: string[] = [];
  for (let at = 0; at < signature.length; ) {
    const end = endOfType(signature, at);
    types.push(signature.slice(at, end));
    at = end;
  }
  return types;
}

class Writer {
  readonly bytes: number[] = [];

  align(to: number): void {
    while (this.bytes.length % to !== 0) this.bytes.push(0);
  }

  integer(value: bigint, size: number): void {
    for (let shift = 0; shift < size; shift++) this.bytes.push(Number((value >> BigInt(8 * shift)) & 0xffn));
  }

  text(value: string, sizeOfLength: number): void {
    const bytes = sys.door().encode(value);
    this.integer(BigInt(bytes.length), sizeOfLength);
    this.bytes.push(...bytes, 0);
  }

  array(item: string, values: readonly Value[]): void {
    this.integer(0n, 4);
    const place = this.bytes.length - 4;
    this.align(alignmentOf(item));
    const begin = this.bytes.length;
    for (const value of values) this.value(item, value);
    const length = this.bytes.length - begin;
    for (let shift = 0; shift < 4; shift++) this.bytes[place + shift] = (length >>> (8 * shift)) & 0xff;
  }

  value(type: string, value: Value): void {
    this.align(alignmentOf(type));
    const first = type[0] as string;
    if (first === 'a') this.array(type.slice(1), value as readonly Value[]);
    else if (first === '(' || first === '{') {
      const list = value as readonly Value[];
      for (const [index, member] of typesOf(type.slice(1, -1)).entries()) this.value(member, list[index] as Value);
    } else if (first === 'v') {
      const { signature, value: inner } = value as Variant;
      this.text(signature, 1);
      this.value(signature, inner);
    } else if (first === 's' || first === 'o') this.text(value as string, 4);
    else if (first === 'g') this.text(value as string, 1);
    else if (first === 'd') this.bytes.push(...new Uint8Array(new Float64Array([value as number]).buffer));
    else this.integer(BigInt(value as number | bigint | boolean), SIZES[first] as number);
  }
}

class Reader {
  at = 0;
  readonly bytes: Uint8Array;
  readonly view: DataView;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  take(size: number): number {
    const begin = this.at;
    this.at += size;
    if (this.at > this.bytes.length) throw malformed('message: it ends too early');
    return begin;
  }

  align(to: number): void {
    this.take((to - (this.at % to)) % to);
  }

  number(type: string): Value {
    const size = SIZES[type] as number;
    const begin = this.take(size);
    if (type === 'd') return this.view.getFloat64(begin, true);
    if (size === 8) return type === 'x' ? this.view.getBigInt64(begin, true) : this.view.getBigUint64(begin, true);
    let value = 0;
    for (let index = size - 1; index >= 0; index--) value = value * 256 + (this.bytes[begin + index] as number);
    const half = 2 ** (8 * size - 1);
    if (type === 'b') return value !== 0;
    return SIGNED.includes(type) && value >= half ? value - 2 * half : value;
  }

  text(length: number): string {
    const begin = this.take(length + 1);
    return sys.door().decode(this.bytes.subarray(begin, begin + length));
  }

  array(item: string): Value[] {
    const length = this.number('u') as number;
    this.align(alignmentOf(item));
    const end = this.at + length;
    const values: Value[] = [];
    while (this.at < end) values.push(this.value(item));
    if (this.at !== end) throw malformed('array');
    return values;
  }

  value(type: string): Value {
    this.align(alignmentOf(type));
    const first = type[0] as string;
    if (first === 'a') return this.array(type.slice(1));
    if (first === '(' || first === '{') return typesOf(type.slice(1, -1)).map((member) => this.value(member));
    if (first === 's' || first === 'o') return this.text(this.number('u') as number);
    if (first === 'g') return this.text(this.number('y') as number);
    if (first !== 'v') return this.number(first);
    const signature = this.text(this.number('y') as number);
    if (typesOf(signature).length !== 1) throw malformed(`variant of "${signature}"`);
    return { signature, value: this.value(signature) };
  }
}

/** Throws ERR_CGROUP for what is no signature; a value of another type is an internal error. */
export function marshal(signature: string, values: readonly Value[]): Uint8Array {
  const writer = new Writer();
  for (const [index, type] of typesOf(signature).entries()) writer.value(type, values[index] as Value);
  return Uint8Array.from(writer.bytes);
}

/** Throws ERR_CGROUP for bytes that are none of `signature`. */
export function unmarshal(signature: string, bytes: Uint8Array): Value[] {
  const reader = new Reader(bytes);
  return typesOf(signature).map((type) => reader.value(type));
}
