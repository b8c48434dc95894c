// Unix sockets (unix(7)), and descriptors sent over them.

import * as calls from './calls.ts';
import * as k from './constants.ts';
import { withFd } from './files.ts';
import { encodeUnixAddress } from './structs.ts';

export function socketPair(domain: number, type: number): [number, number] {
  const pair = new Uint8Array(8);
  calls.socketpair(domain, type, 0, pair);
  const view = new DataView(pair.buffer);
  return [view.getInt32(0, true), view.getInt32(4, true)];
}

/**
 * KERNEL: an address has room for 107 bytes of path. A longer one goes through a descriptor of its folder.
 */
function withAddress(path: string, use: (address: Uint8Array) => void): void {
  if (path.length <= 100) {
    use(encodeUnixAddress(path));
    return;
  }
  const slash = path.lastIndexOf('/');
  const folder = calls.openat(k.AT_FDCWD, path.slice(0, slash + 1), k.O_PATH | k.O_DIRECTORY | k.O_CLOEXEC);
  withFd(folder, () => use(encodeUnixAddress(`/proc/self/fd/${folder}/${path.slice(slash + 1)}`)));
}

export const bindUnix = (socket: number, path: string): void => withAddress(path, (a) => calls.bind(socket, a));

export const connectUnix = (socket: number, path: string): void => withAddress(path, (a) => calls.connect(socket, a));
