// npm run bench:vm [-- --rounds N] [--engine uml|qemu] [--runtimes tsoci,runc,crun] [--write]
//
// The bench in a guest that has cgroup v2 alone (conformance/vm), beside the runc and crun of the guest. What needs a compiler
// is made here and brought along; the floor is left out, since its plan would be this machine's. In a guest only ratios say
// something: `--write` puts them into docs/performance.md.

import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, rmSync } from 'node:fs';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { build } from 'esbuild';
import { compile } from './meter.ts';
import { writeReport } from './report.ts';

const { values: options } = parseArgs({
  options: {
    rounds: { type: 'string', default: '20' },
    engine: { type: 'string', default: 'uml' },
    runtimes: { type: 'string', default: 'tsoci,runc,crun' },
    write: { type: 'boolean', default: false },
  },
});

const FOLDER = 'dist/bench-vm';
/** On the guest's own disk, as the peers are: shared folders are slow. */
const OWN = '/var/tmp/bench';

async function bring(): Promise<void> {
  rmSync(FOLDER, { recursive: true, force: true });
  mkdirSync(FOLDER, { recursive: true });
  cpSync(compile('bench/measure.c', 'measure'), `${FOLDER}/measure`);
  cpSync('dist/tsoci', `${FOLDER}/tsoci`);
  const outfile = `${FOLDER}/bench.mjs`;
  await build({
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    entryPoints: ['bench/bench.ts'],
    outfile,
  });
}

/** The guest's output; its errors and its progress go to ours. */
function runInGuest(): string {
  const environment = [`BENCH_PROGRAMS=${OWN}`, `BENCH_TSOCI=${OWN}/tsoci`].flatMap((one) => ['-E', one]);
  const bench = `node --single-threaded ${OWN}/bench.mjs --ratios --rounds ${options.rounds} --runtimes ${options.runtimes}`;
  const machine = ['-e', options.engine, '-t', '3000', '-v', `${resolve('.')}:ro`, ...environment, '--'];
  const words = [...machine, `cp -r ${FOLDER} ${OWN} && ${bench} 2>/dev/null`];
  const { status, stdout } = spawnSync(fileURLToPath(new URL('../conformance/vm/vm.sh', import.meta.url)), words, {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  if (status !== 0) throw new Error(`bench: vm.sh: status ${status}\n${stdout}`);
  return stdout.replaceAll('\r', '').trim();
}

await bring();
const text = runInGuest();
console.log(text);
if (options.write) writeReport('bench-vm', text);
