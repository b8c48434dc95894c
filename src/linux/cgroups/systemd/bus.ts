// A connection with systemd: D-Bus over a unix socket, one call at a time, with a deadline for all of it.

import { TsociError } from '../../../errors.ts';
import { variableOf } from '../../environment.ts';
import * as sys from '../../sys/index.ts';
import { type Address, addressesOf, type Manager } from './addresses.ts';
import type { Value } from './marshal.ts';
import { type Call, decodeMessage, ERROR, encodeCall, type Message, messageLength, SIGNAL } from './message.ts';

/** Milliseconds that one errand at systemd may take. */
const TIMEOUT = 30_000;
const CHUNK = 65_536;

export interface Failure {
  /** `org.freedesktop.systemd1.NoSuchUnit`. */
  readonly name: string;
  readonly text: string;
}

/** What was answered: values, or an error of the other side. */
export type Reply = { readonly body: readonly Value[]; readonly failure?: undefined } | { readonly failure: Failure };

const SYSTEMD = { destination: 'org.freedesktop.systemd1', path: '/org/freedesktop/systemd1' } as const;
const MANAGER = { ...SYSTEMD, interface: 'org.freedesktop.systemd1.Manager' } as const;
const DAEMON = 'org.freedesktop.DBus';
const BUS = { destination: DAEMON, path: '/org/freedesktop/DBus', interface: DAEMON } as const;
const JOBS = `type='signal',path='${MANAGER.path}',interface='${MANAGER.interface}',member='JobRemoved'`;

const timedOut = (what: string): TsociError =>
  new TsociError('ERR_CGROUP', `timeout waiting for systemd to ${what} (${TIMEOUT / 1000} s)`);

export class Bus {
  readonly #socket: number;
  readonly #deadline = sys.monotonicMillis() + TIMEOUT;
  #serial = 0;
  #received = new Uint8Array(0);
  /** Ends of jobs that came while something else was waited for. */
  readonly #ended: Message[] = [];

  constructor(socket: number) {
    this.#socket = socket;
  }

  send(bytes: Uint8Array): void {
    let rest = bytes;
    while (rest.length > 0) rest = rest.subarray(sys.sendBytes(this.#socket, rest));
  }

  /** More bytes; throws ERR_CGROUP at the deadline, and when the other side is gone. */
  #receive(what: string): void {
    const left = this.#deadline - sys.monotonicMillis();
    if (left <= 0 || sys.poll([this.#socket], left).length === 0) throw timedOut(what);
    const chunk = new Uint8Array(CHUNK);
    const count = sys.read(this.#socket, chunk);
    if (count === 0) throw new TsociError('ERR_CGROUP', 'dbus: systemd has closed the connection');
    const joined = new Uint8Array(this.#received.length + count);
    joined.set(this.#received);
    joined.set(chunk.subarray(0, count), this.#received.length);
    this.#received = joined;
  }

  #take(length: number): Uint8Array {
    const bytes = this.#received.slice(0, length);
    this.#received = this.#received.slice(length);
    return bytes;
  }

  /** A line of the greeting, without its end. */
  line(): string {
    for (;;) {
      const end = this.#received.indexOf(10);
      if (end >= 0)
        return sys
          .door()
          .decode(this.#take(end + 1))
          .trimEnd();
      this.#receive('greet');
    }
  }

  #message(what: string): Message {
    for (;;) {
      const length = messageLength(this.#received);
      if (length !== undefined && this.#received.length >= length) return decodeMessage(this.#take(length));
      this.#receive(what);
    }
  }

  call(call: Call): Reply {
    const serial = ++this.#serial;
    this.send(encodeCall(call, serial));
    for (;;) {
      const message = this.#message(`answer ${call.member}`);
      if (message.type === SIGNAL && message.member === 'JobRemoved') this.#ended.push(message);
      if (message.type === SIGNAL || message.replySerial !== serial) continue;
      if (message.type !== ERROR) return { body: message.body };
      const [text = message.errorName] = message.body;
      return { failure: { name: message.errorName, text: String(text) } };
    }
  }

  /** Calls systemd's manager. */
  manager(member: string, signature = '', body: readonly Value[] = []): Reply {
    return this.call({ ...MANAGER, member, signature, body });
  }

  property(name: string): Reply {
    const body = [MANAGER.interface, name];
    const call = { ...SYSTEMD, interface: 'org.freedesktop.DBus.Properties', member: 'Get' };
    return this.call({ ...call, signature: 'ss', body });
  }

  /** From now on the ends of jobs are told. A bus, unlike systemd itself, wants to know who calls. */
  subscribe(direct: boolean): Failure | undefined {
    if (!direct) {
      const hello = this.call({ ...BUS, member: 'Hello', signature: '', body: [] });
      if (hello.failure !== undefined) return hello.failure;
      this.call({ ...BUS, member: 'AddMatch', signature: 's', body: [JOBS] });
    }
    return this.manager('Subscribe').failure;
  }

  /** Waits for the end of `job`; its result: `done`, `failed`, `timeout` … */
  resultOf(job: Value, what: string): string {
    for (;;) {
      const index = this.#ended.findIndex(({ body }) => body[1] === job);
      if (index >= 0) return String(this.#ended.splice(index, 1)[0]?.body[3]);
      const message = this.#message(what);
      if (message.type === SIGNAL && message.member === 'JobRemoved') this.#ended.push(message);
    }
  }
}

/** Of the greeting only EXTERNAL is spoken: who we are, the socket tells. */
function greet(bus: Bus): void {
  bus.send(sys.door().encode('\0AUTH EXTERNAL\r\nDATA\r\nBEGIN\r\n'));
  for (let line = bus.line(); !line.startsWith('OK '); line = bus.line()) {
    if (line !== 'DATA') throw new TsociError('ERR_CGROUP', `dbus: authentication refused: ${line}`);
  }
}

function connect({ path }: Address): number | sys.SyscallError {
  try {
    return sys.openConnection(path);
  } catch (error) {
    if (error instanceof sys.SyscallError) return error;
    throw error;
  }
}

const HINT = 'for containers without privileges the package dbus-user-session may be missing';

function unreachable(reasons: readonly string[]): TsociError {
  const reason = reasons.length === 0 ? "couldn't determine address of session bus" : reasons.join('; ');
  return new TsociError('ERR_CGROUP', `failed to connect to dbus: ${reason}`, { hint: HINT });
}

/** Throws ERR_CGROUP where systemd cannot be reached. */
export function withBus<T>(manager: Manager, use: (bus: Bus) => T): T {
  const environ = sys.door().environ();
  const value = (name: string) => variableOf(environ, name) ?? '';
  const reasons: string[] = [];
  for (const address of addressesOf(manager, value, sys.geteuid() === 0)) {
    const socket = connect(address);
    if (typeof socket !== 'number') {
      reasons.push(`${address.path}: ${socket.reason}`);
      continue;
    }
    return sys.withFd(socket, () => {
      const bus = new Bus(socket);
      greet(bus);
      const failure = bus.subscribe(address.direct);
      if (failure !== undefined) throw new TsociError('ERR_CGROUP', `dbus: ${failure.text}`);
      return use(bus);
    });
  }
  throw unreachable(reasons);
}
