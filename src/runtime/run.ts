// `run`: create and start in one process; in the foreground also to the end: signals are forwarded, the terminal is
// relayed, orphans are reaped, and the container is deleted.

import * as sys from '../linux/sys/index.ts';
import { attend } from './attend.ts';
import { receiveMaster } from './console.ts';
import { type CreateOptions, createContainer } from './create.ts';
import { destroyContainer } from './delete.ts';
import { oomOf } from './ended.ts';
import { attendNotify, forwardReady } from './notify.ts';
import type { ProcessIdentity } from './process.ts';
import { writeRecord } from './record.ts';
import { Relay } from './relay.ts';
import { begin } from './start.ts';

export interface RunOptions extends CreateOptions {
  /** Leave the container's record when it has ended. */
  readonly keep: boolean;
  readonly noSubreaper: boolean;
}

/** Returns the exit status: the program's, 128 + signal, or 0 when detached. */
export function runContainer(options: RunOptions): number {
  const attached = options.starter === 'attached';
  if (attached && !options.noSubreaper) sys.prctl(sys.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
  // ORDER: blocked before the container is there, so that no signal is lost; the child unblocks them before execve.
  const signals = attached ? sys.openSignals() : -1;
  const { record, channel, terminal, notify } = createContainer(options);
  const relay = terminal >= 0 ? new Relay(receiveMaster(terminal)) : undefined;
  try {
    begin(options.root, record, channel, options);
    const init = record.init as ProcessIdentity;
    const host = options.notifySocket ?? '';
    if (!attached) {
      if (notify >= 0) attendNotify(notify, host, init.pid, options.warn);
      return 0;
    }
    // The caller watches us, not the program: ours is the pid to be told.
    const readiness = { fd: notify, serve: () => forwardReady(notify, host, sys.getpid(), options.warn) };
    const status = attend(init, signals, relay, notify < 0 ? undefined : readiness);
    if (options.keep) {
      oomOf(options.root, record); // systemd may not have taken the cgroup away yet
      writeRecord(options.root, { ...record, exitStatus: status });
    } else destroyContainer(options.root, record, options.warn);
    return status;
  } catch (error) {
    if (!options.keep) destroyContainer(options.root, record, options.warn);
    throw error;
  } finally {
    relay?.close();
  }
}
