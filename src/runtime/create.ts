// runtime.md, "Create": everything of config.json but the program itself.

import { TsociError } from '../errors.ts';
import { runHooks, runHooksWarning } from '../hooks/hooks.ts';
import { destroyCgroup } from '../linux/cgroups/destroy.ts';
import { inheritedFrom } from '../linux/exec/inherited.ts';
import type { ContainerTraits } from '../linux/exec/sequence.ts';
import { type Host, probeHost } from '../linux/host.ts';
import { type Log, send } from '../linux/init/channel.ts';
import { abandon, launch, type ParentContext } from '../linux/init/launch.ts';
import { hasNewNamespace } from '../linux/namespaces.ts';
import { compilePlan } from '../linux/plan/compile.ts';
import type { Plan } from '../linux/plan/steps.ts';
import * as sys from '../linux/sys/index.ts';
import type { Spec } from '../spec/types.ts';
import { loadBundle } from './bundle.ts';
import { type ConsoleEnds, openConsoleSocket } from './console.ts';
import { checkExecutable } from './executable.ts';
import { checkId } from './ids.ts';
import { type Inherited, withEnvironment } from './inherited.ts';
import { bindNotify, makeNotifyFolder, withNotify } from './notify.ts';
import { opening } from './opening.ts';
import { sendPidfd } from './pidfd.ts';
import { identify } from './process.ts';
import {
  type ContainerRecord,
  claimDirectory,
  RECORD_VERSION,
  removeDirectory,
  startSocketOf,
  writeFilter,
  writeRecord,
} from './record.ts';
import { stateOf } from './status.ts';
import { now } from './time.ts';

export interface CreateOptions extends Log {
  readonly root: string;
  readonly id: string;
  /** Absolute. */
  readonly bundle: string;
  /** Absolute; none when absent. */
  readonly pidFile: string | undefined;
  readonly consoleSocket: string | undefined;
  readonly pidfdSocket: string | undefined;
  /** The caller's NOTIFY_SOCKET. */
  readonly notifySocket: string | undefined;
  readonly noPivot: boolean;
  readonly noNewKeyring: boolean;
  readonly inherited: Inherited;
  readonly rootless: boolean;
  readonly systemdCgroup: boolean;
  /** The caller itself starts the container and stays for its end, or not (`run`, `run --detach`). */
  readonly starter: 'later' | 'caller' | 'attached';
}

export interface Created {
  readonly record: ContainerRecord;
  /** Talks with the container, which waits for `start` on it (starter 'caller' or 'attached'). */
  readonly channel: number;
  /** Receives the terminal's master; -1 where there is none, or it went to a console socket. */
  readonly terminal: number;
  /** Hears the program's sd_notify(3); -1 without a NOTIFY_SOCKET, and where `start` will bind it. */
  readonly notify: number;
}

/** Makes the container, or leaves nothing behind: the errors of every chapter pass through. */
export function createContainer(options: CreateOptions): Created {
  checkId(options.id);
  checkExecutable();
  const spec = loadSpec(options);
  const host = probeHost();
  const plan = compilePlan({ ...options, spec, host, preserveFds: options.inherited.count });
  const console = openConsoleSocket(spec, options);
  claimDirectory(options.root, options.id);
  const record = newRecord(options, spec, plan);
  const existing = [...record.existingCgroups];
  try {
    writeRecord(options.root, record);
    const seccomp = filterIn(plan);
    if (seccomp !== undefined) writeFilter(options.root, options.id, seccomp.filter);
    const created = launchAndRecord(options, { spec, plan, host, console, existing }, record);
    warnOfUnreachable(record, options.warn);
    return created;
  } catch (error) {
    undo(options, plan, existing);
    if (error instanceof TsociError && error.code === 'ERR_HOOK') {
      // runtime.md, lifecycle: a failed hook goes on at "destroy", and then come the poststop hooks.
      runHooksWarning(
        'poststop',
        spec.hooks?.poststop,
        stateOf(record, 'stopped', 0),
        sys.door().environ(),
        options.warn,
      );
    }
    throw error;
  }
}

/** The container's processes are known by its pid namespace or by its cgroup. */
function warnOfUnreachable({ ownPidNamespace, cgroupPaths }: ContainerRecord, warn: Log['warn']): void {
  if (ownPidNamespace || Object.values(cgroupPaths).some(sys.exists)) return;
  warn(
    'the container has neither a cgroup nor a pid namespace of its own: processes that outlive its first one are not found',
  );
}

/** What cannot be undone is a warning: the error that led here is the one to be told. */
function undo(options: CreateOptions, plan: Plan, existing: readonly string[]): void {
  const steps = [
    () => destroyCgroup(plan.cgroupPaths, existing, plan.unit),
    () => removeDirectory(options.root, options.id),
  ];
  for (const step of steps) {
    try {
      step();
    } catch (error) {
      if (!(error instanceof TsociError)) throw error;
      options.warn(`cleaning up: ${error.message}`);
    }
  }
}

/** The bundle's configuration, with what the caller's environment adds to it. */
function loadSpec(options: CreateOptions): Spec {
  const { spec, warnings } = loadBundle(options.bundle);
  for (const warning of warnings) options.warn(warning);
  const listening = withEnvironment(spec, options.inherited.environment);
  return options.notifySocket === undefined ? listening : withNotify(listening, options.root, options.id);
}

