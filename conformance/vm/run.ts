// `npm run conformance:vm`: the black-box suites in a guest that has cgroup v2 alone, with a tiny first process and with systemd.
//   --init tiny|systemd          only that one
//   --engine uml|qemu|qemu-6.1   see vm.sh; uml
//   --cgroups v2|hybrid|v1       how they are mounted; v2
//   --suite cases|engines        conformance/cli and conformance/cases, or conformance/engines; cases
//   --only NAME[,NAME…]          only these files of it
//   --grep TEXT                  only tests in whose name it is
// RUNTIME is the runtime as with `npm run conformance`; a name is one of the guest's own: runc, crun. ENGINES_DIR is shared.

import { spawnSync } from 'node:child_process';
import { readdirSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { build } from 'esbuild';

const PROJECT = fileURLToPath(new URL('../..', import.meta.url));
/** What the guest has besides for the engines: Debian's. */
const ENGINES = [
  'containerd',
  'containernetworking-plugins',
  'docker.io',
  'docker-cli',
  'docker-buildx',
  'podman',
  'conmon',
  'fuse-overlayfs',
  'passt',
  'slirp4netns',
];
interface Suite {
  readonly folders: readonly string[];
  readonly packages: readonly string[];
}
const SUITES: Readonly<Record<string, Suite>> = {
  cases: { folders: ['cli', 'cases'], packages: [] },
  engines: { folders: ['engines'], packages: ENGINES },
};
const BUNDLED = 'dist/conformance';
const RECEIVER = 'dist/receiver';

const { values } = parseArgs({
  options: {
    init: { type: 'string' },
    engine: { type: 'string', default: 'uml' },
    cgroups: { type: 'string', default: 'v2' },
    suite: { type: 'string', default: 'cases' },
    only: { type: 'string' },
    grep: { type: 'string' },
  },
});
const suite = SUITES[values.suite];
if (suite === undefined) throw new Error(`no suite ${values.suite}`);
const { folders, packages } = suite;

/** Arguments of the kernel: systemd reads them, and the tiny first process. */
const LEGACY = 'systemd.unified_cgroup_hierarchy=0 SYSTEMD_CGROUP_ENABLE_LEGACY_FORCE=1';
const CGROUPS: Readonly<Record<string, string>> = {
  v2: '',
  hybrid: LEGACY,
  v1: `${LEGACY} systemd.legacy_systemd_cgroup_controller=1`,
};

/** Plain files: in the guest loading costs more than running. */
async function bundleCases(): Promise<void> {
  const outdir = join(PROJECT, BUNDLED);
  rmSync(outdir, { recursive: true, force: true });
  const wanted = values.only?.split(',').map((name) => `${name}.test.ts`);
  const paths = folders.map((name) => join(PROJECT, 'conformance', name));
  const files = paths.flatMap((folder) => readdirSync(folder).map((name) => join(folder, name)));
  const entryPoints = files.filter((file) => wanted?.includes(basename(file)) ?? file.endsWith('.test.ts'));
  const common = { bundle: true, splitting: true, platform: 'node', format: 'esm', target: 'node20' } as const;
  await build({
    ...common,
    entryPoints,
    outdir,
    outbase: join(PROJECT, 'conformance'),
    external: ['mocha', '@grpc/*', 'tar-stream'],
    sourcemap: 'inline',
    outExtension: { '.js': '.mjs' },
  });
}

/** V8's helpers starve on the guest's single processor. */
const MOCHA = ['node', '--single-threaded', '--enable-source-maps', 'node_modules/mocha/bin/mocha.js', '--no-config'];
const OPTIONS = ['--reporter', 'dot', '--timeout', '120000', '--forbid-only'];

/** What the tests need besides dist/tsoci: the guest has no compiler. */
function buildHelpers(): void {
  const receiver = ['--program', `${basename(RECEIVER)}=conformance/probe/receiver.ts`];
  for (const options of [receiver, ['--inject']]) {
    const words = ['--import', 'tsx', 'scripts/build.ts', ...options];
    const { status } = spawnSync(process.execPath, words, { stdio: 'inherit', cwd: PROJECT });
    if (status !== 0) throw new Error(`scripts/build.ts ${options.join(' ')}: status ${status}`);
  }
}

/** KERNEL: a disk weighs its writers by BFQ alone: a module, and no disk's scheduler by itself. UML's has no cgroups. */
const WEIGHING = 'disk=/sys/block/vda/queue/scheduler; [ ! -e $disk ] || { modprobe bfq && echo bfq >$disk; }';
/** A device of rdma, where the kernel has one of software. */
const RDMA = 'modprobe -q rdma_rxe && rdma link add rxe0 type rxe netdev lo';

function runIn(init: string): boolean {
  console.log(
    `\n== ${process.env['RUNTIME'] ?? 'dist/tsoci'} in a guest (${values.engine}, ${values.cgroups}) with ${init}`,
  );
  const passed = Object.entries(process.env).filter(([name]) => /^(RUNTIME|TSOCI_|UPDATE_|ENGINES_)/.test(name));
  const given = [...passed, ['CONFORMANCE_RECEIVER', RECEIVER] as const];
  const environment = given.flatMap(([name, value]) => ['-E', `${name}=${value}`]);
  const chosen = values.grep === undefined ? [] : ['--grep', values.grep];
  const tests = [...MOCHA, ...OPTIONS, ...chosen, `${BUNDLED}/*/*.test.mjs`];
  const command = ['bash', '-c', `${WEIGHING}; ${RDMA}; exec "$@"`, 'bash', ...tests];
  const how = ['-e', values.engine, '-i', init, '-k', CGROUPS[values.cgroups] ?? ''];
  const shared = [PROJECT, process.env['ENGINES_DIR'] ?? []].flat().flatMap((folder) => ['-v', `${folder}:ro`]);
  const installed = packages.flatMap((name) => ['-p', name]);
  const machine = [...how, ...installed, ...shared, '-t', '3000', ...environment, '--'];
  const vm = fileURLToPath(new URL('vm.sh', import.meta.url));
  const { status } = spawnSync(vm, [...machine, ...command], { stdio: 'inherit', cwd: PROJECT });
  if (status !== 0) console.log(`${basename(vm)}: status ${status}`);
  return status === 0;
}

buildHelpers();
await bundleCases();
const results = (values.init === undefined ? ['tiny', 'systemd'] : [values.init]).map(runIn);
process.exitCode = results.every((good) => good) ? 0 : 1;
