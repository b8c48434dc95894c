// --pidfd-socket: a descriptor of the process for the engine, which then need not fear that the pid is used again.

import * as sys from '../linux/sys/index.ts';

/** Connects to the unix socket at `path` and sends one message `word` with one descriptor, as runc does. */
export function sendPidfd(path: string, pid: number, word: 'standard' | 'setns'): void {
  const socket = sys.socket(sys.AF_UNIX, sys.SOCK_STREAM | sys.SOCK_CLOEXEC, 0);
  sys.withFd(socket, () =>
    sys.withFd(sys.pidfd_open(pid, 0), (pidfd) => {
      sys.connectUnix(socket, path);
      sys.sendFds(socket, sys.door().encode(word), [pidfd]);
    }),
  );
}
