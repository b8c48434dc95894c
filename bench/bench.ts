// npm run bench [-- --rounds N] [--runtimes tsoci,runc,crun] [--write]
//
// Every verb on two bundles (bundles.ts), the runtimes in turn within each round, so that whatever else the machine does
// meets all alike; and the floor (floor.c): the system calls of tsoci's `run` made by a static C program that has nothing
// to decide. How CPU time is counted is told in measure.c. `--write` puts the tables into docs/performance.md.
// `--ratios` prints the ratios and the memory alone; `npm run bench:vm` (vm.ts) does so in a guest with cgroup v2.
// Nothing here asserts a time: a test that can fail because the machine is busy says nothing about the program.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, release, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { type BundleName, bundleNames, writeBundle, writeRootfs } from './bundles.ts';
import { writeFloorPlan } from './floor-plan.ts';
import { compile, Meter, removeCgroup } from './meter.ts';
import { writeReport } from './report.ts';
import { measureTable, ratioTable, type Series } from './statistics.ts';

const { values: options } = parseArgs({
  options: {
    rounds: { type: 'string', default: '30' },
    runtimes: { type: 'string', default: 'tsoci,runc,crun' },
    write: { type: 'boolean', default: false },
    ratios: { type: 'boolean', default: false },
  },
});

const programs: Record<string, readonly string[]> = {
  tsoci: [process.env['BENCH_TSOCI'] ?? resolve('dist/tsoci')],
  runc: ['/usr/sbin/runc', '/usr/bin/runc'],
  crun: ['/usr/bin/crun'],
};

interface Runtime {
  readonly name: string;
  readonly program: string;
  readonly meter: Meter;
  /** Folder of its bundles; its containers' cgroups are `${cgroup}/c`. */
  readonly dir: string;
}

const work = mkdtempSync(join(tmpdir(), 'tsoci-bench.'));
const cgroup = `/tsoci-bench-${process.pid}`;
const series = new Map<string, Series>();
/** What each runtime calls itself. */
const versions = new Map<string, string>();

function openRuntimes(measure: string): Runtime[] {
  return options.runtimes.split(',').flatMap((name) => {
    const program = programs[name]?.find((path) => existsSync(path));
    if (program === undefined) {
      console.error(`bench: no ${name} here, left out`);
      return [];
    }
    versions.set(name, execFileSync(program, ['--version'], { encoding: 'utf8' }).split('\n')[0] ?? '');
    // crun refuses a hybrid host whose cgroup2 tree has controllers: it is shown a tree without.
    return [{ name, program, meter: new Meter(measure, `${cgroup}/${name}`, name === 'crun'), dir: work }];
  });
}

const bundleDir = (runtime: Runtime, bundle: BundleName, program: string) =>
  join(work, `${runtime.name}-${bundle}-${program}`);

function writeBundles(runtimes: readonly Runtime[]): void {
  writeRootfs(work);
  for (const runtime of runtimes) {
    for (const bundle of bundleNames) {
      const path = `${cgroup}/${runtime.name}/c`;
      writeBundle(bundleDir(runtime, bundle, 'sleep'), bundle, ['/bin/sleep', '600'], path);
      writeBundle(bundleDir(runtime, bundle, 'true'), bundle, ['/bin/true'], path);
    }
  }
}

/** Compiles the floor, one program a bundle: the numbers are baked in. */
function compileFloors(): Map<BundleName, string> {
  const floors = new Map<BundleName, string>();
  for (const bundle of bundleNames) {
    const dir = join(work, `floor-${bundle}`);
    const config = writeBundle(dir, bundle, ['/bin/true'], `${cgroup}/floor/c`);
    try {
      if (options.ratios) continue;
      const plan = writeFloorPlan(config, dir, join(work, `floor-${bundle}.state`));
      floors.set(bundle, resolve(compile('bench/floor.c', `floor-${bundle}`, '-include', plan)));
    } catch (error) {
      console.error(`bench: no floor for ${bundle}: ${error instanceof Error ? error.message : error}`);
    }
  }
  return floors;
}

async function sample(
  meter: Meter,
  runtime: string,
  bundle: string,
  verb: string,
  words: readonly string[],
): Promise<void> {
  const result = await meter.measure(words);
  if (result.status !== 0)
    throw new Error(`bench: exit ${result.status}: ${words.join(' ')} (MEASURE_STDERR=1 shows why)`);
  const key = `${runtime} ${bundle} ${verb}`;
  if (!series.has(key)) series.set(key, { runtime, bundle, verb, samples: [] });
  series.get(key)!.samples.push(result);
}

const measureVersion = ({ name, program, meter }: Runtime): Promise<void> =>
  sample(meter, name, 'none', 'version', [program, '--version']);

