// The two bundles of the bench: what `spec` writes, with limits; and one as Docker writes it, with a long seccomp profile.
import { chmodSync, copyFileSync, existsSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { SYSCALL_NAMES } from './syscall-names.ts';

/** Any JSON object; the runtimes under measurement are the judges of its form. */
export type Config = Record<string, unknown>;

export const bundleNames = ['plain', 'docker'] as const;
export type BundleName = (typeof bundleNames)[number];

const mount = (destination: string, type: string, source: string, ...options: string[]) => ({
  destination,
  type,
  source,
  options,
});

const mounts = [
  mount('/proc', 'proc', 'proc', 'nosuid', 'noexec', 'nodev'),
  mount('/dev', 'tmpfs', 'tmpfs', 'nosuid', 'strictatime', 'mode=755', 'size=65536k'),
  mount('/dev/pts', 'devpts', 'devpts', 'nosuid', 'noexec', 'newinstance', 'ptmxmode=0666', 'mode=0620', 'gid=5'),
  mount('/dev/shm', 'tmpfs', 'shm', 'nosuid', 'noexec', 'nodev', 'mode=1777', 'size=65536k'),
  mount('/dev/mqueue', 'mqueue', 'mqueue', 'nosuid', 'noexec', 'nodev'),
  mount('/sys', 'sysfs', 'sysfs', 'nosuid', 'noexec', 'nodev', 'ro'),
  mount('/sys/fs/cgroup', 'cgroup', 'cgroup', 'nosuid', 'noexec', 'nodev', 'relatime', 'ro'),
];

const maskedPaths = [
  'acpi',
  'asound',
  'kcore',
  'keys',
  'latency_stats',
  'timer_list',
  'timer_stats',
  'sched_debug',
  'scsi',
]
  .map((name) => `/proc/${name}`)
  .concat('/sys/firmware', '/sys/devices/virtual/powercap');
const readonlyPaths = ['bus', 'fs', 'irq', 'sys', 'sysrq-trigger'].map((name) => `/proc/${name}`);

const limits = {
  memory: { limit: 256 << 20, swap: 512 << 20 },
  cpu: { shares: 512, quota: 50_000, period: 100_000 },
  pids: { limit: 77 },
};

const fewCapabilities = ['CAP_AUDIT_WRITE', 'CAP_KILL', 'CAP_NET_BIND_SERVICE'];
const dockerCapabilities =
  'CHOWN DAC_OVERRIDE FSETID FOWNER MKNOD NET_RAW SETGID SETUID SETFCAP SETPCAP NET_BIND_SERVICE SYS_CHROOT KILL AUDIT_WRITE'
    .split(' ')
    .map((name) => `CAP_${name}`);

function plainConfig(args: readonly string[]): Config {
  return {
    ociVersion: '1.0.2',
    process: {
      terminal: false,
      user: { uid: 0, gid: 0 },
      args,
      env: ['PATH=/bin:/sbin', 'TERM=xterm'],
      cwd: '/',
      capabilities: { bounding: fewCapabilities, effective: fewCapabilities, permitted: fewCapabilities },
      rlimits: [{ type: 'RLIMIT_NOFILE', hard: 1024, soft: 1024 }],
      noNewPrivileges: true,
    },
    root: { path: 'rootfs', readonly: true },
    hostname: 'bench',
    mounts,
    linux: {
      resources: { devices: [{ allow: false, access: 'rwm' }], ...limits },
      namespaces: ['pid', 'network', 'ipc', 'uts', 'mount'].map((type) => ({ type })),
      maskedPaths,
      readonlyPaths,
    },
  };
}

/** One rule a system call, as Docker wrote its profile for years; with the usual few rules on arguments. */
function dockerSeccomp() {
  const allow = 'SCMP_ACT_ALLOW';
  const onArgument = (name: string, value: number, op: string, valueTwo = 0) => ({
    names: [name],
    action: allow,
    args: [{ index: 0, value, valueTwo, op }],
  });
  return {
    defaultAction: 'SCMP_ACT_ERRNO',
    architectures: ['SCMP_ARCH_X86_64', 'SCMP_ARCH_X86', 'SCMP_ARCH_X32'],
    syscalls: [
      ...SYSCALL_NAMES.map((name) => ({ names: [name], action: allow, args: [] })),
      ...[0, 8, 0x20000, 0x20008, 0xffffffff].map((value) => onArgument('personality', value, 'SCMP_CMP_EQ')),
      onArgument('socket', 40, 'SCMP_CMP_NE'),
      onArgument('clone', 0x7e020000, 'SCMP_CMP_MASKED_EQ', 0),
      { names: ['clone3'], action: 'SCMP_ACT_ERRNO', errnoRet: 38 },
    ],
  };
}

function dockerConfig(args: readonly string[]): Config {
  const device = (major: number, minor: number) => ({ allow: true, type: 'c', major, minor, access: 'rwm' });
  const file = (name: string) => mount(`/etc/${name}`, 'bind', `../etc/${name}`, 'rbind', 'rprivate');
  const plain = plainConfig(args);
  return {
    ...plain,
    process: {
      user: { uid: 0, gid: 0, additionalGids: [0, 10] },
      args,
      env: ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', 'HOSTNAME=bench'],
      cwd: '/',
      capabilities: { bounding: dockerCapabilities, effective: dockerCapabilities, permitted: dockerCapabilities },
      oomScoreAdj: 0,
    },
    root: { path: 'rootfs' },
    mounts: [...mounts, file('resolv.conf'), file('hostname'), file('hosts')],
    linux: {
      ...(plain['linux'] as Config),
      sysctl: { 'net.ipv4.ip_unprivileged_port_start': '0', 'net.ipv4.ping_group_range': '0 2147483647' },
      resources: {
        devices: [
          { allow: false, access: 'rwm' },
          ...[device(1, 5), device(1, 3), device(1, 9), device(1, 8), device(5, 0), device(5, 1)],
          { allow: false, type: 'c', major: 10, minor: 229, access: 'rwm' },
        ],
        ...limits,
        blockIO: {},
      },
      seccomp: dockerSeccomp(),
    },
  };
}

/** A root file system of busybox alone, and the files that Docker binds into /etc. */
export function writeRootfs(dir: string): void {
  const bin = join(dir, 'rootfs', 'bin');
  for (const name of ['bin', 'dev', 'etc', 'proc', 'sys']) mkdirSync(join(dir, 'rootfs', name), { recursive: true });
  const busybox = ['/bin/busybox', '/usr/bin/busybox'].find((path) => existsSync(path));
  if (busybox === undefined) throw new Error('bench: no busybox here (Debian: busybox-static)');
  copyFileSync(busybox, join(bin, 'busybox'));
  chmodSync(join(bin, 'busybox'), 0o755);
  for (const name of ['sleep', 'true']) symlinkSync('busybox', join(bin, name));
  mkdirSync(join(dir, 'etc'));
  for (const name of ['resolv.conf', 'hostname', 'hosts']) writeFileSync(join(dir, 'etc', name), '# bench\n');
}

/** Writes the bundle `dir`, below the folder of writeRootfs. Returns its configuration. */
export function writeBundle(dir: string, name: BundleName, args: readonly string[], cgroupsPath: string): Config {
  const config = name === 'plain' ? plainConfig(args) : dockerConfig(args);
  config['linux'] = { ...(config['linux'] as Config), cgroupsPath };
  config['root'] = { ...(config['root'] as Config), path: join(dirname(dir), 'rootfs') };
  mkdirSync(dir);
  writeFileSync(join(dir, 'config.json'), JSON.stringify(config, null, 2));
  return config;
}
