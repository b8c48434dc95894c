// The child's words with its parent and its starter, as steps. The picture is in launch.ts.

import { runHooks } from '../../hooks/hooks.ts';
import type { Hook } from '../../spec/types.ts';
import { loadFilter } from '../seccomp/load.ts';
import * as sys from '../sys/index.ts';
import { receive, send } from './channel.ts';
import type { InitContext } from './context.ts';

export type ConversationStep =
  | { readonly kind: 'await-parent' }
  | { readonly kind: 'device-rules' }
  | { readonly kind: 'runtime-hooks'; readonly kinds: readonly string[] }
  | { readonly kind: 'create-container-hooks'; readonly hooks: readonly Hook[] }
  | { readonly kind: 'ready' }
  | { readonly kind: 'announce' }
  | {
      readonly kind: 'start-container-hooks';
      readonly hooks: readonly Hook[];
      /** Of the container: takes effect in each hook's process. */
      readonly seccomp: SeccompStep | undefined;
    }
  | SeccompStep;

export interface SeccompStep {
  readonly kind: 'seccomp';
  readonly filter: Uint8Array;
  readonly flags: number;
  readonly notify: boolean;
}

/** Waits for the parent's word; its end is ours. */
export function awaitWord(ctx: InitContext, word: 'go' | 'start'): void {
  if (receive(ctx.channel)?.message.type !== word) sys.exit_group(1);
}

function becomeReady(ctx: InitContext): void {
  // Nothing of the host is open while nobody knows when `start` will come.
  sys.close(ctx.proc);
  sys.close(ctx.rootfs);
  send(ctx.channel, { type: 'ready' });
  awaitWord(ctx, 'go');
  if (ctx.listener >= 0) awaitStarter(ctx);
  else awaitWord(ctx, 'start');
}

/** Serves one caller after another until one of them is `start`. */
function awaitStarter(ctx: InitContext): void {
  for (;;) {
    sys.close(ctx.channel);
    // COMPAT: `kill` ends a container that waits for its start.
    sys.awaitOrEnd(ctx.listener);
    ctx.channel = sys.accept4(ctx.listener, sys.SOCK_CLOEXEC);
    send(ctx.channel, { type: 'starting' });
    const word = receive(ctx.channel)?.message.type;
    if (word === 'start') return sys.close(ctx.listener);
    if (word !== 'look') sys.exit_group(1);
    beSeen(ctx);
  }
}

/** For as long as the caller keeps the channel open; there is nothing of the host to be seen any more. */
function beSeen(ctx: InitContext): void {
  sys.prctl(sys.PR_SET_DUMPABLE, 1, 0, 0, 0);
  send(ctx.channel, { type: 'go' });
  receive(ctx.channel);
  sys.prctl(sys.PR_SET_DUMPABLE, 0, 0, 0, 0);
}

function applySeccomp(step: SeccompStep, ctx: InitContext): void {
  ctx.debug?.(`seccomp filter flags: ${step.flags}`);
  const listener = loadFilter(step.filter, step.flags, step.notify);
  if (listener === undefined) return;
  send(ctx.channel, { type: 'seccomp-listener' }, [listener]);
  sys.close(listener);
  awaitWord(ctx, 'go');
}

/**
 * COMPAT: a hook is under the container's filter, and without an environment of its own it has the program's. The filter
 * is the hook's process' own: it need not let us run hooks.
 */
function runStartContainerHooks(
  { hooks, seccomp }: Extract<ConversationStep, { kind: 'start-container-hooks' }>,
  ctx: InitContext,
): void {
  const confine = seccomp === undefined ? undefined : () => applySeccomp(seccomp, ctx);
  runHooks('startContainer', hooks, ctx.state('created'), ctx.environment, confine);
}

export function runConversation(step: ConversationStep, ctx: InitContext): void {
  switch (step.kind) {
    case 'await-parent':
      awaitWord(ctx, 'go');
      // CVE-2016-9962: from here on nobody may look at us through /proc or ptrace(2).
      sys.prctl(sys.PR_SET_DUMPABLE, 0, 0, 0, 0);
      return;
    case 'device-rules':
      send(ctx.channel, { type: 'device-rules' });
      return awaitWord(ctx, 'go');
    case 'runtime-hooks':
      send(ctx.channel, { type: 'runtime-hooks' });
      return awaitWord(ctx, 'go');
    case 'create-container-hooks':
      // COMPAT: paths of these hooks are from the root file system, though it is not their root yet.
      sys.fchdir(ctx.rootfs);
      return runHooks('createContainer', step.hooks, ctx.state('creating'), ctx.callerEnvironment);
    case 'ready':
      return becomeReady(ctx);
    case 'announce':
      return send(ctx.channel, { type: 'ready' });
    case 'start-container-hooks':
      return runStartContainerHooks(step, ctx);
    case 'seccomp':
      return applySeccomp(step, ctx);
  }
}

export function describeConversation(step: ConversationStep): string {
  switch (step.kind) {
    case 'await-parent':
      return 'waiting until the parent has written id maps and joined cgroups';
    case 'device-rules':
      return 'asking the parent to put the rules for devices in force';
    case 'runtime-hooks':
      return `asking the parent to run the hooks ${step.kinds.join(', ')}`;
    case 'create-container-hooks':
      return `running createContainer hooks (${step.hooks.length})`;
    case 'ready':
      return 'ready: waiting for start';
    case 'announce':
      return 'ready: going on to the program';
    case 'start-container-hooks':
      return `running startContainer hooks (${step.hooks.length})`;
    case 'seccomp':
      return `loading the seccomp filter (${step.filter.length / 8} instructions)`;
  }
}
