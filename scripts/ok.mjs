// The checks to pass before every commit, in one command: each is run to its end, so that one run shows all that is wrong.
//   npm run ok            all checks
//   npm run ok -- types   only the named ones
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';

const rooms = ['bin', 'src', 'scripts', 'conformance', 'bench'].filter((path) => existsSync(path));

const checks = {
  format: ['biome', 'check', '--error-on-warnings', '--colors=off', '.'],
  types: ['tsc', '-p', 'tsconfig.json'],
  'types-node': ['tsc', '-p', 'tsconfig.node.json'],
  imports: ['depcruise', '--config', '.dependency-cruiser.cjs', ...rooms],
  'dead-code': ['knip', '--no-progress'],
  unit: ['npm', 'run', '--silent', 'unit'],
};

/** Runs one check with its output held back. */
function run(name, [command, ...args]) {
  const begun = Date.now();
  return new Promise((resolve) => {
    const chunks = [];
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    child.stdout.on('data', (chunk) => chunks.push(chunk));
    child.stderr.on('data', (chunk) => chunks.push(chunk));
    child.on('error', (error) => resolve({ name, ok: false, ms: 0, output: `${error.message}\n` }));
    child.on('close', (code) =>
      resolve({ name, ok: code === 0, ms: Date.now() - begun, output: Buffer.concat(chunks).toString() }),
    );
  });
}

/** A failed check tells everything, a passed one only its time; the unit tests always show their counts. */
function report({ name, ok, ms, output }) {
  console.log(`${ok ? 'ok    ' : 'FAILED'} ${name} (${(ms / 1000).toFixed(1)} s)`);
  if (!ok) console.log(output);
  else if (name === 'unit')
    console.log(
      output
        .split('\n')
        .filter((line) => /^ +\d+ (passing|pending)/.test(line))
        .join('\n'),
    );
}

const wanted = process.argv.slice(2);
const queue = Object.entries(checks).filter(([name]) => wanted.length === 0 || wanted.includes(name));
const failed = [];
async function worker() {
  for (let next = queue.shift(); next; next = queue.shift()) {
    const result = await run(...next);
    report(result);
    if (!result.ok) failed.push(result.name);
  }
}
// Two at a time: the checks are single-threaded, and two is what the smallest machine has.
await Promise.all([worker(), worker()]);
if (failed.length > 0) {
  console.log(`not ok: ${failed.join(', ')}`);
  process.exit(1);
}