async function measureSpec({ name, program, meter, dir }: Runtime): Promise<void> {
  rmSync(join(dir, 'config.json'), { force: true });
  await sample(meter, name, 'none', 'spec', [program, 'spec', '--bundle', dir]);
}

/** A process as engines hand it to `exec`: the bundle's own, with another program. */
function execDocument(runtime: Runtime, bundle: BundleName): string {
  const path = join(work, `${runtime.name}-${bundle}-exec.json`);
  if (existsSync(path)) return path;
  const config = JSON.parse(readFileSync(join(bundleDir(runtime, bundle, 'true'), 'config.json'), 'utf8'));
  writeFileSync(path, JSON.stringify(config.process));
  return path;
}

async function measureLife(runtime: Runtime, bundle: BundleName): Promise<void> {
  const { name, program, meter } = runtime;
  const verb = (word: string, ...rest: string[]) =>
    sample(meter, name, bundle, word, [program, '--root', join(work, `${name}.state`), word, ...rest]);
  const id = `bench-${name}`;
  await verb('create', '--bundle', bundleDir(runtime, bundle, 'sleep'), id);
  await verb('state', id);
  await verb('list');
  await verb('start', id);
  await verb('exec', '--process', execDocument(runtime, bundle), id);
  await verb('ps', '--format', 'json', id);
  // crun has no such verb.
  if (name !== 'crun') await verb('events', '--stats', id);
  await verb('update', '--pids-limit', '200', id);
  await verb('pause', id);
  await verb('resume', id);
  await verb('kill', id, 'KILL');
  await verb('delete', id);
  await verb('run', '--bundle', bundleDir(runtime, bundle, 'true'), id);
}

const failures = new Map<string, number>();

/** What a runtime fails to do is told, and after the third time left out; all else goes on. */
async function tryOnce(runtime: Runtime, what: string, run: () => Promise<void>): Promise<void> {
  const key = `${runtime.name} ${what}`;
  const before = failures.get(key) ?? 0;
  if (before >= 3) return;
  try {
    await run();
  } catch (error) {
    failures.set(key, before + 1);
    console.error(error instanceof Error ? error.message : error);
    const root = join(work, `${runtime.name}.state`);
    await runtime.meter.measure([runtime.program, '--root', root, 'delete', '--force', `bench-${runtime.name}`]);
  }
}

function report(runtimes: readonly string[], rounds: number): string {
  const all = [...series.values()];
  const others = [...runtimes.filter((name) => name !== 'tsoci'), ...(options.ratios ? [] : ['floor'])];
  const columns = [...runtimes, ...(options.ratios ? [] : ['floor'])];
  return [
    `${rounds} rounds, ${cpus().length} × ${cpus()[0]?.model ?? 'unknown processor'}, Linux ${release()}; ${runtimes.map((name) => versions.get(name)).join(', ')}.`,
    ...(runtimes.includes('tsoci')
      ? ['### How many times the CPU time of tsoci', ratioTable(all, 'tsoci', others)]
      : []),
    ...(options.ratios
      ? []
      : [
          '### CPU time in ms, median (minimum)',
          measureTable(all, columns, 'cpu'),
          '### Wall-clock time in ms, median (minimum)',
          measureTable(all, columns, 'wall'),
        ]),
    '### Peak memory in MB, largest process',
    measureTable(all, columns, 'rss'),
  ].join('\n\n');
}

async function main(): Promise<void> {
  const rounds = Number(options.rounds);
  const measure = compile('bench/measure.c', 'measure');
  const runtimes = openRuntimes(measure);
  const floorMeter = new Meter(measure, `${cgroup}/floor`, false);
  try {
    writeBundles(runtimes);
    const floors = compileFloors();
    for (let round = 0; round < rounds; round++) {
      // Each round begins with another runtime: nobody is always the one after the heaviest.
      const turn = [...runtimes.slice(round % runtimes.length), ...runtimes.slice(0, round % runtimes.length)];
      for (const runtime of turn) {
        await tryOnce(runtime, 'version', () => measureVersion(runtime));
        await tryOnce(runtime, 'spec', () => measureSpec(runtime));
      }
      for (const bundle of bundleNames) {
        for (const runtime of turn) await tryOnce(runtime, bundle, () => measureLife(runtime, bundle));
        const floor = floors.get(bundle);
        if (floor !== undefined) await sample(floorMeter, 'floor', bundle, 'run', [floor]);
      }
      process.stderr.write(`\rround ${round + 1} of ${rounds}`);
    }
    process.stderr.write('\n');
  } finally {
    for (const { meter } of runtimes) await meter.close();
    await floorMeter.close();
    removeCgroup(cgroup);
    rmSync(work, { recursive: true, force: true });
  }
  const text = report(
    runtimes.map(({ name }) => name),
    rounds,
  );
  console.log(text);
  if (options.write) writeReport('bench', text);
}

await main();
