// Drives a runtime by its command line alone. RUNTIME names it: a path, or a name on the PATH (default dist/tsoci).

import { spawnSync } from 'node:child_process';
import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import type { Context } from 'mocha';
import { skip } from './skip.ts';

export interface Result {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly input?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Output of detached verbs goes to the container's stdio: dropped unless asked for. */
  readonly detached?: boolean;
}

const TIMEOUT = 20_000;

const wanted = process.env['RUNTIME'] ?? 'dist/tsoci';
export const runtimePath = wanted.includes('/') ? resolve(wanted) : wanted;
export const runtimeName = basename(wanted);
export const isTsoci = runtimeName.startsWith('tsoci');

/** crun 1.8 refuses a hybrid host whose cgroup2 tree has controllers: it is shown a tree without. */
const CONTROLLERS = '/sys/fs/cgroup/unified/cgroup.controllers';
const HIDE = `mount --make-rprivate / && mount --bind /dev/null ${CONTROLLERS}; exec "$@"`;

const wrapOf = (program: string): readonly string[] =>
  basename(program) === 'crun' && existsSync(CONTROLLERS)
    ? ['unshare', '-m', 'sh', '-c', HIDE, 'sh', program]
    : [program];

/** A runtime with a state folder of its own. */
/** Folders of the runtimes' states, removed when the tests have ended. */
const folders: string[] = [];
process.on('exit', () => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

export class Runtime {
  readonly root: string;
  readonly words: readonly string[];
  constructor(program: string = runtimePath) {
    const folder = mkdtempSync(join(tmpdir(), 'tsoci-root.'));
    folders.push(folder);
    this.root = join(folder, 'root');
    this.words = wrapOf(program);
  }

  /** The words of a command line, for a test that spawns itself. */
  line(args: readonly string[]): [string, string[]] {
    const [program = '', ...before] = this.words;
    return [program, [...before, '--root', this.root, ...args]];
  }

  run(args: readonly string[], options: RunOptions = {}): Result {
    const [program, words] = this.line(args);
    // A container made detached holds the stdio that it was given: a pipe would be waited on until its end.
    const errors = join(dirname(this.root), 'stderr');
    const fd = openSync(errors, 'w');
    const input = this.#inputFor(options);
    const { status, stdout } = spawnSync(program, words, {
      encoding: 'utf8',
      input: options.input ?? '',
      timeout: TIMEOUT,
      killSignal: 'SIGKILL',
      cwd: options.cwd,
      env: { ...process.env, ...options.env },
      stdio: options.detached === true ? ['ignore', 'ignore', fd] : [input, 'pipe', fd],
    });
    for (const opened of [fd, input]) if (typeof opened === 'number') closeSync(opened);
    return { status, stdout: stdout ?? '', stderr: readFileSync(errors, 'utf8') };
  }

  /** Node's pipes are sockets: crun opens /dev/stdin anew, which a socket does not let it. */
  #inputFor({ input }: RunOptions): 'pipe' | number {
    if (runtimeName !== 'crun' || input === undefined) return 'pipe';
    const file = join(dirname(this.root), 'stdin');
    writeFileSync(file, input);
    return openSync(file, 'r');
  }

  state(id: string): Record<string, unknown> & { pid: number; status: string } {
    const result = this.run(['state', id]);
    if (result.status !== 0) throw new Error(`state ${id}: ${result.stderr}`);
    return JSON.parse(result.stdout);
  }
}

/** Marks where a peer is known to differ from the specification: the test is skipped for it, with the reason told. */
export function deviates(context: Context, name: string, reason: string): void {
  if (runtimeName === name) skip(context, `${name}: ${reason}`);
}

export function onlyTsoci(context: Context): void {
  if (!isTsoci) context.skip();
}
