// Unix sockets (unix(7)), and descriptors sent over them.

import * as calls from './calls.ts';
import * as k from './constants.ts';
import { door } from './current.ts';
import { openFolder, withFd } from './files.ts';
import {
  controlLength,
  decodeRights,
  encodeAbstractAddress,
  encodeMessage,
  encodeRights,
  encodeUnixAddress,
} from './structs.ts';

export function socketPair(domain: number, type: number): [number, number] {
  const pair = new Uint8Array(8);
  calls.socketpair(domain, type, 0, pair);
  const view = new DataView(pair.buffer);
  return [view.getInt32(0, true), view.getInt32(4, true)];
}

/**
 * KERNEL: an address has room for 107 bytes of path. A longer one goes through a descriptor of its folder.
 * A name that begins with @ is in the abstract name space, as systemd and Go write it.
 */
function withAddress(path: string, use: (address: Uint8Array) => void): void {
  if (path.startsWith('@')) {
    use(encodeAbstractAddress(door().encode(path.slice(1))));
    return;
  }
  if (path.length <= 100) {
    use(encodeUnixAddress(door().encode(path)));
    return;
  }
  const slash = path.lastIndexOf('/');
  withFd(openFolder(path.slice(0, slash + 1)), (folder) =>
    use(encodeUnixAddress(door().encode(`/proc/self/fd/${folder}/${path.slice(slash + 1)}`))),
  );
}

export const bindUnix = (socket: number, path: string): void => withAddress(path, (a) => calls.bind(socket, a));

export const connectUnix = (socket: number, path: string): void => withAddress(path, (a) => calls.connect(socket, a));

/** A stream to whoever listens at `path`. */
export function openConnection(path: string): number {
  const socket = calls.socket(k.AF_UNIX, k.SOCK_STREAM | k.SOCK_CLOEXEC, 0);
  try {
    connectUnix(socket, path);
    return socket;
  } catch (error) {
    calls.close(socket);
    throw error;
  }
}

/** One message with descriptors beside it (SCM_RIGHTS). A reader that is gone is EPIPE, not a signal. */
export function sendFds(socket: number, data: Uint8Array, fds: readonly number[]): void {
  const control = fds.length > 0 ? encodeRights(fds) : undefined;
  calls.sendmsg(socket, encodeMessage(data, control), k.MSG_NOSIGNAL);
}

/** How many bytes of `data` a stream has taken. A reader that is gone is EPIPE, not a signal. */
export const sendBytes = (socket: number, data: Uint8Array): number =>
  calls.sendmsg(socket, encodeMessage(data, undefined), k.MSG_NOSIGNAL);

/** One message into `buffer`, and at most `limit` descriptors, close-on-exec. */
export function recvFds(socket: number, buffer: Uint8Array, limit: number): { bytes: Uint8Array; fds: number[] } {
  const control = encodeRights(Array.from({ length: limit }, () => -1));
  const message = encodeMessage(buffer, control);
  const length = calls.recvmsg(socket, message, k.MSG_CMSG_CLOEXEC);
  return { bytes: buffer.subarray(0, length), fds: decodeRights(control, controlLength(message)) };
}
