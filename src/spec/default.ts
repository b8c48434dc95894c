// The document of `tsoci spec`: a config.json to start from, with the safe defaults that runc's users know.

import type { LinuxIdMapping, Mount, Spec } from './types.ts';
import { OCI_VERSION } from './versions.ts';

const CAPABILITIES = ['CAP_AUDIT_WRITE', 'CAP_KILL', 'CAP_NET_BIND_SERVICE'];

const HARDENED = ['nosuid', 'noexec', 'nodev'];

const mount = (destination: string, type: string, source: string, options?: readonly string[]): Mount => ({
  destination,
  type,
  source,
  ...(options === undefined ? {} : { options }),
});

const mounts = (rootless: boolean): Mount[] => [
  mount('/proc', 'proc', 'proc'),
  mount('/dev', 'tmpfs', 'tmpfs', ['nosuid', 'strictatime', 'mode=755', 'size=65536k']),
  mount('/dev/pts', 'devpts', 'devpts', [
    ...['nosuid', 'noexec', 'newinstance', 'ptmxmode=0666', 'mode=0620'],
    // Without privileges group 5 is not mapped.
    ...(rootless ? [] : ['gid=5']),
  ]),
  mount('/dev/shm', 'tmpfs', 'shm', [...HARDENED, 'mode=1777', 'size=65536k']),
  mount('/dev/mqueue', 'mqueue', 'mqueue', HARDENED),
  // Without a network namespace of one's own sysfs cannot be mounted in a user namespace.
  rootless
    ? mount('/sys', 'none', '/sys', ['rbind', ...HARDENED, 'ro'])
    : mount('/sys', 'sysfs', 'sysfs', [...HARDENED, 'ro']),
  mount('/sys/fs/cgroup', 'cgroup', 'cgroup', [...HARDENED, 'relatime', 'ro']),
];

const self = (hostID: number): LinuxIdMapping[] => [{ containerID: 0, hostID, size: 1 }];

type CgroupMode = 'v1' | 'hybrid' | 'v2';

/** COMPAT: a cgroup namespace where all cgroups are v2's. */
const namespacesOf = (cgroupMode: CgroupMode, rootless: boolean) =>
  [
    ...(rootless ? (['pid'] as const) : (['pid', 'network'] as const)),
    ...(['ipc', 'uts', 'mount'] as const),
    ...(rootless ? (['user'] as const) : []),
    ...(cgroupMode === 'v2' ? (['cgroup'] as const) : []),
  ].map((type) => ({ type }));

/**
 * For a host whose cgroups are 'v1', 'hybrid' or 'v2'. With `owner`, for a container without privileges: a user namespace
 * in which the owner is root.
 */
export function defaultSpec(cgroupMode: CgroupMode, owner?: { readonly uid: number; readonly gid: number }): Spec {
  const rootless = owner !== undefined;
  return {
    ociVersion: OCI_VERSION,
    process: {
      terminal: true,
      user: { uid: 0, gid: 0 },
      args: ['sh'],
      env: ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', 'TERM=xterm'],
      cwd: '/',
      capabilities: { bounding: CAPABILITIES, effective: CAPABILITIES, permitted: CAPABILITIES },
      rlimits: [{ type: 'RLIMIT_NOFILE', hard: 1024, soft: 1024 }],
      noNewPrivileges: true,
    },
    root: { path: 'rootfs', readonly: true },
    hostname: 'tsoci',
    mounts: mounts(rootless),
    linux: {
      ...(rootless ? { uidMappings: self(owner.uid), gidMappings: self(owner.gid) } : {}),
      ...(rootless ? {} : { resources: { devices: [{ allow: false, access: 'rwm' }] } }),
      namespaces: namespacesOf(cgroupMode, rootless),
      maskedPaths: [
        '/proc/acpi',
        '/proc/asound',
        '/proc/kcore',
        '/proc/keys',
        '/proc/latency_stats',
        '/proc/timer_list',
        '/proc/timer_stats',
        '/proc/sched_debug',
        '/sys/firmware',
        '/proc/scsi',
        '/sys/devices/virtual/powercap',
      ],
      readonlyPaths: ['/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys', '/proc/sysrq-trigger'],
    },
  };
}
