// `npm start`: installs, builds, and runs a real container whose whole root file system is one static program, built from
// TypeScript by the same tool chain. It prints what it sees inside, beside what the host sees. No network, no image.

import { execFileSync, spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const say = (text) => console.log(text);

function run(command, args) {
  const { status } = spawnSync(command, args, { stdio: ['ignore', 'ignore', 'inherit'] });
  if (status !== 0) {
    console.error(`start: ${command} ${args.join(' ')} failed`);
    process.exit(1);
  }
}

if (!existsSync('node_modules')) {
  say('installing …');
  run('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error']);
}
if (spawnSync('gcc', ['--version']).error !== undefined) run('sh', ['scripts/prepare-debian.sh']);
say('building dist/tsoci …');
run('npm', ['run', '--silent', 'build']);
run(process.execPath, ['--import', 'tsx', 'scripts/build.ts', '--program', 'probe=conformance/probe/probe.ts']);

const rootless = process.getuid() !== 0;
const directory = mkdtempSync(join(tmpdir(), 'tsoci-start-'));
const rootfs = join(directory, 'rootfs');
for (const name of ['proc', 'sys', 'dev', 'etc']) mkdirSync(join(rootfs, name), { recursive: true });
copyFileSync('dist/probe', join(rootfs, 'probe'));
const tsoci = join(process.cwd(), 'dist/tsoci');
execFileSync(tsoci, ['spec', '--bundle', directory, ...(rootless ? ['--rootless'] : [])]);
const file = join(directory, 'config.json');
const config = JSON.parse(readFileSync(file, 'utf8'));
config.process = { ...config.process, terminal: false, args: ['/probe'] };
writeFileSync(file, JSON.stringify(config, null, 2));

const id = `start-${process.pid}`;
const root = join(directory, 'state');
const begun = process.hrtime.bigint();
const container = spawnSync(tsoci, ['--root', root, 'run', '--bundle', directory, id], {
  encoding: 'utf8',
  stdio: ['ignore', 'pipe', 'inherit'],
});
const milliseconds = Number(process.hrtime.bigint() - begun) / 1e6;
const host = JSON.parse(execFileSync('dist/probe', { encoding: 'utf8' }));
rmSync(directory, { recursive: true, force: true });
if (container.status !== 0) {
  console.error(`start: the container ended with status ${container.status}`);
  process.exit(1);
}

const inside = JSON.parse(container.stdout);
const rows = [
  ['', 'in the container', 'on the host'],
  ['pid', inside.pid, host.pid],
  ['hostname', inside.hostname, host.hostname],
  ['user', inside.user.uid, host.user.uid],
  ['capabilities', inside.capabilities.effective, host.capabilities.effective],
  ['no_new_privs', inside.noNewPrivileges, host.noNewPrivileges],
  ['seccomp', inside.seccomp, host.seccomp],
  ['mounts', inside.mounts.length, host.mounts.length],
  [
    'open files',
    ...[inside, host].map(
      ({ limits }) =>
        limits
          .find((line) => line.startsWith('Max open'))
          .trim()
          .split(/ {2,}/)[1],
    ),
  ],
  ...Object.keys(inside.namespaces).map((name) => [
    `${name} namespace`,
    inside.namespaces[name],
    host.namespaces[name],
  ]),
];
const widths = [0, 1].map((column) => Math.max(...rows.map((row) => String(row[column]).replaceAll('\t', ' ').length)));
say(`\ntsoci run: a container from an embedded root file system (${milliseconds.toFixed(0)} ms)\n`);
for (const [name, left, right] of rows) {
  const cells = [name, left, right].map((cell) => String(cell).replaceAll('\t', ' '));
  say(`  ${cells[0].padEnd(widths[0])}   ${cells[1].padEnd(widths[1])}   ${cells[2]}`);
}
