// The conversation of parent and child: one message a packet (SOCK_SEQPACKET), descriptors beside it.
// The kernel keeps the boundaries; a message is a small JSON object, read with a limit on both ends.

import { type ErrorCode, TsociError } from '../../errors.ts';
import * as sys from '../sys/index.ts';

export type Message =
  /** stage → parent: my user namespace is there, map it. */
  | { readonly type: 'map' }
  /** stage → parent: the container's pid, as the host sees it. */
  | { readonly type: 'cloned'; readonly pid: number }
  /** child → parent: open the source of this mount as I see it now. Answered by `go`, with its descriptor. */
  | { readonly type: 'mount-source'; readonly index: number }
  /** child → parent: the device nodes are made, the rules for devices may come into force. */
  | { readonly type: 'device-rules' }
  /** child → parent: mounts are made, run prestart and createRuntime hooks. */
  | { readonly type: 'runtime-hooks' }
  /** child → parent: set up; only `start` is missing. */
  | { readonly type: 'ready' }
  /** child → starter or exec, on a new connection: I listen to you alone. */
  | { readonly type: 'starting' }
  /** child → parent, with the descriptor of the filter's listener. */
  | { readonly type: 'seccomp-listener' }
  /** child → parent: a limit that only the host's privileges can raise; numbers as text, for they have 64 bits. */
  | { readonly type: 'rlimit'; readonly resource: number; readonly soft: string; readonly hard: string }
  | { readonly type: 'warning' | 'debug'; readonly text: string }
  | {
      readonly type: 'error';
      readonly code: ErrorCode;
      readonly message: string;
      readonly errno?: number;
      readonly hint?: string;
    }
  /** parent → child: your request is done, go on. */
  | { readonly type: 'go' }
  /** starter → child: run the program. */
  | { readonly type: 'start' }
  /** exec → child: let yourself be looked at through /proc until I hang up. Answered by `go`. */
  | { readonly type: 'look' };

/** Of the largest message. There from the build on: only what a message fills of it is ever touched. */
const packet = new Uint8Array(64 * 1024);
/** A hook's streams are in an error: what does not fit is cut, never the packet. */
const TEXT_LIMIT = 8 * 1024;

export interface Received {
  readonly message: Message;
  readonly fds: readonly number[];
}

export function openChannel(): [ours: number, theirs: number] {
  return sys.socketPair(sys.AF_UNIX, sys.SOCK_SEQPACKET | sys.SOCK_CLOEXEC);
}

export function send(channel: number, message: Message, fds: readonly number[] = []): void {
  sys.sendFds(channel, sys.door().encode(JSON.stringify(message)), fds);
}

/** The next message, or undefined when the other end is gone. */
export function receive(channel: number): Received | undefined {
  const packet = receivePacket(channel);
  if (packet === undefined || packet.bytes.length === 0) return undefined;
  const message = JSON.parse(sys.door().decode(packet.bytes)) as Message;
  return { message, fds: packet.fds };
}

function receivePacket(channel: number): { bytes: Uint8Array; fds: number[] } | undefined {
  try {
    return sys.recvFds(channel, packet, 1);
  } catch (error) {
    // KERNEL: told once, when the other end is gone and has not read all of ours. What it has said is still there.
    if (error instanceof sys.SyscallError && error.errno === sys.E.ECONNRESET) return receivePacket(channel);
    throw error;
  }
}

/** Where the container's own words go; `debug` is undefined unless it is asked for. */
export interface Log {
  readonly warn: (text: string) => void;
  readonly debug: ((text: string) => void) | undefined;
}

/** Passes on what is for the log. Returns whether `message` was. */
export function logged(message: Message, { warn, debug }: Log): boolean {
  if (message.type === 'warning') warn(message.text);
  else if (message.type === 'debug') debug?.(message.text);
  else return false;
  return true;
}

export function sendError(channel: number, error: unknown): void {
  const known = error instanceof TsociError;
  const text = known
    ? error.message
    : error instanceof Error
      ? `${error.name}: ${error.message}\n${error.stack ?? ''}`
      : String(error);
  send(channel, {
    type: 'error',
    code: known ? error.code : 'ERR_INTERNAL',
    message: text.slice(0, TEXT_LIMIT),
    ...(known && error.errno !== undefined ? { errno: error.errno } : {}),
    ...(known && error.hint !== undefined ? { hint: error.hint } : {}),
  });
}

export function errorOf(message: Extract<Message, { type: 'error' }>): TsociError {
  return new TsociError(message.code, message.message, {
    cause: message,
    ...(message.errno === undefined ? {} : { errno: message.errno }),
    ...(message.hint === undefined ? {} : { hint: message.hint }),
  });
}
