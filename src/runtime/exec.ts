// `exec`: one more process in a container that is there. What it is made of is its own `process`; namespaces, cgroups, the
// system calls allowed, and what it does not say, are the container's.

import { TsociError } from '../errors.ts';
import { freezerState } from '../linux/cgroups/freezer.ts';
import { enterContainer } from '../linux/exec/enter.ts';
import { completed } from '../linux/exec/inherited.ts';
import { execSequence } from '../linux/exec/sequence.ts';
import { probeTarget } from '../linux/exec/target.ts';
import { probeHost } from '../linux/host.ts';
import type { Log } from '../linux/init/channel.ts';
import * as sys from '../linux/sys/index.ts';
import type { Process } from '../spec/types.ts';
import { attend } from './attend.ts';
import { openConsoleSocket, receiveMaster } from './console.ts';
import { writePidFile } from './create.ts';
import { selectCgroups } from './exec-cgroups.ts';
import { checkExecutable } from './executable.ts';
import { sendPidfd } from './pidfd.ts';
import { holdProcess, identify, isAlive, type ProcessIdentity } from './process.ts';
import { type ContainerRecord, readFilter, readRecord } from './record.ts';
import { Relay } from './relay.ts';
import { passListener, withWaitingSeen } from './start.ts';
import { stateOf, statusOf } from './status.ts';

export interface ExecOptions extends Log {
  readonly root: string;
  readonly id: string;
  /** Absolute; none when absent. */
  readonly pidFile: string | undefined;
  readonly consoleSocket: string | undefined;
  readonly pidfdSocket: string | undefined;
  readonly detach: boolean;
  readonly preserveFds: number;
  /** `[controller[,controller]:]path` below the container's cgroup. */
  readonly cgroups: readonly string[];
  readonly ignorePaused: boolean;
  readonly rootless: boolean;
}

/** The container's record and first process, of a container that can be entered. Throws ERR_CONTAINER_STATUS. */
export function recordToEnter(options: Pick<ExecOptions, 'root' | 'id' | 'ignorePaused'>): ContainerRecord {
  const record = readRecord(options.root, options.id);
  const status = statusOf(options.root, record);
  if (status === 'stopped' || status === 'creating') throw stopped();
  if (status === 'paused' && !options.ignorePaused) throw paused();
  return record;
}

const stopped = (): TsociError => new TsociError('ERR_CONTAINER_STATUS', 'cannot exec in a stopped container');

const paused = (): TsociError =>
  new TsociError('ERR_CONTAINER_STATUS', 'cannot exec in a paused container (use --ignore-paused to override)');

/** Runs `process` in the container. Returns its exit status, 128 + signal, or 0 when detached. */
export function execInContainer(record: ContainerRecord, process: Process, options: ExecOptions): number {
  checkExecutable();
  const init = record.init as ProcessIdentity;
  // ORDER: blocked before the process is there, so that no signal is lost; it unblocks them before execve.
  const signals = options.detach ? -1 : sys.openSignals();
  const console = openConsoleSocket({ ociVersion: '', process }, starterOf(options));
  try {
    const pid = enter(record, init, process, options, console.container);
    const relay = console.ours >= 0 ? new Relay(receiveMaster(console.ours)) : undefined;
    try {
      announce(pid, options);
      return options.detach ? 0 : attend(identify(pid), signals, relay);
    } finally {
      relay?.close();
    }
  } catch (error) {
    // Whatever it was that failed: it could not be done because the container is gone.
    if (error instanceof TsociError && error.code === 'ERR_STEP' && !isAlive(init)) throw stopped();
    throw error;
  }
}

const starterOf = ({ consoleSocket, detach }: ExecOptions) => ({
  consoleSocket,
  starter: detach ? ('caller' as const) : ('attached' as const),
});

function enter(
  record: ContainerRecord,
  init: ProcessIdentity,
  process: Process,
  options: ExecOptions,
  consoleSocket: number,
): number {
  const pidfd = holdProcess(init);
  if (pidfd === undefined) throw stopped();
  const { traits } = record;
  const whole = completed(process, traits.process);
  const filter = traits.seccomp === undefined ? undefined : readFilter(options.root, options.id);
  const { root, id, preserveFds } = options;
  const probe = () => probeTarget(init.pid, pidfd);
  return withWaitingSeen(root, id, probe, (target) =>
    enterContainer({
      target,
      steps: execSequence({ process: whole, traits, filter, host: probeHost(), target, preserveFds }),
      process: whole,
      cgroups: selectCgroups(record.cgroupPaths, options.cgroups),
      onlyThose: options.cgroups.length > 0,
      rootless: options.rootless,
      bundle: record.bundle,
      consoleSocket,
      environment: sys.door().environ(),
      stateOf: (status) => stateOf(record, status, init.pid),
      passListener: (fd, pid) => passListener(record, fd, pid),
      checkOn: () => {
        if (!options.ignorePaused && freezerState(record.cgroupPaths) === 'frozen') throw paused();
      },
      warn: options.warn,
      debug: options.debug,
    }),
  );
}

/** Says which process it is, to whoever wants to know. One that nobody could be told of is ended. */
function announce(pid: number, { pidFile, pidfdSocket }: ExecOptions): void {
  try {
    if (pidfdSocket !== undefined) sendPidfd(pidfdSocket, pid, 'setns');
    if (pidFile !== undefined) writePidFile(pidFile, pid);
  } catch (error) {
    sys.killQuietly(pid, sys.SIGKILL);
    throw error;
  }
}
