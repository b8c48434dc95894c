// What the engines' tests share: a folder of their own, commands with an end, daemons by pid, cgroups removed.

import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { closeSync, existsSync, mkdtempSync, openSync, readdirSync, readFileSync, rmdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';

/** Own mount namespace: what an engine mounts goes with its last process. unshare(1) execs, the pid stays. */
const PRIVATE = ['--mount', '--propagation', 'private'];
export const SCRIPT = 'read line; echo "heard $line"; echo aside >&2; exit 7';

export interface Run {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Why an engine cannot run here, or undefined. */
export function obstacle(...programs: readonly string[]): string | undefined {
  if (process.getuid?.() !== 0) return 'not root';
  return programs
    .filter((program) => spawnSync('which', [program]).status !== 0)
    .map((program) => `${program} is not installed`)[0];
}

export const folder = (engine: string): string => mkdtempSync(join(tmpdir(), `tsoci-${engine}.`));

/** Runs a command, its standard input from a file (a pipe can hang `ctr run`), killed after `seconds`. */
export function command(
  [program = '', ...args]: readonly string[],
  { input = '/dev/null', seconds = 40, env = {} }: { input?: string; seconds?: number; env?: NodeJS.ProcessEnv } = {},
): Run {
  const stdin = openSync(input, 'r');
  try {
    const { status, stdout, stderr, error } = spawnSync(program, args, {
      stdio: [stdin, 'pipe', 'pipe'],
      encoding: 'utf8',
      timeout: seconds * 1000,
      killSignal: 'SIGKILL',
      env: { ...process.env, ...env },
    });
    return { status, stdout: stdout ?? '', stderr: `${stderr ?? ''}${error ? error.message : ''}` };
  } finally {
    closeSync(stdin);
  }
}

export const privately = (words: readonly string[]): string[] => ['unshare', ...PRIVATE, ...words];

/** `command`, or an error with what it said. */
export function must(words: readonly string[], options: Parameters<typeof command>[1] = {}): void {
  const run = command(words, options);
  if (run.status !== 0) throw new Error(`${words.join(' ')}: status ${run.status}: ${run.stderr}`);
}

export function expectThrough(run: Run): void {
  expect({ status: run.status, stdout: run.stdout }, run.stderr).to.deep.equal({
    status: 7,
    stdout: 'heard through\n',
  });
  expect(run.stderr).to.contain('aside');
}

/** Starts a daemon that logs to `log`; returns when `ready` answers with 0. */
export async function startDaemon(words: readonly string[], log: string, ready: readonly string[]) {
  const out = openSync(log, 'w');
  const [program = '', ...args] = privately(words);
  const daemon = spawn(program, args, { stdio: ['ignore', out, out] });
  closeSync(out);
  for (let tries = 0; tries < 100 && daemon.exitCode === null; tries++) {
    if (command(ready, { seconds: 5 }).status === 0) return daemon;
    await sleep(200);
  }
  await stopDaemon(daemon);
  throw new Error(`${words[0]} did not start: ${readFileSync(log, 'utf8').slice(-2000)}`);
}

/** SIGTERM, and SIGKILL after 10 s. */
export async function stopDaemon(daemon: ChildProcess | undefined): Promise<void> {
  if (!daemon) return;
  const gone = () => daemon.exitCode !== null || daemon.signalCode !== null;
  daemon.kill('SIGTERM');
  for (let tries = 0; tries < 100 && !gone(); tries++) await sleep(100);
  if (!gone()) daemon.kill('SIGKILL');
}

function removeCgroup(path: string): void {
  if (!existsSync(path)) return;
  for (const entry of readdirSync(path, { withFileTypes: true })) {
    if (entry.isDirectory()) removeCgroup(join(path, entry.name));
  }
  rmdirSync(path);
}

/** Removes the folder, and the cgroup `name` of every hierarchy. */
export function clean(dir: string, name: string): void {
  const top = '/sys/fs/cgroup';
  for (const path of [join(top, name), ...readdirSync(top).map((hierarchy) => join(top, hierarchy, name))]) {
    removeCgroup(path);
  }
  rmSync(dir, { recursive: true, force: true });
}
