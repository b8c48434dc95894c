// config.md, "Process": cwd, env, args. The last steps before the user's program is there.

import { TsociError } from '../../errors.ts';
import type { Spec } from '../../spec/types.ts';
import { variableOf } from '../environment.ts';
import type { InitContext } from '../init/context.ts';
import { cleanPath } from '../names.ts';
import { makeFolder } from '../paths.ts';
import * as sys from '../sys/index.ts';

export type ProgramStep =
  | { readonly kind: 'environment'; readonly env: readonly string[]; readonly uid: number }
  | { readonly kind: 'make-cwd' | 'cwd' | 'privileged-cwd'; readonly path: string }
  | { readonly kind: 'lookup'; readonly name: string }
  | { readonly kind: 'close-descriptors'; readonly preserve: number }
  | { readonly kind: 'exec'; readonly args: readonly string[] };

export const planEnvironment = (spec: Spec): ProgramStep[] => [
  { kind: 'environment', env: spec.process?.env ?? [], uid: spec.process?.user?.uid ?? 0 },
];

const cwdStep = (kind: 'make-cwd' | 'cwd' | 'privileged-cwd', spec: Spec): ProgramStep => ({
  kind,
  path: spec.process?.cwd ?? '/',
});

/** COMPAT: a folder that is not there is made, while the root can be written to. */
export const planMakeCwd = (spec: Spec): ProgramStep[] =>
  (spec.process?.cwd ?? '/') === '/' ? [] : [cwdStep('make-cwd', spec)];

/** COMPAT: tried before the user is, too: the folder may be closed to the container's user. */
export const planPrivilegedCwd = (spec: Spec): ProgramStep[] => [cwdStep('privileged-cwd', spec)];

export const planCwd = (spec: Spec): ProgramStep[] => [cwdStep('cwd', spec)];

export const planLookup = (spec: Spec): ProgramStep[] => {
  const name = spec.process?.args?.[0];
  return name === undefined ? [] : [{ kind: 'lookup', name }];
};

export const planExec = (spec: Spec, preserve: number): ProgramStep[] => [
  { kind: 'close-descriptors', preserve },
  { kind: 'exec', args: spec.process?.args ?? [] },
];

const nameOf = (entry: string): string => entry.slice(0, entry.indexOf('='));

/** COMPAT: of entries with the same name the last wins (runc 1.3). */
function withoutDuplicates(env: readonly string[]): string[] {
  const last: Record<string, string> = Object.create(null);
  for (const entry of env) last[nameOf(entry)] = entry;
  return Object.values(last);
}

/** Home of `uid` in passwd(5) text. */
export function homeIn(passwd: string, uid: number): string | undefined {
  for (const line of passwd.split('\n')) {
    const fields = line.split(':');
    if (fields[2] === String(uid) && (fields[5] ?? '') !== '') return fields[5];
  }
  return undefined;
}

/** The rootfs is hostile: no blocking open, only a regular file, no more than a mebibyte of it. */
function readPasswd(): string {
  try {
    const how = sys.encodeOpenHow(
      sys.O_RDONLY | sys.O_NONBLOCK | sys.O_NOCTTY | sys.O_CLOEXEC,
      0,
      sys.RESOLVE_NO_MAGICLINKS,
    );
    const fd = sys.openat2(sys.AT_FDCWD, '/etc/passwd', how);
    return sys.withFd(fd, () => {
      if ((sys.fstat(fd).mode & sys.S_IFMT) !== sys.S_IFREG) return '';
      return sys.door().decode(sys.readAll(fd, 1 << 20));
    });
  } catch (error) {
    if (error instanceof sys.SyscallError) return '';
    throw error;
  }
}

/** COMPAT: HOME is taken from the container's /etc/passwd where it is missing or empty, else "/". */
function completeEnvironment(env: readonly string[], uid: number): string[] {
  const unique = withoutDuplicates(env);
  if (unique.some((entry) => entry.startsWith('HOME=') && entry !== 'HOME=')) return unique;
  return [...unique.filter((entry) => entry !== 'HOME='), `HOME=${homeIn(readPasswd(), uid) ?? '/'}`];
}

