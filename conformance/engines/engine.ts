// What the engines' tests share: a folder of their own, commands with an end, daemons by pid, cgroups removed.

import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  closeSync,
  existsSync,
  lstatSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import type { Context } from 'mocha';
import { runtimePath } from '../harness/runtime.ts';
import { skip } from '../harness/skip.ts';
import { pathOf } from './drivers.ts';

/** ENGINES_DIR is a folder of other engines, as `dpkg-deb -x` makes it: they go before the installed ones. */
const folderOfEngines = process.env['ENGINES_DIR'];

/** These paths in it, none without it. */
export const inFolderOfEngines = (...paths: string[]): string[] =>
  folderOfEngines === undefined ? [] : paths.map((path) => resolve(folderOfEngines, path));

process.env['PATH'] = [...inFolderOfEngines('usr/bin', 'usr/sbin'), process.env['PATH']].join(':');

/** Own mount namespace: what an engine mounts goes with its last process. unshare(1) execs, the pid stays. */
const PRIVATE = ['--mount', '--propagation', 'private'];
/** In ms: after so long something hangs, however slow the machine. Engines in a guest on a busy one take a minute for a second. */
export const PATIENCE = 120_000;
export const SCRIPT = 'read line; echo "heard $line"; echo aside >&2; exit 7';

