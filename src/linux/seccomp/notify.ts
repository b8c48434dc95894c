// config-linux.md, "The Container Process State": the listener of a filter goes to the agent at listenerPath, one
// connection a container, the state in the first message and the descriptor beside it.

import { TsociError } from '../../errors.ts';
import type { ContainerProcessState, State } from '../../spec/types.ts';
import * as sys from '../sys/index.ts';

export interface Listener {
  readonly path: string;
  readonly metadata: string;
  readonly fd: number;
  /** As the runtime sees it. */
  readonly pid: number;
  readonly state: State;
}

export function sendListener({ path, metadata, fd, pid, state }: Listener): void {
  const message: ContainerProcessState = {
    ociVersion: state.ociVersion,
    fds: ['seccompFd'],
    pid,
    ...(metadata === '' ? {} : { metadata }),
    state,
  };
  const bytes = sys.door().encode(JSON.stringify(message));
  sys.withFd(connectTo(path), (socket) => sys.sendFds(socket, bytes, [fd]));
}

function connectTo(path: string): number {
  try {
    return sys.openConnection(path);
  } catch (error) {
    if (!(error instanceof sys.SyscallError)) throw error;
    // COMPAT: runc's words.
    const message = `failed to connect with seccomp agent "${path}": ${error.reason}`;
    throw new TsociError('ERR_STEP', message, { errno: error.errno, cause: error });
  }
}
