// What is asked of systemd, answered by one that is played: in which order, and what is waited for.

import { expect } from 'chai';
import { beforeEach, describe, it } from 'mocha';
import { useDoor } from '../../sys/current.ts';
import type { Refs } from '../../sys/door.ts';
import { openRecorder, type RecordedCall } from '../../sys/recorder.ts';
import { setUnitProperties, startUnit, stopUnit } from './manager.ts';
import { marshal, type Value, type Variant } from './marshal.ts';
import { decodeMessage, ERROR, SIGNAL } from './message.ts';

const UNIT = { name: 'a.scope', manager: 'system' } as const;
const RETURN = 2;
const FIELD = { member: 3, errorName: 4, replySerial: 5, signature: 8 } as const;

type Fields = readonly (readonly [number, Variant])[];

function encode(type: number, fields: Fields, signature: string, body: readonly Value[]): Uint8Array {
  const bytes = marshal(signature, body);
  const typed: Fields = [...fields, [FIELD.signature, { signature: 'g', value: signature }]];
  const header = marshal('yyyyuua(yv)', [0x6c, type, 0, 1, bytes.length, 1, typed]);
  const message = new Uint8Array(Math.ceil(header.length / 8) * 8 + bytes.length);
  message.set(header);
  message.set(bytes, message.length - bytes.length);
  return message;
}

const ended = (job: string, result: string): Uint8Array =>
  encode(SIGNAL, [[FIELD.member, { signature: 's', value: 'JobRemoved' }]], 'uoss', [1, job, UNIT.name, result]);

/** What systemd has to say to one call: its answer, and signals around it. */
interface Said {
  readonly before?: readonly Uint8Array[];
  readonly signature?: string;
  readonly body?: readonly Value[];
  readonly error?: string;
  readonly after?: readonly Uint8Array[];
}

const job = (path: string, ...results: Uint8Array[]): Said => ({ signature: 'o', body: [path], after: results });
const failed = (name: string): Said => ({ error: `org.freedesktop.systemd1.${name}` });
const version: Said = { signature: 'v', body: [{ signature: 's', value: '257' }] };

function answers(call: Uint8Array, { before = [], signature = '', body = [], error, after = [] }: Said): Uint8Array[] {
  const serial = new DataView(call.buffer, call.byteOffset).getUint32(8, true);
  const to = [FIELD.replySerial, { signature: 'u', value: serial }] as const;
  const name = [FIELD.errorName, { signature: 's', value: error ?? '' }] as const;
  const answer = error === undefined ? encode(RETURN, [to], signature, body) : encode(ERROR, [to, name], 's', [error]);
  return [...before, answer, ...after];
}

/** The one buffer of a struct msghdr. */
function sentBy({ refs }: Refs): Uint8Array {
  const [[, vector] = []] = refs;
  const [[, data] = []] = (vector as Refs).refs;
  return data as Uint8Array;
}

/** The door to a kernel with this systemd. Returns the calls that it has had, as they come. */
function play(say: (member: string, times: number) => Said): string[] {
  const members: string[] = [];
  const pending: number[] = [];
  const hear = (bytes: Uint8Array): void => {
    if (bytes[0] === 0) return void pending.push(...Buffer.from('DATA\r\nOK 1234\r\n'));
    const { member } = decodeMessage(bytes);
    if (member !== 'Subscribe') members.push(member);
    const said = member === 'Subscribe' ? {} : say(member, members.filter((one) => one === member).length);
    for (const message of answers(bytes, said)) pending.push(...message);
  };
  const answer = ({ name, args }: RecordedCall): number => {
    if (name === 'sendmsg') {
      const data = sentBy(args[1] as Refs);
      hear(data);
      return data.length;
    }
    if (name === 'ppoll') {
      // Silence is as long as anybody would wait.
      if (pending.length > 0) (args[0] as Uint8Array)[6] = 1;
      return pending.length > 0 ? 1 : 0;
    }
    if (name !== 'read') return 0;
    const some = pending.splice(0, (args[1] as Uint8Array).length);
    (args[1] as Uint8Array).set(some);
    return some.length;
  };
  useDoor(openRecorder(answer));
  return members;
}

describe('a unit is asked of systemd', () => {
  let isTaken = false;
  beforeEach(() => {
    isTaken = false;
  });
  const start = (): void =>
    startUnit(UNIT, [], 7, () => {
      isTaken = true;
    });

  it('and is there when its own job has ended', () => {
    play(() => job('/j/1', ended('/j/2', 'failed'), ended('/j/1', 'done')));
    expect(start).to.not.throw();
    play(() => ({ before: [ended('/j/1', 'done')], signature: 'o', body: ['/j/1'] }));
    expect(start).to.not.throw();
    play(() => job('/j/1'));
    expect(start).to.throw('timeout waiting for systemd to create a.scope');
  });

  it('and is forgotten when that job fails', () => {
    const members = play((member) => (member === 'StartTransientUnit' ? job('/j/1', ended('/j/1', 'failed')) : {}));
    expect(start).to.throw('error creating systemd unit "a.scope": got "failed"');
    expect(members).to.deep.equal(['StartTransientUnit', 'ResetFailedUnit']);
  });

  it('again where one of the name has failed', () => {
    const members = play((member, times) => {
      if (member !== 'StartTransientUnit') return {};
      return times === 1 ? failed('UnitExists') : job('/j/1', ended('/j/1', 'done'));
    });
    expect(start).to.not.throw();
    expect(members).to.deep.equal(['StartTransientUnit', 'ResetFailedUnit', 'StartTransientUnit']);
    expect(isTaken).to.equal(false);
  });

  it('in vain where somebody else has the name, which is told', () => {
    play((member) => (member === 'StartTransientUnit' ? failed('UnitExists') : {}));
    expect(start).to.throw('unable to start unit "a.scope"');
    expect(isTaken).to.equal(true);
  });

  it('to have other properties, which are in its files on return', () => {
    let isWritten = false;
    let isPending = false;
    play((member) => {
      isWritten ||= isPending; // as systemd has it: after the answer, before the next
      isPending = member === 'SetUnitProperties';
      return member === 'Get' ? version : {};
    });
    setUnitProperties(UNIT, []);
    expect(isWritten).to.equal(true);
  });

  it('to end, which is waited for', () => {
    play((member) => (member === 'StopUnit' ? job('/j/1', ended('/j/1', 'done')) : failed('NoSuchUnit')));
    expect(() => stopUnit(UNIT)).to.not.throw();
    play((member) => (member === 'StopUnit' ? job('/j/1') : {}));
    expect(() => stopUnit(UNIT)).to.throw('timeout waiting for systemd to stop a.scope');
  });

  it('to end, and may be gone already', () => {
    play(() => failed('NoSuchUnit'));
    expect(() => stopUnit(UNIT)).to.not.throw();
    play(() => failed('AccessDenied'));
    expect(() => stopUnit(UNIT)).to.throw('unable to stop unit "a.scope"');
  });
});
