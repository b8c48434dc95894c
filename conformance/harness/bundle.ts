// Bundles below a temporary folder: a busybox root file system and a config.json.

import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** What a config.json holds; tests write wrong ones too, so it has no type. */
// biome-ignore lint/suspicious/noExplicitAny: any JSON
export type Config = any;

export interface Bundle {
  readonly dir: string;
  readonly rootfs: string;
  readonly id: string;
  /** Absolute, as in linux.cgroupsPath. */
  readonly cgroup: string;
}

const APPLETS = ['sh', 'cat', 'ls', 'id', 'true', 'false', 'sleep', 'echo', 'mkdir', 'stat', 'readlink', 'tty', 'stty'];
const MORE = [
  'env',
  'pwd',
  'hostname',
  'mount',
  'umount',
  'touch',
  'ps',
  'kill',
  'chmod',
  'chown',
  'mknod',
  'grep',
  'dd',
];

let count = 0;

/** A root file system of busybox alone, at `path`. */
export function writeRootfs(path: string): void {
  for (const dir of ['bin', 'dev', 'etc', 'proc', 'sys', 'tmp', 'root', 'run', 'var']) {
    mkdirSync(join(path, dir), { recursive: true });
  }
  cpSync('/bin/busybox', join(path, 'bin/busybox'));
  for (const applet of [...APPLETS, ...MORE]) symlinkSync('busybox', join(path, 'bin', applet));
  writeFileSync(join(path, 'etc/passwd'), 'root:x:0:0:root:/root:/bin/sh\nuser:x:1000:1000::/home:/bin/sh\n');
  writeFileSync(join(path, 'etc/group'), 'root:x:0:\nuser:x:1000:\n');
}

/** A new bundle; its config.json is written by writeConfig. */
export function makeBundle(): Bundle {
  const dir = mkdtempSync(join(tmpdir(), 'tsoci-conformance.'));
  const id = `tsoci-conf-${process.pid}-${++count}`;
  writeRootfs(join(dir, 'rootfs'));
  return { dir, rootfs: join(dir, 'rootfs'), id, cgroup: `/tsoci-conf/${id}` };
}

export function writeConfig(bundle: Bundle, config: Config): void {
  const text = typeof config === 'string' ? config : JSON.stringify(config, null, 1);
  writeFileSync(join(bundle.dir, 'config.json'), text);
}

export const removeBundle = (bundle: Bundle): void => rmSync(bundle.dir, { recursive: true, force: true });

const mount = (destination: string, type: string, options: readonly string[]) => ({
  destination,
  type,
  source: type,
  options,
});

/** A small config that every runtime runs: `sh -c script` in new namespaces. */
export function baseConfig(bundle: Bundle, script: string): Config {
  return {
    ociVersion: '1.0.2',
    process: {
      user: { uid: 0, gid: 0 },
      args: ['/bin/sh', '-c', script],
      env: ['PATH=/bin', 'HOME=/root'],
      cwd: '/',
      noNewPrivileges: true,
      capabilities: { bounding: ['CAP_KILL'], effective: ['CAP_KILL'], permitted: ['CAP_KILL'] },
    },
    root: { path: 'rootfs' },
    hostname: 'inside',
    mounts: [
      mount('/proc', 'proc', ['nosuid', 'noexec', 'nodev']),
      mount('/dev', 'tmpfs', ['nosuid', 'strictatime', 'mode=755', 'size=65536k']),
      mount('/dev/pts', 'devpts', ['nosuid', 'noexec', 'newinstance', 'ptmxmode=0666', 'mode=0620']),
      mount('/sys', 'sysfs', ['nosuid', 'noexec', 'nodev', 'ro']),
    ],
    linux: {
      cgroupsPath: bundle.cgroup,
      namespaces: ['pid', 'network', 'ipc', 'uts', 'mount'].map((type) => ({ type })),
      resources: { devices: [{ allow: false, access: 'rwm' }] },
    },
  };
}
