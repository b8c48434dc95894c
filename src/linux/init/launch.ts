// The parent's side of making a container.
//
//   parent (tsoci create, run)                  child (pid 1 of the container, TypeScript still)
//      │ cgroups made                              │
//      │ clone3(new namespaces) ──────────────────▶│
//      │ id maps, cgroups joined, oom score        │
//      │────────────────── go ────────────────────▶│ namespaces joined, rootfs, mounts, devices
//      │◀───────── mount-source ───────────────────│ only for sources that the child may not open
//      │────────────────── go ────────────────────▶│
//      │◀───────── device-rules ───────────────────│ only where they forbid mknod of the container's own devices
//      │────────────────── go ────────────────────▶│
//      │◀───────── runtime-hooks ──────────────────│
//      │ hooks prestart, createRuntime             │
//      │────────────────── go ────────────────────▶│ hooks createContainer; pivot_root; masks; rlimits; user …
//      │◀──────── ready, or error ─────────────────│
//      │ state.json (atomic)                       │
//      │────────────────── go ────────────────────▶│ create: accepts on the start socket;  run: this channel
//                                                  │
//   tsoci exec without privileges                  │
//      │◀─────────────── starting ─────────────────│
//      │───────────────── look ───────────────────▶│ may be looked at until the channel ends, and waits again
//      │◀───────────────── go ─────────────────────│
//                                                  │
//   starter (tsoci start, run)                     │
//      │◀──────── starting (start only) ───────────│
//      │──────────────── start ───────────────────▶│ hooks startContainer; seccomp; close_range; execve
//      │◀──── seccomp-listener, warning, error ────│
//      │◀──── end of the channel: it runs ─────────│

import { TsociError } from '../../errors.ts';
import type { State } from '../../spec/types.ts';
import { forkIntoCgroup } from '../cgroups/fork.ts';
import { describeOom, oomReport } from '../cgroups/oom.ts';
import { oomReportOfLog } from '../cgroups/oom-log.ts';
import { runCgroupStep } from '../cgroups/run.ts';
import type { CgroupStep, JoinCgroupStep } from '../cgroups/steps.ts';
import type { Host } from '../host.ts';
import { openSourceFor } from '../mounts/sources.ts';
import { withinLimits } from '../namespaces.ts';
import { runSteps } from '../plan/run.ts';
import type { CloneStep, ParentStep, Plan } from '../plan/steps.ts';
import { runOomScore } from '../process/oom-score.ts';
import { setRlimit } from '../process/rlimits.ts';
import { mountHostRootfs, unmountHostRootfs } from '../rootfs.ts';
import * as sys from '../sys/index.ts';
import { writeIdMappings } from '../user-namespace.ts';
import { errorOf, type Log, logged, type Message, openChannel, receive, send } from './channel.ts';
import { becomeContainer } from './container.ts';
import { type InitContext, newContext } from './context.ts';
import { becomeStage } from './stage.ts';

export interface Launch extends Log {
  readonly plan: Plan;
  readonly host: Host;
  readonly bundle: string;
  /** Connected socket that receives the terminal's master; -1 without a terminal. */
  readonly consoleSocket: number;
  /** Listening socket on which `start` is awaited; -1 when the caller itself starts. */
  readonly listener: number;
  readonly environment: readonly string[];
  readonly stateOf: (status: State['status'], pid: number) => State;
  readonly runtimeHooks: (state: State) => void;
  /** Filled with the cgroups that were there before the container. */
  readonly existingCgroups: string[];
  /** With a unit: milliseconds of CLOCK_MONOTONIC before the container has a process. */
  readonly since: number | undefined;
  /** Told as soon as the root is mounted among the host's mounts: that mount's id. */
  readonly rootfsMounted: (id: number) => void;
}

export interface ParentContext extends Launch {
  /** Ours and the child's end. */
  readonly channel: number;
  readonly childChannel: number;
  /** The container's first process, as we see it; 0 before it is there. */
  pid: number;
  /** The root's mount, where it is among the host's. */
  rootfsMount?: number;
}

