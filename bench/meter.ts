// One measure process (measure.c) and the cgroup that it reads: commands go in, numbers come out.
import { type ChildProcessWithoutNullStreams, execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, rmdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

/** `wall`, `cpu`, `reaped` in nanoseconds, `rss` in KiB; what each means is told in measure.c. */
export interface Sample {
  readonly status: number;
  readonly wall: number;
  readonly cpu: number;
  readonly reaped: number;
  readonly rss: number;
}

const hierarchies = '/sys/fs/cgroup';
const v2 = existsSync(`${hierarchies}/cgroup.controllers`);
/** The hierarchy that counts CPU time: cpuacct (v1, also when it is mounted together with cpu), or the only one. */
const accounting = v2 ? hierarchies : `${hierarchies}/cpuacct`;
const hybridMask = `${hierarchies}/unified/cgroup.controllers`;

/** Path of the program. BENCH_PROGRAMS names the folder where it lies already, on a machine without a compiler. */
export function compile(source: string, output: string, ...flags: string[]): string {
  const made = process.env['BENCH_PROGRAMS'];
  if (made !== undefined && existsSync(join(made, output))) return join(made, output);
  mkdirSync('dist/bench', { recursive: true });
  const path = join('dist/bench', output);
  execFileSync(
    'gcc',
    ['-O2', '-static', '-Wall', '-Wextra', '-Wno-type-limits', '-Werror', ...flags, '-o', path, source],
    { stdio: 'inherit' },
  );
  return path;
}

export class Meter {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #lines: AsyncIterator<string>;

  /** `cgroup`: for example /tsoci-bench-1/crun: commands start in its child `verbs`, containers belong into others. */
  constructor(program: string, cgroup: string, maskHybrid: boolean) {
    const verbs = join(accounting, cgroup, 'verbs');
    mkdirSync(verbs, { recursive: true });
    const usage = join(accounting, cgroup, v2 ? 'cpu.stat' : 'cpuacct.usage');
    const masks = maskHybrid && existsSync(hybridMask) ? [hybridMask] : [];
    this.#child = spawn(program, [join(verbs, 'cgroup.procs'), usage, ...masks], {
      env: { ...process.env, PATH: '/usr/sbin:/usr/bin:/sbin:/bin' },
    });
    this.#child.stderr.pipe(process.stderr);
    this.#lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
  }

  /** Runs `words` (an absolute path and its arguments) to the end and until all that it left behind is quiet. */
  async measure(words: readonly string[]): Promise<Sample> {
    this.#child.stdin.write(`${words.join('\t')}\n`);
    const { value, done } = await this.#lines.next();
    if (done) throw new Error(`bench: measure ended at: ${words.join(' ')}`);
    return JSON.parse(value) as Sample;
  }

  async close(): Promise<void> {
    const ended = new Promise((resolve) => this.#child.once('close', resolve));
    this.#child.stdin.end();
    await ended;
  }
}

/** Removes `cgroup` and what lies below it, in every hierarchy. */
export function removeCgroup(cgroup: string): void {
  const roots = v2 ? [hierarchies] : readdirSync(hierarchies).map((name) => join(hierarchies, name));
  for (const root of roots) removeTree(join(root, cgroup));
}

function removeTree(dir: string): void {
  if (!existsSync(dir)) return;
  for (const name of readdirSync(dir)) if (statSync(join(dir, name)).isDirectory()) removeTree(join(dir, name));
  rmdirSync(dir);
}
