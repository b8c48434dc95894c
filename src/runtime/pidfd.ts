// --pidfd-socket: a descriptor of the process for the engine, which then need not fear that the pid is used again.

import * as sys from '../linux/sys/index.ts';

/** Connects to the unix socket at `path` and sends one message `word` with one descriptor, as runc does. */
export function sendPidfd(path: string, pid: number, word: 'standard' | 'setns'): void {
  sys.withFd(sys.openConnection(path), (socket) =>
    sys.withFd(sys.pidfd_open(pid, 0), (pidfd) => sys.sendFds(socket, sys.door().encode(word), [pidfd])),
  );
}
