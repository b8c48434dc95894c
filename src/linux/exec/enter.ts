// The parent's side of one more process in a container.
//
//   parent (tsoci exec)                         child (TypeScript still, until execve)
//      │ enters the pid namespace for its children │
//      │ clone3 (into the cgroup, on v2) ─────────▶│
//      │ cgroups joined, oom score                 │
//      │────────────────── go ────────────────────▶│ all namespaces by one setns(pidfd); user, limits …
//      │◀─── rlimit, warning ──────────────────────│
//      │◀─── ready, or error ──────────────────────│ seccomp; close_range
//      │◀─── seccomp-listener ─────────────────────│
//      │◀─── end of the channel: it runs ──────────│ execve
//
// Who has no privileges over the pid namespace gets them by entering the user namespace first. That must not be the parent:
// then the child does it, clones the process with CLONE_PARENT, says its pid (`cloned`), and is gone; the process waits for
// another `go`.

import { TsociError } from '../../errors.ts';
import type { Process, State } from '../../spec/types.ts';
import { forkIntoCgroup } from '../cgroups/fork.ts';
import { errorOf, type Log, logged, type Message, openChannel, receive, send, sendError } from '../init/channel.ts';
import { runChildStep } from '../init/child.ts';
import { becomeContainer } from '../init/container.ts';
import { type InitContext, newContext } from '../init/context.ts';
import { awaitWord } from '../init/conversation.ts';
import { letGo, openProc, serveRlimit } from '../init/launch.ts';
import { runSteps } from '../plan/run.ts';
import type { ChildStep } from '../plan/steps.ts';
import { setCpuAffinity } from '../process/attributes.ts';
import { runOomScore } from '../process/oom-score.ts';
import * as sys from '../sys/index.ts';
import { joinCgroups } from './cgroup.ts';
import type { ExecTarget } from './target.ts';

export interface Entry extends Log {
  readonly target: ExecTarget;
  readonly steps: readonly ChildStep[];
  readonly process: Process;
  /** Directories of the cgroups to join. */
  readonly cgroups: readonly string[];
  /** They were asked for: no other will do. */
  readonly onlyThose: boolean;
  /** Cgroups that we may not join are done without. */
  readonly rootless: boolean;
  readonly bundle: string;
  /** Connected socket that receives the terminal's master; -1 without a terminal. */
  readonly consoleSocket: number;
  readonly environment: readonly string[];
  readonly stateOf: (status: State['status']) => State;
  readonly passListener: (fd: number | undefined, pid: number) => void;
  /** Throws when it makes no sense to wait for the child any longer: its cgroup was frozen. */
  readonly checkOn: () => void;
}

/** How long the child may be silent before it is looked after, ms. */
const PATIENCE = 100;

interface EntryContext extends Entry {
  readonly channel: number;
  readonly childChannel: number;
  /** 0 before it is there. */
  pid: number;
}

/** Returns the pid of the process, which runs its program. Throws after having ended it. */
export function enterContainer(entry: Entry): number {
  const [channel, childChannel] = openChannel();
  const ctx: EntryContext = { ...entry, channel, childChannel, pid: 0 };
  try {
    begin(ctx);
    attend(ctx);
    return ctx.pid;
  } catch (error) {
    abandon(ctx);
    throw error;
  } finally {
    sys.close(channel);
  }
}

function abandon(ctx: EntryContext): void {
  if (ctx.pid === 0) return;
  sys.killQuietly(ctx.pid, sys.SIGKILL);
  // KERNEL: with cgroup v1 a frozen process takes its SIGKILL only when it is thawed.
  sys.waitAtMost(ctx.pid, 10 * PATIENCE);
}

function begin(ctx: EntryContext): void {
  const { initial } = ctx.process.execCPUAffinity ?? {};
  if (initial !== undefined && initial !== '') setCpuAffinity(initial); // config.md: before the cgroups are joined
  const init = initContext(ctx);
  const isStaged = !canEnterPids(ctx.target);
  // On v2 there is one cgroup to join.
  const [only, ...more] = ctx.cgroups;
  const { pid, isInside } = forkIntoCgroup(0, more.length === 0 ? only : undefined);
  if (pid === 0) {
    sys.close(ctx.channel);
    if (isStaged) becomeExecStage(ctx, init);
    becomeChild(ctx, init, ctx.steps);
  }
  ctx.pid = pid;
  sys.close(ctx.childChannel);
  sys.close(init.proc);
  if (!isInside) joinCgroups(ctx.cgroups, pid, ctx.onlyThose ? undefined : ctx.target.pid, ctx.rootless);
  const { oomScoreAdj } = ctx.process;
  if (oomScoreAdj !== undefined) runOomScore({ kind: 'oom-score', value: oomScoreAdj }, pid);
  letGo(ctx.channel);
  if (isStaged) ctx.pid = attendStage(ctx, pid);
}

