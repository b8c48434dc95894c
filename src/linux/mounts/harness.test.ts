// No test: what the kernel tests of mounts share. Each test has a bundle of its own, and runs drive.test.ts beside it.

import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildSync } from 'esbuild';
import { afterEach, before, beforeEach } from 'mocha';
import type { Mount, Spec } from '../../spec/types.ts';
import type { Outcome } from './drive.test.ts';

/** drive.test.ts as one script, which Node starts many times faster than the sources. */
export const DRIVER = path.resolve('dist/obj/drive-mounts.mjs');
const isRoot = process.geteuid?.() === 0;
export const hasRunc = spawnSync('runc', ['--version']).status === 0;
const BUSYBOX = '/bin/busybox';

/** The folder of the test that is running. */
export const box = { bundle: '' };
let counter = 0;

export const rootfs = (...parts: string[]): string => path.join(box.bundle, 'rootfs', ...parts);

export const specOf = (mounts: Mount[], linux: Spec['linux'] = {}, more: Partial<Spec> = {}): Spec => ({
  ociVersion: '1.0.2',
  root: { path: 'rootfs' },
  mounts,
  linux: { namespaces: [{ type: 'mount' }, { type: 'pid' }, { type: 'uts' }, { type: 'ipc' }], ...linux },
  ...more,
});

export const orderOf = (spec: Spec, more: object): NodeJS.ProcessEnv => ({
  ...process.env,
  TSOCI_DRIVE_MOUNTS: JSON.stringify({ bundle: box.bundle, spec, ...more }),
});

const NAMESPACES = ['--mount', '--uts', '--ipc', '--pid', '--fork', '--propagation', 'unchanged'];

/** A host whose mounts are shared, as systemd makes them. */
export const SHARED_WORLD = ['unshare', '--mount', '--propagation', 'shared'];

/** Runs the steps of `spec` in namespaces of their own; `world` is a command around, `extra` are more of unshare(1). */
export function drive(
  spec: Spec,
  more: object = {},
  world: string[] = [],
  extra: string[] = [],
  stdin: 'pipe' | 'ignore' = 'pipe',
): Outcome {
  const [command = '', ...args] = [...world, 'unshare', ...extra, ...NAMESPACES, process.execPath, DRIVER];
  const result = spawnSync(command, args, {
    env: orderOf(spec, more),
    encoding: 'utf8',
    stdio: [stdin, 'pipe', 'pipe'],
  });
  if (result.status !== 0) throw new Error(`driver: ${result.stderr}`);
  return JSON.parse(result.stdout) as Outcome;
}

interface MountLine {
  readonly root: string;
  readonly point: string;
  readonly options: string;
  readonly optional: string;
  readonly type: string;
  readonly source: string;
  readonly super: string;
}

/** The fields that do not count up: not ids, not device numbers, not numbers of peer groups. */
export function parse(mountinfo: string): MountLine[] {
  return mountinfo
    .trim()
    .split('\n')
    .map((line) => {
      const [front = '', back = ''] = line.split(' - ');
      const [, , , root = '', point = '', options = '', ...optional] = front.split(' ');
      const [type = '', source = '', superOptions = ''] = back.split(' ');
      const kinds = optional.map((word) => word.replace(/:.*/, '')).join(' ');
      return { root, point, options, optional: kinds, type, source, super: superOptions };
    });
}

export const at = (outcome: Outcome, point: string): MountLine | undefined =>
  parse(outcome.mountinfo).findLast((line) => line.point === point);

/** The same configuration, done by runc, whose program prints its mount table. */
export function mountinfoOfRunc(spec: Spec, world: string[] = [], flags: string[] = []): string {
  const process = { cwd: '/', args: ['/bin/busybox', 'cat', '/proc/self/mountinfo'], user: { uid: 0, gid: 0 } };
  fs.writeFileSync(path.join(box.bundle, 'config.json'), JSON.stringify({ ...spec, process }));
  const id = `tsoci-mounts-${globalThis.process.pid}-${counter++}`;
  const [command = '', ...args] = [...world, 'runc', 'run', ...flags, '--bundle', box.bundle, id];
  const result = spawnSync(command, args, { encoding: 'utf8' });
  if (result.status !== 0) throw new Error(`runc: ${result.stderr}${result.stdout}`);
  return result.stdout;
}

export const PROC: Mount = {
  destination: '/proc',
  type: 'proc',
  source: 'proc',
  options: ['nosuid', 'noexec', 'nodev'],
};

/** What docker and containerd ask for. */
export const ENGINE_MOUNTS: Mount[] = [
  PROC,
  {
    destination: '/dev',
    type: 'tmpfs',
    source: 'tmpfs',
    options: ['nosuid', 'strictatime', 'mode=755', 'size=65536k'],
  },
  {
    destination: '/dev/pts',
    type: 'devpts',
    source: 'devpts',
    options: ['nosuid', 'noexec', 'newinstance', 'ptmxmode=0666', 'mode=0620', 'gid=5'],
  },
  {
    destination: '/dev/shm',
    type: 'tmpfs',
    source: 'shm',
    options: ['nosuid', 'noexec', 'nodev', 'mode=1777', 'size=67108864'],
  },
  { destination: '/dev/mqueue', type: 'mqueue', source: 'mqueue', options: ['nosuid', 'noexec', 'nodev'] },
  { destination: '/sys', type: 'sysfs', source: 'sysfs', options: ['nosuid', 'noexec', 'nodev', 'ro'] },
];

/** Makes and removes the bundle of each test of the surrounding `describe`. */
export function withBundles(): void {
  before(() => {
    const driver = fileURLToPath(new URL('./drive.test.ts', import.meta.url));
    const sources = {
      bundle: true,
      platform: 'node',
      format: 'esm',
      packages: 'external',
      sourcemap: 'inline',
    } as const;
    buildSync({ ...sources, entryPoints: [driver], outfile: DRIVER });
  });

  beforeEach(function () {
    if (!isRoot) {
      console.log('      skipped: needs root');
      this.skip();
    }
    box.bundle = fs.mkdtempSync(path.join(os.tmpdir(), 'tsoci-mounts-'));
    fs.mkdirSync(rootfs('bin'), { recursive: true });
    fs.copyFileSync(BUSYBOX, rootfs('bin', 'busybox'));
    fs.chmodSync(rootfs('bin', 'busybox'), 0o755);
  });

  afterEach(() => {
    if (box.bundle !== '') fs.rmSync(box.bundle, { recursive: true, force: true });
  });
}
