// runtime.md, "Start": the program of `process` runs; then the poststart hooks; then `start` returns.

import { TsociError } from '../errors.ts';
import { runHooks } from '../hooks/hooks.ts';
import { errorOf, type Log, logged, receive, send } from '../linux/init/channel.ts';
import { sendListener } from '../linux/seccomp/notify.ts';
import * as sys from '../linux/sys/index.ts';
import { destroyContainer } from './delete.ts';
import { attendNotify, bindNotify } from './notify.ts';
import { type ContainerRecord, notifyFolderOf, readRecord, startSocketOf } from './record.ts';
import { stateOf, statusOf } from './status.ts';

export interface StartOptions extends Log {
  readonly root: string;
  readonly id: string;
  /** The caller's NOTIFY_SOCKET. */
  readonly notifySocket: string | undefined;
}

/** Throws ERR_CONTAINER_STATUS, with no effect, unless the container is `created`. */
export function startContainer(request: StartOptions): void {
  const { root, id, notifySocket, warn } = request;
  const record = readRecord(root, id);
  checkStartable(root, record);
  // Where `create` knew of no NOTIFY_SOCKET there is no way from the program to ours.
  const proxied = notifySocket !== undefined && sys.exists(notifyFolderOf(root, id));
  const channel = connect(root, id);
  if (channel === undefined) throw alreadyStarted();
  sys.unlinkQuietly(startSocketOf(root, id));
  const notify = proxied ? bindNotify(root, id) : -1;
  begin(root, record, channel, request);
  if (proxied) attendNotify(notify, notifySocket, record.init?.pid ?? 0, warn);
}

function checkStartable(root: string, record: ContainerRecord): void {
  const status = statusOf(root, record);
  const refuse = (message: string): never => {
    throw new TsociError('ERR_CONTAINER_STATUS', message);
  };
  if (status === 'stopped') refuse('cannot start a container that has stopped');
  if (status === 'running') refuse('cannot start an already running container');
  if (status !== 'created') refuse(`cannot start a container in the ${status} state`);
  if (!record.startable) refuse('cannot start a container without a process: process.args is not set in config.json');
}

/** Connects to the waiting container; undefined when it does not wait any more. */
function connect(root: string, id: string): number | undefined {
  const socket = sys.socket(sys.AF_UNIX, sys.SOCK_SEQPACKET | sys.SOCK_CLOEXEC, 0);
  try {
    sys.connectUnix(socket, startSocketOf(root, id));
  } catch (error) {
    sys.close(socket);
    if (error instanceof sys.SyscallError && [sys.E.ECONNREFUSED, sys.E.ENOENT].includes(error.errno)) return undefined;
    throw error;
  }
  // A second starter waits in the queue and is cut off when the program is executed.
  if (receive(socket)?.message.type === 'starting') return socket;
  sys.close(socket);
  return undefined;
}

/**
 * Enters what `probe` has found out. KERNEL: the first process of a created container may be looked at by who has
 * CAP_SYS_PTRACE on the host alone: where `probe` is refused it is asked to let itself be seen, until `enter` is done.
 */
export function withWaitingSeen<P, T>(root: string, id: string, probe: () => P, enter: (found: P) => T): T {
  let found: P;
  try {
    found = probe();
  } catch (error) {
    const channel = sys.isErrno(error, sys.E.EACCES) ? connect(root, id) : undefined;
    if (channel === undefined) throw error;
    return sys.withFd(channel, () => {
      send(channel, { type: 'look' });
      receive(channel);
      return enter(probe());
    });
  }
  return enter(found);
}

const alreadyStarted = (): TsociError =>
  new TsociError('ERR_CONTAINER_STATUS', 'cannot start an already running container');

/** Starts the program of a container that listens on `channel`, up to and with the poststart hooks. */
export function begin(root: string, record: ContainerRecord, channel: number, log: Log): void {
  try {
    send(channel, { type: 'start' });
    attendStart(record, channel, log);
    const state = stateOf(record, 'running', record.init?.pid ?? 0);
    runHooks('poststart', record.poststart, state, sys.door().environ());
  } catch (error) {
    // runtime.md, lifecycle: a hook that fails stops the container and goes on at "destroy".
    if (error instanceof TsociError && error.code === 'ERR_HOOK') destroyContainer(root, record, log.warn);
    throw error;
  } finally {
    sys.close(channel);
  }
}

/** Serves the container until its end of the channel is closed by execve(2). */
function attendStart(record: ContainerRecord, channel: number, log: Log): void {
  for (;;) {
    const received = receive(channel);
    if (received === undefined) return;
    const { message, fds } = received;
    if (message.type === 'error') throw errorOf(message);
    if (logged(message, log)) continue;
    if (message.type === 'seccomp-listener') {
      passListener(record, fds[0], record.init?.pid ?? 0);
      send(channel, { type: 'go' });
    }
  }
}

/** Sends the listener of the filter of process `pid` to the container's agent. */
export function passListener(record: ContainerRecord, fd: number | undefined, pid: number): void {
  if (fd === undefined || record.seccompListener === undefined) return;
  const { path, metadata } = record.seccompListener;
  sendListener({ path, metadata, fd, pid, state: stateOf(record, 'creating', pid) });
  sys.close(fd);
}