/** Whether our next children are in the container's pid namespace. */
function canEnterPids({ flags, pidfd }: ExecTarget): boolean {
  if ((flags & sys.CLONE_NEWPID) === 0) return true;
  try {
    sys.setns(pidfd, sys.CLONE_NEWPID);
    // CVE-2016-9962: inherited by the child, which the container's processes can see from its first moment on.
    sys.prctl(sys.PR_SET_DUMPABLE, 0, 0, 0, 0);
    return true;
  } catch (error) {
    if (sys.isErrno(error, sys.E.EPERM)) return false;
    throw error;
  }
}

function initContext(ctx: EntryContext): InitContext {
  const given = {
    bundle: ctx.bundle,
    userns: (ctx.target.flags & sys.CLONE_NEWUSER) !== 0,
    proc: openProc(),
    askSource: () => undefined, // nothing is mounted for one more process
    consoleSocket: ctx.consoleSocket,
    channel: ctx.childChannel,
    listener: -1,
    callerEnvironment: ctx.environment,
    state: ctx.stateOf,
  };
  return newContext(given, ctx.debug !== undefined);
}

function becomeChild(ctx: EntryContext, init: InitContext, steps: readonly ChildStep[]): never {
  const total = ctx.steps.length;
  return becomeContainer(steps, init, total - steps.length, total);
}

/** The first steps, up to the namespaces, are the stage's; the others are those of the process that it clones. */
function becomeExecStage(ctx: EntryContext, init: InitContext): never {
  const own = ctx.steps.findIndex((step) => step.kind === 'enter-namespaces') + 1;
  try {
    runSteps(ctx.steps.slice(0, own), (step) => runChildStep(step, init), 0, ctx.steps.length);
    const pid = sys.fork(sys.CLONE_PARENT);
    // ORDER: our word about it comes before its own.
    if (pid === 0) awaitWord(init, 'go');
    if (pid === 0) becomeChild(ctx, init, ctx.steps.slice(own));
    send(ctx.childChannel, { type: 'cloned', pid });
    sys.exit_group(0);
  } catch (error) {
    sendError(ctx.childChannel, error);
    sys.exit_group(1);
  }
}

/** Serves the stage until it has cloned the process; returns that one's pid. */
function attendStage(ctx: EntryContext, stage: number): number {
  const message = next(ctx);
  if (message?.type === 'error') throw errorOf(message);
  if (message?.type !== 'cloned') throw deathOf(ctx);
  sys.waitFor(stage);
  letGo(ctx.channel);
  return message.pid;
}

/** The child's next word; undefined when its end of the channel is closed. */
function next(ctx: EntryContext): Message | undefined {
  while (sys.poll([ctx.channel], PATIENCE).length === 0) ctx.checkOn();
  const received = receive(ctx.channel);
  if (received?.message.type === 'seccomp-listener') ctx.passListener(received.fds[0], ctx.pid);
  return received?.message;
}

/** Serves the child until its end of the channel is closed by execve(2). */
function attend(ctx: EntryContext): void {
  let isReady = false;
  for (;;) {
    const message = next(ctx);
    if (message === undefined) {
      if (isReady) return;
      throw deathOf(ctx);
    }
    if (message.type === 'error') throw errorOf(message);
    if (message.type === 'ready') isReady = true;
    else if (!logged(message, ctx)) {
      if (message.type === 'rlimit') serveRlimit(ctx.pid, message);
      letGo(ctx.channel);
    }
  }
}

/** The process ended without a word: killed from outside, or for want of memory. */
function deathOf(ctx: EntryContext): TsociError {
  const { status, signal } = sys.waitFor(ctx.pid);
  ctx.pid = 0;
  const end = signal === undefined ? `exit status ${status}` : sys.signalText(signal);
  const hint = signal === sys.SIGKILL ? { hint: "killed from outside, or by the container's memory limit" } : {};
  return new TsociError('ERR_STEP', `the process ended during set-up: ${end} (possibly OOM-killed)`, { ...hint });
}
