// config.md, "POSIX-platform Hooks": six kinds, each run in the listed order with the container's state on its stdin.

import { TsociError } from '../errors.ts';
import * as sys from '../linux/sys/index.ts';
import type { Hook, Hooks, State } from '../spec/types.ts';
import { type Outcome, runProgram } from './spawn.ts';

export type HookKind = keyof Hooks;

function failure(outcome: Outcome, hook: Hook): string | undefined {
  const streams = `, stdout: ${outcome.stdout}, stderr: ${outcome.stderr}`;
  if (outcome.timedOut) return `hook ran past specified timeout of ${hook.timeout}.0s${streams}`;
  if (outcome.execErrno !== 0) return `fork/exec ${hook.path}: ${sys.errnoText(outcome.execErrno)}`;
  if (outcome.signal !== undefined) return `signal: ${sys.signalText(outcome.signal)}${streams}`;
  if (outcome.status !== 0) return `exit status ${outcome.status}${streams}`;
  return undefined;
}

interface HookPlace {
  readonly kind: HookKind;
  readonly index: number;
}

function runHook(
  { kind, index }: HookPlace,
  hook: Hook,
  state: State,
  environment: readonly string[],
  confine?: () => void,
): void {
  const outcome = runProgram({
    path: hook.path,
    args: hook.args !== undefined && hook.args.length > 0 ? hook.args : [hook.path],
    // COMPAT: a hook without `env` gets the caller's whole environment, as with runc.
    env: hook.env ?? environment,
    stdin: JSON.stringify(state),
    ...(confine === undefined ? {} : { confine }),
    ...(hook.timeout === undefined ? {} : { timeout: hook.timeout * 1000 }),
  });
  const reason = failure(outcome, hook);
  if (reason === undefined) return;
  throw new TsociError('ERR_HOOK', `error running ${kind} hook #${index}: ${reason}`, {
    pointer: `/hooks/${kind}/${index}`,
  });
}

/** Runs the hooks of one kind, each confined by `confine`; the first that fails ends it with ERR_HOOK. */
export function runHooks(
  kind: HookKind,
  hooks: readonly Hook[] | undefined,
  state: State,
  environment: readonly string[],
  confine?: () => void,
): void {
  for (const [index, hook] of (hooks ?? []).entries()) runHook({ kind, index }, hook, state, environment, confine);
}

/** poststop: a failure is a warning, and the others still run (runtime.md, lifecycle step 13). */
export function runHooksWarning(
  kind: HookKind,
  hooks: readonly Hook[] | undefined,
  state: State,
  environment: readonly string[],
  warn: (text: string) => void,
): void {
  for (const [index, hook] of (hooks ?? []).entries()) {
    try {
      runHook({ kind, index }, hook, state, environment);
    } catch (error) {
      if (!(error instanceof TsociError)) throw error;
      warn(error.message);
    }
  }
}
