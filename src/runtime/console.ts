// Where the terminal's master goes: over --console-socket, or to ourselves in the foreground.

import { TsociError } from '../errors.ts';
import * as sys from '../linux/sys/index.ts';
import type { Spec } from '../spec/types.ts';

export interface ConsoleRequest {
  readonly consoleSocket: string | undefined;
  readonly starter: 'later' | 'caller' | 'attached';
}

/** Both ends; -1 where there is none. */
export interface ConsoleEnds {
  readonly container: number;
  readonly ours: number;
}

export function openConsoleSocket(spec: Spec, request: ConsoleRequest): ConsoleEnds {
  const wanted = spec.process?.terminal === true;
  const detached = request.starter !== 'attached';
  const path = request.consoleSocket ?? '';
  if (wanted && detached && path === '') {
    throw new TsociError('ERR_USAGE', 'cannot allocate tty if tsoci will detach without setting console socket');
  }
  if ((!wanted || !detached) && path !== '') {
    throw new TsociError('ERR_USAGE', 'cannot use console socket if tsoci will not detach or allocate tty');
  }
  if (!wanted) return { container: -1, ours: -1 };
  if (detached) return { container: sys.openConnection(path), ours: -1 };
  const [ours, container] = sys.socketPair(sys.AF_UNIX, sys.SOCK_STREAM | sys.SOCK_CLOEXEC);
  return { container, ours };
}

/** The master that the container has sent. */
export function receiveMaster(ours: number): number {
  const { fds } = sys.recvFds(ours, new Uint8Array(4096), 1);
  sys.close(ours);
  const master = fds[0];
  if (master === undefined) throw new TsociError('ERR_CONSOLE', 'the container sent no terminal');
  return master;
}
