// sd_notify(3) of the program: it speaks to a socket of ours in ROOT/ID/notify, and that it is ready goes on to whoever
// listens at the caller's NOTIFY_SOCKET, with the pid to watch from then on.

import * as sys from '../linux/sys/index.ts';
import type { Spec } from '../spec/types.ts';
import { withEnvironment } from './inherited.ts';
import { NOTIFY_SOCKET, notifyFolderOf, notifySocketOf } from './record.ts';

const INSIDE = '/run/notify';

/** How long the service manager may take over its acknowledgement (runc's measure). */
const BARRIER_TIMEOUT = 30_000;

/** `spec` with the folder of the socket, and the variable that names it. */
export const withNotify = (spec: Spec, root: string, id: string): Spec => ({
  ...withEnvironment(spec, [`NOTIFY_SOCKET=${INSIDE}/${NOTIFY_SOCKET}`]),
  mounts: [
    ...(spec.mounts ?? []),
    {
      destination: INSIDE,
      source: notifyFolderOf(root, id),
      options: ['bind', 'nosuid', 'noexec', 'nodev', 'ro'],
    },
  ],
});

export const makeNotifyFolder = (root: string, id: string): void =>
  sys.mkdirat(sys.AT_FDCWD, notifyFolderOf(root, id), 0o755);

const datagramSocket = (): number => sys.socket(sys.AF_UNIX, sys.SOCK_DGRAM | sys.SOCK_CLOEXEC, 0);

/** Binds the socket that the program speaks to, whoever the program is. */
export function bindNotify(root: string, id: string): number {
  const path = notifySocketOf(root, id);
  const socket = datagramSocket();
  sys.bindUnix(socket, path);
  sys.fchmodat(sys.AT_FDCWD, path, 0o777);
  return socket;
}

/** The line that tells of readiness, of one datagram. */
export const readyLine = (text: string): string | undefined =>
  text.split('\n').find((line) => line.startsWith('READY='));

/** Reads one datagram; when it tells of readiness, passes that on. Returns whether it did. */
export function forwardReady(socket: number, host: string, pid: number, warn: (text: string) => void): boolean {
  const { bytes } = sys.recvFds(socket, new Uint8Array(4096), 0);
  const ready = readyLine(sys.door().decode(bytes));
  if (ready === undefined) return false;
  try {
    tellHost(host, ready, pid, warn);
  } catch (error) {
    if (!(error instanceof sys.SyscallError)) throw error;
    warn(`NOTIFY_SOCKET ${host}: ${error.message}`);
  }
  return true;
}

function tellHost(host: string, ready: string, pid: number, warn: (text: string) => void): void {
  sys.withFd(datagramSocket(), (client) => {
    sys.connectUnix(client, host);
    for (const text of [`${ready}\n`, `MAINPID=${pid}\n`]) sys.sendFds(client, sys.door().encode(text), []);
    awaitBarrier(client, warn);
  });
}

/** sd_notify_barrier(3): the other end closes the pipe when it has read all that came before. */
function awaitBarrier(client: number, warn: (text: string) => void): void {
  const [read, write] = sys.pipe(sys.O_CLOEXEC);
  sys.withFd(read, () => {
    sys.withFd(write, () => sys.sendFds(client, sys.door().encode('BARRIER=1'), [write]));
    if (sys.poll([read], BARRIER_TIMEOUT).length === 0) warn('Timeout after waiting 30s for barrier. Ignored.');
  });
}

/** Serves the socket until the program is ready or has ended; closes it. */
export function attendNotify(socket: number, host: string, pid: number, warn: (text: string) => void): void {
  sys.withFd(socket, () => {
    const heard = (fds: number[], timeout: number): boolean =>
      sys.poll([socket, ...fds], timeout).includes(socket) && !forwardReady(socket, host, pid, warn);
    try {
      sys.withFd(sys.pidfd_open(pid, 0), (pidfd) => {
        // ORDER: what it has said before its end is still heard.
        while (heard([pidfd], -1)) {}
      });
    } catch (error) {
      if (!sys.isErrno(error, sys.E.ESRCH)) throw error;
      while (heard([], 0)) {}
    }
  });
}