/** Runs the parent's steps. On return the container is set up and waits for `go`, then for `start`. */
export function launch(request: Launch): ParentContext {
  const [channel, childChannel] = openChannel();
  const ctx: ParentContext = { ...request, channel, childChannel, pid: 0 };
  const { parent, child } = request.plan;
  try {
    runSteps(parent, (step) => runParentStep(step, ctx), 0, parent.length + child.length, request.debug);
    return ctx;
  } catch (error) {
    abandon(ctx);
    throw error;
  }
}

/** Ends what has been begun: the child, which has not run the user's program, and what it has mounted on the host. */
export function abandon(ctx: ParentContext): void {
  sys.close(ctx.channel);
  if (ctx.pid !== 0) {
    sys.killQuietly(ctx.pid, sys.SIGKILL);
    sys.waitFor(ctx.pid);
  }
  if (ctx.rootfsMount !== undefined) unmountHostRootfs(ctx.plan.rootfs, ctx.rootfsMount);
}

function initContext(ctx: ParentContext, proc: number): InitContext {
  const given = {
    proc,
    bundle: ctx.bundle,
    userns: ctx.plan.clone.userns !== 'none',
    consoleSocket: ctx.consoleSocket,
    channel: ctx.childChannel,
    listener: ctx.listener,
    callerEnvironment: ctx.environment,
    state: (status: State['status']) => ctx.stateOf(status, sys.getpid()),
    askSource: (index: number) => {
      send(ctx.childChannel, { type: 'mount-source', index });
      return receive(ctx.childChannel)?.fds[0];
    },
  };
  return newContext(given, ctx.debug !== undefined);
}

/** Born in its cgroup, or moved there. */
function forkContainer(flags: number, join: JoinCgroupStep | undefined, ctx: ParentContext): number {
  const { pid, isInside } = forkIntoCgroup(flags, join?.dir);
  if (pid === 0 || isInside || join === undefined) return pid;
  ctx.pid = pid;
  runCgroupStep(join, pid, ctx.existingCgroups);
  return pid;
}

function cloneContainer({ join }: CloneStep, ctx: ParentContext): void {
  const { clone, parent, child } = ctx.plan;
  const init = initContext(ctx, openProc());
  const container = (): never => {
    sys.close(ctx.channel);
    return becomeContainer(child, init, parent.length, parent.length + child.length);
  };
  const stage = clone.stage;
  const flags = stage === undefined ? clone.flags : 0;
  const pid = withinLimits(flags, () => forkContainer(flags, join, ctx));
  if (pid === 0) {
    if (stage === undefined) container();
    else becomeStage(clone, stage, ctx.childChannel, container);
  }
  sys.close(ctx.childChannel);
  sys.close(init.proc);
  ctx.pid = stage === undefined ? pid : attendStage(ctx, pid);
}

/** Serves the stage until it has cloned the container; returns the container's pid. */
function attendStage(ctx: ParentContext, stagePid: number): number {
  let pid = 0;
  while (pid === 0) {
    const message = receive(ctx.channel)?.message;
    if (message?.type === 'map') {
      writeIdMappings(stagePid, ctx.plan.clone.uidMappings, ctx.plan.clone.gidMappings, ctx.host);
      send(ctx.channel, { type: 'go' });
    } else if (message?.type === 'cloned') pid = message.pid;
    // The container itself may have been faster.
    else if (message === undefined || !logged(message, ctx)) {
      const { status } = sys.waitFor(stagePid);
      if (message?.type === 'error') throw errorOf(message);
      throw new TsociError('ERR_INTERNAL', `the stage ended with status ${status}`);
    }
  }
  sys.waitFor(stagePid);
  return pid;
}

/** A child that has gone has left its reason in the channel: it is heard next. */
export function letGo(channel: number, fds: readonly number[] = []): void {
  try {
    send(channel, { type: 'go' }, fds);
  } catch (error) {
    if (!sys.isErrno(error, sys.E.EPIPE, sys.E.ECONNRESET)) throw error;
  }
}