export interface Run {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Why an engine cannot run here, or undefined. */
export function obstacle(...programs: readonly string[]): string | undefined {
  if (process.getuid?.() !== 0) return 'not root';
  return programs.filter((program) => which(program) === '').map((program) => `${program} is not installed`)[0];
}

const SYS_RESOURCE = 1n << 24n;

/** Whether CAP_SYS_RESOURCE is there, without which a limit cannot be raised and oom_score_adj not be lowered. */
export const mayRaiseLimits = (): boolean => {
  const caps = /^CapEff:\t(\w+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1];
  return (BigInt(`0x${caps}`) & SYS_RESOURCE) !== 0n;
};

/** Where a program is, or ''. */
export const which = (program: string): string => spawnSync('which', [program], { encoding: 'utf8' }).stdout.trim();

/** The runtime under test as a path. */
export const runtimeFile = (): string => which(runtimePath);

export const folder = (engine: string): string => mkdtempSync(join(tmpdir(), `tsoci-${engine}.`));

/** Runs a command, its standard input from a file (a pipe can hang `ctr run`), killed after `PATIENCE`. */
export function command(
  [program = '', ...args]: readonly string[],
  { input = '/dev/null', env = {} }: { input?: string; env?: NodeJS.ProcessEnv } = {},
): Run {
  const stdin = openSync(input, 'r');
  try {
    const { status, stdout, stderr, error } = spawnSync(program, args, {
      stdio: [stdin, 'pipe', 'pipe'],
      encoding: 'utf8',
      timeout: PATIENCE,
      killSignal: 'SIGKILL',
      env: { ...process.env, ...env },
    });
    return { status, stdout: stdout ?? '', stderr: `${stderr ?? ''}${error ? error.message : ''}` };
  } finally {
    closeSync(stdin);
  }
}

export const privately = (words: readonly string[]): string[] => ['unshare', ...PRIVATE, ...words];

/** The trimmed output of `command`, or an error with what it said. */
export function must(words: readonly string[], options: Parameters<typeof command>[1] = {}): string {
  const run = command(words, options);
  if (run.status !== 0) throw new Error(`${words.join(' ')}: status ${run.status}: ${run.stderr}`);
  return run.stdout.trim();
}

/** Runs `words` on a terminal, whose input stays open to the end: what the terminal showed. */
export async function onTerminal(words: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<string> {
  const line = words.map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(' ');
  const script = spawn('script', ['-qec', line, '/dev/null'], {
    stdio: ['pipe', 'pipe', 'ignore'],
    env: { ...process.env, ...env },
    timeout: PATIENCE,
    killSignal: 'SIGKILL',
  });
  let output = '';
  script.stdout.on('data', (data) => (output += data));
  await once(script, 'close');
  script.stdin.destroy();
  return output;
}

/** Skips where the runtime has no such verb. */
export function needs(context: Context, verb: string): void {
  if (command([runtimePath, verb, '--help']).status !== 0) skip(context, `${runtimePath} has no ${verb}`);
}

/** Waits for what an engine brings about in its own time. */
export async function eventually(what: string, done: () => boolean | Promise<boolean>): Promise<void> {
  const end = Date.now() + PATIENCE;
  while (!(await done())) {
    if (Date.now() > end) throw new Error(`waited for ${what}`);
    await sleep(100);
  }
}

/** A file of the cgroup that a process is in: version 1's by controller, version 2's by its name there. */
export function cgroupFile(pid: number | string, controller: string, v1: string, v2: string): string {
  for (const line of readFileSync(`/proc/${pid}/cgroup`, 'utf8').split('\n')) {
    const [, controllers = '', path = ''] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
    if (controllers.split(',').includes(controller)) {
      return readFileSync(join('/sys/fs/cgroup', controllers, path, v1), 'utf8').trim();
    }
  }
  return readFileSync(join('/sys/fs/cgroup', pathOf(pid), v2), 'utf8').trim();
}

/** Whether the kernel lets the processes of a container stand still. */
export const isFrozen = (pid: number | string): boolean =>
  ['FROZEN', '1'].includes(cgroupFile(pid, 'freezer', 'freezer.state', 'cgroup.freeze'));

export function expectThrough(run: Run): void {
  expect({ status: run.status, stdout: run.stdout }, run.stderr).to.deep.equal({
    status: 7,
    stdout: 'heard through\n',
  });
  expect(run.stderr).to.contain('aside');
}

/** Starts a daemon that logs to `log`; returns when `ready` answers with 0. */
export async function startDaemon(words: readonly string[], log: string, ready: readonly string[], env = process.env) {
  const out = openSync(log, 'a');
  const [program = '', ...args] = words;
  const daemon = spawn(program, args, { stdio: ['ignore', out, out], env });
  closeSync(out);
  const end = Date.now() + PATIENCE;
  while (Date.now() < end && daemon.exitCode === null) {
    if (command(ready).status === 0) return daemon;
    await sleep(200);
  }
  await stopDaemon(daemon);
  throw new Error(`${words[0]} did not start: ${readFileSync(log, 'utf8').slice(-2000)}`);
}

/** Mount and network namespaces that outlive the daemons in them, and end with the process that holds them. */
export async function holdNamespaces(): Promise<ChildProcess> {
  const script = '/bin/busybox ip link set lo up; echo held; exec cat';
  const words = [...PRIVATE, '--net', 'sh', '-c', script];
  const holder = spawn('unshare', words, { stdio: ['pipe', 'pipe', 'inherit'] });
  await once(holder.stdout, 'data');
  return holder;
}

/** SIGTERM, and SIGKILL after 10 s. */
export async function stopDaemon(daemon: ChildProcess | undefined): Promise<void> {
  if (!daemon) return;
  const gone = () => daemon.exitCode !== null || daemon.signalCode !== null;
  daemon.kill('SIGTERM');
  for (let tries = 0; tries < 100 && !gone(); tries++) await sleep(100);
  if (!gone()) daemon.kill('SIGKILL');
}

/** KERNEL: a cgroup is busy until its last process is buried, which after a failed test may be a moment away. */
function removeDir(path: string): void {
  for (let tries = 0; ; tries++) {
    try {
      return rmdirSync(path);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'ENOENT') return;
      if (code !== 'EBUSY' || tries === 100) throw error;
      endProcesses(path);
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 50);
    }
  }
}

function endProcesses(cgroup: string): void {
  for (const pid of readFileSync(join(cgroup, 'cgroup.procs'), 'utf8').split('\n').filter(Boolean)) {
    try {
      process.kill(Number(pid), 'SIGKILL');
    } catch {
      // Gone meanwhile.
    }
  }
}

function removeCgroup(path: string): void {
  if (!existsSync(path)) return;
  // Where a hierarchy is not mounted podman makes plain folders and files in its place.
  if (!existsSync(join(path, 'cgroup.procs'))) return rmSync(path, { recursive: true });
  for (const entry of readdirSync(path, { withFileTypes: true })) {
    if (entry.isDirectory()) removeCgroup(join(path, entry.name));
  }
  removeDir(path);
}

/** Removes the folder, and the cgroup `name` of every hierarchy. */
export function clean(dir: string, name: string): void {
  const top = '/sys/fs/cgroup';
  removeCgroup(join(top, name));
  for (const hierarchy of readdirSync(top)) {
    const path = join(top, hierarchy);
    removeCgroup(join(path, name));
    if (lstatSync(path).isDirectory() && readdirSync(path).length === 0) rmdirSync(path);
  }
  rmSync(dir, { recursive: true, force: true });
}
