// A message of D-Bus: header and body (its specification, "Message Format"). Pure.

import { TsociError } from '../../../errors.ts';
import { marshal, unmarshal, type Value, type Variant } from './marshal.ts';

export interface Call {
  readonly destination: string;
  readonly path: string;
  readonly interface: string;
  readonly member: string;
  readonly signature: string;
  readonly body: readonly Value[];
}

export interface Message {
  readonly type: number;
  /** Of the call that it answers; 0 for a signal. */
  readonly replySerial: number;
  readonly member: string;
  readonly errorName: string;
  readonly body: readonly Value[];
}

const METHOD_CALL = 1;
export const ERROR = 3;
export const SIGNAL = 4;

const FIELD = { path: 1, interface: 2, member: 3, errorName: 4, replySerial: 5, destination: 6, signature: 8 } as const;

const LITTLE_ENDIAN = 0x6c;
const VERSION = 1;
const FIXED = 16;
/** The specification's limit of one message. */
const MOST = 2 ** 27;

const aligned = (bytes: number): number => Math.ceil(bytes / 8) * 8;

export function encodeCall(call: Call, serial: number): Uint8Array {
  const body = marshal(call.signature, call.body);
  const fields: [number, Variant][] = [
    [FIELD.path, { signature: 'o', value: call.path }],
    [FIELD.interface, { signature: 's', value: call.interface }],
    [FIELD.member, { signature: 's', value: call.member }],
    [FIELD.destination, { signature: 's', value: call.destination }],
  ];
  if (call.signature !== '') fields.push([FIELD.signature, { signature: 'g', value: call.signature }]);
  const header = marshal('yyyyuua(yv)', [LITTLE_ENDIAN, METHOD_CALL, 0, VERSION, body.length, serial, fields]);
  const bytes = new Uint8Array(aligned(header.length) + body.length);
  bytes.set(header);
  bytes.set(body, aligned(header.length));
  return bytes;
}

/** Bytes of the message that `bytes` begins with; none as long as its header is not there. Throws ERR_CGROUP. */
export function messageLength(bytes: Uint8Array): number | undefined {
  if (bytes.length < FIXED) return undefined;
  if (bytes[0] !== LITTLE_ENDIAN) throw new TsociError('ERR_CGROUP', 'dbus: a message of another byte order');
  const [, , , , body, , fields] = unmarshal('yyyyuuu', bytes) as number[];
  const length = aligned(FIXED + (fields as number)) + (body as number);
  if (length > MOST) throw new TsociError('ERR_CGROUP', `dbus: a message of ${length} bytes`);
  return length;
}

/** `bytes` are one whole message. Throws ERR_CGROUP for what is none. */
export function decodeMessage(bytes: Uint8Array): Message {
  const [, type, , , bodyLength, , pairs] = unmarshal('yyyyuua(yv)', bytes);
  const fields = new Map((pairs as [number, Variant][]).map(([code, { value }]) => [code, value]));
  const text = (code: number): string => (fields.get(code) as string | undefined) ?? '';
  const body = bytes.subarray(bytes.length - (bodyLength as number));
  return {
    type: type as number,
    replySerial: (fields.get(FIELD.replySerial) as number | undefined) ?? 0,
    member: text(FIELD.member),
    errorName: text(FIELD.errorName),
    body: unmarshal(text(FIELD.signature), body),
  };
}