/** Serves the container until it is ready. */
function attendContainer(ctx: ParentContext, deviceRules: readonly CgroupStep[]): void {
  letGo(ctx.channel);
  for (;;) {
    const message = receive(ctx.channel)?.message;
    if (message === undefined) throw deathOf(ctx);
    if (message.type === 'ready') return;
    if (message.type === 'error') throw errorOf(message);
    if (!logged(message, ctx)) serve(message, ctx, deviceRules);
  }
}

/** Does what the container's process asks for, and lets it go on. */
function serve(message: Message, ctx: ParentContext, deviceRules: readonly CgroupStep[]): void {
  let source: number | undefined;
  if (message.type === 'rlimit') serveRlimit(ctx.pid, message);
  else if (message.type === 'runtime-hooks') ctx.runtimeHooks(ctx.stateOf('creating', ctx.pid));
  else if (message.type === 'mount-source') source = openAskedSource(message.index, ctx);
  else if (message.type === 'device-rules') {
    for (const step of deviceRules) runCgroupStep(step, ctx.pid, ctx.existingCgroups);
  }
  letGo(ctx.channel, source === undefined ? [] : [source]);
  if (source !== undefined) sys.close(source);
}

function openAskedSource(index: number, ctx: ParentContext): number | undefined {
  const step = ctx.plan.child.find((each) => each.kind === 'mount-bind' && each.index === index);
  if (step?.kind !== 'mount-bind' || ctx.host.euid !== 0) return undefined;
  return openSourceFor(step, ctx.pid);
}

/** Raises a limit of a process that has not the privileges for it. */
export const serveRlimit = (pid: number, { resource, soft, hard }: Extract<Message, { type: 'rlimit' }>): void =>
  setRlimit(pid, resource, BigInt(soft), BigInt(hard));

/** The container's process ended without a word: killed from outside, or for want of memory. */
function deathOf(ctx: ParentContext): TsociError {
  const { status, signal } = sys.waitFor(ctx.pid);
  ctx.pid = 0;
  const { cgroupPaths } = ctx.plan;
  const oom = oomReport(cgroupPaths) ?? (ctx.since === undefined ? undefined : oomReportOfLog(cgroupPaths, ctx.since));
  if (oom !== undefined) {
    const message = `container init was OOM-killed (memory limit too low?): ${describeOom(oom)}`;
    return new TsociError('ERR_STEP', message, { cause: { signal } });
  }
  const end = signal === undefined ? `exit status ${status}` : sys.signalText(signal);
  return new TsociError('ERR_STEP', `container init ended during set-up: ${end}`, { cause: { signal } });
}

export function openProc(): number {
  const proc = sys.openFolder('/proc');
  if (sys.fileSystemType(proc) !== sys.PROC_SUPER_MAGIC) throw new TsociError('ERR_HOST', '/proc is not procfs');
  return proc;
}

function runParentStep(step: ParentStep, ctx: ParentContext): void {
  switch (step.kind) {
    case 'cgroup-mkdir':
    case 'cgroup-unit':
    case 'cgroup-unit-properties':
    case 'cgroup-inherit-cpuset':
    case 'cgroup-enable':
    case 'cgroup-check-memory':
    case 'cgroup-write':
    case 'cgroup-devices':
    case 'cgroup-device-filter':
    case 'cgroup-own':
    case 'cgroup-join':
      return runCgroupStep(step, ctx.pid, ctx.existingCgroups);
    case 'clone':
      return cloneContainer(step, ctx);
    case 'id-mappings':
      return writeIdMappings(ctx.pid, ctx.plan.clone.uidMappings, ctx.plan.clone.gidMappings, ctx.host);
    case 'oom-score':
      return runOomScore(step, ctx.pid);
    case 'mount-rootfs':
      ctx.rootfsMount = mountHostRootfs(step);
      return ctx.rootfsMounted(ctx.rootfsMount);
    case 'attend':
      return attendContainer(ctx, step.deviceRules);
  }
}