/** CVE-2024-21626: after the change of user, and never outside of the container's root. */
function enterDirectory(path: string): void {
  sys.chdir(path);
  if (sys.currentDirectory().startsWith('/')) return;
  throw new TsociError(
    'ERR_STEP',
    'current working directory is outside of container mount namespace root -- possible container breakout detected',
  );
}

/** What we may not look into may be there all the same, and open to the container's user. */
function makeDirectory(path: string, ctx: InitContext): void {
  try {
    sys.close(makeFolder(ctx.rootfs, cleanPath(path)));
  } catch (error) {
    if (!sys.isErrno(error, sys.E.EACCES)) throw error;
  }
}

function tryDirectory(path: string, ctx: InitContext): void {
  try {
    enterDirectory(path);
    ctx.isInCwd = true;
  } catch (error) {
    if (!sys.isErrno(error, sys.E.EACCES, sys.E.EPERM)) throw error;
  }
}

/** Why `path` cannot be executed by the calling user, or undefined. */
function refusal(path: string): string | undefined {
  try {
    if ((sys.statAt(sys.AT_FDCWD, path).mode & sys.S_IFMT) === sys.S_IFDIR) return 'is a directory';
  } catch (error) {
    if (error instanceof sys.SyscallError) {
      return error.errno === sys.E.ENOENT ? 'ENOENT' : `stat ${path}: ${error.reason}`;
    }
    throw error;
  }
  return sys.isAccessible(path, sys.X_OK) ? undefined : 'permission denied';
}

/** execvp(3)'s search with the container's PATH; the words are those that engines turn into exit codes 126 and 127. */
export function lookUp(name: string, environment: readonly string[]): string {
  const fail = (reason: string): never => {
    throw new TsociError('ERR_EXEC', `exec: "${name}": ${reason}`);
  };
  if (name.includes('/')) {
    const reason = refusal(name);
    if (reason === undefined) return name;
    return fail(reason === 'ENOENT' ? `stat ${name}: no such file or directory` : reason);
  }
  const path = variableOf(environment, 'PATH') ?? '';
  let denied = false;
  for (const directory of name === '' ? [] : path.split(':')) {
    const candidate = `${directory === '' ? '.' : directory}/${name}`;
    const reason = refusal(candidate);
    if (reason === undefined) return candidate;
    denied ||= reason === 'permission denied';
  }
  return fail(denied ? 'permission denied' : 'executable file not found in $PATH');
}

export function runProgramStep(step: ProgramStep, ctx: InitContext): void {
  switch (step.kind) {
    case 'environment':
      ctx.environment = completeEnvironment(step.env, step.uid);
      return;
    case 'make-cwd':
      return makeDirectory(step.path, ctx);
    case 'privileged-cwd':
      return tryDirectory(step.path, ctx);
    case 'cwd':
      return ctx.isInCwd ? undefined : enterDirectory(step.path);
    case 'lookup':
      ctx.program = lookUp(step.name, ctx.environment);
      return;
    case 'close-descriptors':
      // SAFETY: whatever else is open, of ours or of the caller, ends with the execve.
      sys.close_range(3 + step.preserve, sys.UINT_MAX, sys.CLOSE_RANGE_CLOEXEC);
      return;
    case 'exec':
      return execute(step.args, ctx);
  }
}

function execute(args: readonly string[], ctx: InitContext): void {
  // In the foreground the parent has blocked them all before it made us (runtime/run.ts).
  sys.unblockSignals();
  try {
    sys.execve(ctx.program, args, ctx.environment);
  } catch (error) {
    if (!(error instanceof sys.SyscallError)) throw error;
    throw new TsociError('ERR_EXEC', `exec ${ctx.program}: ${error.reason}`, { errno: error.errno });
  }
}

export function describeProgramStep(step: ProgramStep): string {
  switch (step.kind) {
    case 'environment':
      return `setting the environment: ${step.env.join(' ')}`;
    case 'make-cwd':
      return `making the directory "${step.path}" if it is not there`;
    case 'privileged-cwd':
    case 'cwd':
      return `changing directory to "${step.path}"`;
    case 'lookup':
      return `looking up "${step.name}" in the container's PATH`;
    case 'close-descriptors':
      return `closing every descriptor from ${3 + step.preserve} on`;
    case 'exec':
      return `executing ${JSON.stringify(step.args)}`;
  }
}
