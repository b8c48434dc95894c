// In the foreground: signals are forwarded to the process, the terminal is relayed, what has ended is reaped.

import * as sys from '../linux/sys/index.ts';
import type { ProcessIdentity } from './process.ts';
import { signalProcess } from './process.ts';
import type { Relay } from './relay.ts';

/** What is listened to besides, until `serve` says that this was all. */
export interface Source {
  readonly fd: number;
  readonly serve: () => boolean;
}

/** COMPAT: as runc, all but SIGURG. KERNEL: a SIGPIPE for what we write ourselves comes from ourselves. */
const isForwarded = (signal: number, sender: number): boolean =>
  signal !== sys.SIGURG && !(signal === sys.SIGPIPE && sender === sys.getpid());

/** Waits for the end of `process`, a child of ours, and returns its status. `signals` is a signalfd(2) of them all. */
export function attend(process: ProcessIdentity, signals: number, relay: Relay | undefined, source?: Source): number {
  let other = source;
  for (;;) {
    const ready = sys.poll([signals, ...(other === undefined ? [] : [other.fd]), ...(relay?.descriptors() ?? [])], -1);
    relay?.serve(ready);
    if (other !== undefined && ready.includes(other.fd) && other.serve()) other = undefined;
    if (!ready.includes(signals)) continue;
    const { signal, sender } = sys.readSignal(signals);
    if (signal === sys.SIGCHLD) {
      const status = reap(process.pid);
      if (status === undefined) continue;
      relay?.drain();
      return status;
    }
    if (signal === sys.SIGWINCH) relay?.resize();
    else if (isForwarded(signal, sender)) signalProcess(process, signal);
  }
}

/** Reaps all that has ended; returns the status of `pid` when it is among them. */
function reap(pid: number): number | undefined {
  let result: number | undefined;
  for (let ended = sys.reapOne(); ended !== undefined; ended = sys.reapOne()) {
    if (ended.pid === pid) result = ended.status;
  }
  return result;
}