/** The socket is bound by whoever will attend to it. */
function openNotify(options: CreateOptions): number {
  if (options.notifySocket === undefined) return -1;
  makeNotifyFolder(options.root, options.id);
  return options.starter === 'later' ? -1 : bindNotify(options.root, options.id);
}

function newRecord(options: CreateOptions, spec: Spec, plan: Plan): ContainerRecord {
  const seccomp = spec.linux?.seccomp;
  return {
    version: RECORD_VERSION,
    id: options.id,
    bundle: options.bundle,
    rootfs: plan.rootfs,
    ...(spec.annotations === undefined ? {} : { annotations: spec.annotations }),
    created: now(),
    owner: sys.geteuid(),
    creator: identify(sys.getpid()),
    ownPidNamespace: hasNewNamespace(spec, 'pid'),
    cgroupPaths: plan.cgroupPaths,
    ...(plan.unit === undefined ? {} : { unit: plan.unit, since: sys.monotonicMillis() }),
    // SAFETY: on the record before we make any: whoever cleans up after us knows which are not ours.
    existingCgroups: Object.values(plan.cgroupPaths).filter(sys.exists),
    traits: traitsOf(options, spec, plan),
    startable: (spec.process?.args ?? []).length > 0,
    poststart: spec.hooks?.poststart ?? [],
    poststop: spec.hooks?.poststop ?? [],
    ...(seccomp?.listenerPath === undefined
      ? {}
      : { seccompListener: { path: seccomp.listenerPath, metadata: seccomp.listenerMetadata ?? '' } }),
  };
}

function traitsOf(options: CreateOptions, spec: Spec, plan: Plan): ContainerTraits {
  const { personality, memoryPolicy } = spec.linux ?? {};
  const seccomp = filterIn(plan);
  return {
    process: inheritedFrom(spec.process),
    ...(options.noNewKeyring ? {} : { keyring: options.id }),
    ...(personality === undefined ? {} : { personality: personality.domain }),
    ...(memoryPolicy === undefined ? {} : { memoryPolicy }),
    ...(seccomp === undefined ? {} : { seccomp: { flags: seccomp.flags, notify: seccomp.notify } }),
  };
}

const filterIn = (plan: Plan) => plan.child.find((step) => step.kind === 'seccomp');

interface Prepared {
  readonly spec: Spec;
  readonly plan: Plan;
  readonly host: Host;
  readonly console: ConsoleEnds;
  readonly existing: string[];
}

function launchAndRecord(options: CreateOptions, prepared: Prepared, intent: ContainerRecord): Created {
  const { spec, plan, host, console, existing } = prepared;
  const environment = sys.door().environ();
  const notify = openNotify(options);
  const listener = options.starter === 'later' ? openStartSocket(options.root, options.id) : -1;
  const ctx = launch({
    plan,
    host,
    bundle: options.bundle,
    consoleSocket: console.container,
    listener,
    environment,
    stateOf: (status, pid) => stateOf(intent, status, pid),
    runtimeHooks: (state) => {
      runHooks('prestart', spec.hooks?.prestart, state, environment);
      runHooks('createRuntime', spec.hooks?.createRuntime, state, environment);
    },
    existingCgroups: existing,
    since: intent.since,
    // SAFETY: whoever cleans up after us finds it.
    rootfsMounted: (rootfsMount) => writeRecord(options.root, { ...intent, rootfsMount }),
    warn: options.warn,
    debug: options.debug,
  });
  try {
    const { rootfsMount } = ctx;
    const made = rootfsMount === undefined ? {} : { rootfsMount };
    const record = { ...intent, ...made, init: identify(ctx.pid), existingCgroups: existing };
    writeRecord(options.root, record);
    if (options.pidfdSocket !== undefined) sendPidfd(options.pidfdSocket, ctx.pid, 'standard');
    if (options.pidFile !== undefined) writePidFile(options.pidFile, ctx.pid);
    release(ctx, console, listener);
    return { record, channel: ctx.channel, terminal: console.ours, notify };
  } catch (error) {
    abandon(ctx);
    throw error;
  }
}

/** The container's own life begins: it no longer ends with us. */
function release(ctx: ParentContext, console: ConsoleEnds, listener: number): void {
  if (console.container >= 0) sys.close(console.container);
  if (listener >= 0) sys.close(listener);
  send(ctx.channel, { type: 'go' });
}

/** A unix socket rather than a FIFO: it refuses where nobody waits, and brings back what became of the start. */
function openStartSocket(root: string, id: string): number {
  const socket = sys.socket(sys.AF_UNIX, sys.SOCK_SEQPACKET | sys.SOCK_CLOEXEC, 0);
  sys.bindUnix(socket, startSocketOf(root, id));
  sys.listen(socket, 8);
  return socket;
}

/** Throws ERR_USAGE. */
export function writePidFile(path: string, pid: number): void {
  const slash = path.lastIndexOf('/');
  const hidden = `${path.slice(0, slash)}/.${path.slice(slash + 1)}`;
  opening(path, () => sys.replaceFile(path, String(pid), 0o666, hidden));
}
