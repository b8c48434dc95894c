// The other end of the side channels, by the executable's own tool chain, since Node receives no descriptors:
//
//   receiver stream|datagram PATH COUNT
//   receiver tell PATH TEXT
//
// The second sends one datagram, as sd_notify(3) does. The first prints `ready` once it listens, then each message with its descriptors as one line of JSON. What a terminal among them
// says is printed to its end.

import * as sys from '../../src/linux/sys/index.ts';

const MOST_FDS = 4;

const print = (text: string): void => sys.writeAll(1, sys.door().encode(text));

/** What a descriptor is: where it leads to, and for a pidfd the pid. */
function describe(fd: number): { link: string; pid?: number } {
  const link = sys.readLinkAt(sys.AT_FDCWD, `/proc/self/fd/${fd}`);
  const pid = sys
    .readText(`/proc/self/fdinfo/${fd}`)
    .split('\n')
    .find((line) => line.startsWith('Pid:'));
  return pid === undefined ? { link } : { link, pid: Number(pid.slice(4)) };
}

function copyTerminal(master: number): void {
  const buffer = new Uint8Array(4096);
  try {
    for (let count = sys.read(master, buffer); count > 0; count = sys.read(master, buffer)) {
      sys.writeAll(1, buffer.subarray(0, count));
    }
  } catch (error) {
    // The last of the terminal's slaves is closed.
    if (!sys.isErrno(error, sys.E.EIO)) throw error;
  }
}

function listen(kind: string, path: string): number {
  const stream = kind === 'stream';
  const socket = sys.socket(sys.AF_UNIX, stream ? sys.SOCK_STREAM : sys.SOCK_DGRAM, 0);
  sys.bindUnix(socket, path);
  if (stream) sys.listen(socket, 1);
  print('ready\n');
  return stream ? sys.accept4(socket, sys.SOCK_CLOEXEC) : socket;
}

function tell(path: string, text: string): number {
  const socket = sys.socket(sys.AF_UNIX, sys.SOCK_DGRAM, 0);
  sys.connectUnix(socket, path);
  sys.sendFds(socket, sys.door().encode(text), []);
  return 0;
}

export function run(): number {
  const [kind = '', path = '', count = '1'] = sys.door().argv();
  if (kind === 'tell') return tell(path, count);
  const socket = listen(kind, path);
  for (let left = Number(count); left > 0; left--) {
    const { bytes, fds } = sys.recvFds(socket, new Uint8Array(4096), MOST_FDS);
    print(`${JSON.stringify({ text: sys.door().decode(bytes), fds: fds.map(describe) })}\n`);
    for (const fd of fds) {
      if (describe(fd).link.endsWith('ptmx')) copyTerminal(fd);
      sys.close(fd);
    }
  }
  return 0;
}
