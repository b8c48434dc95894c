// Bakes a bundle of bundles.ts into the C header that floor.c is compiled with. It understands what those bundles use.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import type { Config } from './bundles.ts';
import { compileFilter } from './floor-filter.ts';

interface Mount {
  readonly destination: string;
  readonly type: string;
  readonly source: string;
  readonly options: readonly string[];
}

const attributeBits: Record<string, number> = { ro: 1, nosuid: 2, nodev: 4, noexec: 8, strictatime: 0x20 };
const silent = ['rbind', 'bind', 'relatime', 'rprivate'];
const cloneFlags: Record<string, number> = {
  mount: 0x20000,
  uts: 0x4000000,
  ipc: 0x8000000,
  pid: 0x20000000,
  network: 0x40000000,
};
const capabilityNames =
  'CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE NET_BIND_SERVICE NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP'.split(
    ' ',
  );

const text = (value: string | null) => (value === null ? 'NULL' : JSON.stringify(value));
const list = (type: string, name: string, items: readonly string[]) =>
  `static ${type} ${name}[] = {${items.join(', ')}};\n`;
const relative = (path: string) => path.replace(/^\//, '');

function mountEntry(mount: Mount, bundle: string): string {
  const bind = mount.type === 'bind';
  const attributes = mount.options.reduce((bits, option) => bits | (attributeBits[option] ?? 0), 0);
  const parameters = bind
    ? []
    : mount.options.filter((option) => !silent.includes(option) && attributeBits[option] === undefined);
  const words = parameters.flatMap((option) => {
    const equals = option.indexOf('=');
    return equals < 0 ? [option, null] : [option.slice(0, equals), option.slice(equals + 1)];
  });
  const source = bind ? resolve(bundle, mount.source) : mount.source;
  const propagation = mount.options.includes('rprivate') ? 'MS_PRIVATE' : '0';
  return `{${text(bind ? null : mount.type)}, ${text(source)}, ${text(relative(mount.destination))}, {${[...words, null, null].map(text).join(', ')}}, ${attributes}, ${propagation}, ${mount.destination.startsWith('/etc/') ? 1 : 0}}`;
}

/** Where cgroup file systems are mounted on this host: mount point and controllers (none for cgroup2). */
function hierarchies(): { point: string; v2: boolean; names: string[] }[] {
  const lines = readFileSync('/proc/self/mountinfo', 'utf8').trim().split('\n');
  return lines.flatMap((line) => {
    const [before, after] = line.split(' - ');
    const point = before?.split(' ')[4] ?? '';
    const [type, , options] = after?.split(' ') ?? [];
    if (!point.startsWith('/sys/fs/cgroup') || (type !== 'cgroup' && type !== 'cgroup2')) return [];
    return [{ point, v2: type === 'cgroup2', names: options?.split(',') ?? [] }];
  });
}

/** On v1 the runtime composes /sys/fs/cgroup: a tmpfs and a bind mount of the container's cgroup a hierarchy. */
function cgroupMounts(mount: Mount, cgroupsPath: string): Mount[] {
  const all = hierarchies();
  const options = mount.options.filter((option) => option !== 'relatime');
  if (all.length === 1) return [{ ...mount, type: 'bind', source: join(all[0]!.point, cgroupsPath), options }];
  const tmpfs = { ...mount, type: 'tmpfs', source: 'tmpfs', options: ['nosuid', 'nodev', 'noexec', 'mode=755'] };
  const binds = all
    .filter(({ v2 }) => !v2)
    .map(({ point }) => ({ destination: point, type: 'bind', source: join(point, cgroupsPath), options }));
  return [tmpfs, ...binds];
}

/** KERNEL: a new cpuset (v1) is empty, and takes only what its parents have. Returns the value for the container's own. */
function prepareCpuset(file: string, cgroupsPath: string): string {
  const point = hierarchies().find(({ v2, names }) => !v2 && names.includes('cpuset'))?.point;
  if (point === undefined) return '';
  const value = readFileSync(join(point, file), 'utf8').trim();
  const parents = dirname(relative(cgroupsPath)).split('/');
  for (let depth = 1; depth <= parents.length; depth++) {
    const dir = join(point, ...parents.slice(0, depth));
    mkdirSync(dir, { recursive: true });
    writeFileSync(join(dir, file), value);
  }
  return value;
}

/** [file below its hierarchy's cgroup, value] of the limits in bundles.ts, v1 then v2 names. */
function limitWrites(config: Config, cgroupsPath: string): string[] {
  // biome-ignore lint/suspicious/noExplicitAny: the bench's own literal, known to have this form
  const { memory, cpu, pids, devices } = (config as any).linux.resources;
  const deviceLines = devices.map(
    (rule: { allow: boolean; type?: string; major?: number; minor?: number; access: string }) => [
      rule.allow ? 'devices.allow' : 'devices.deny',
      rule.type === undefined ? 'a' : `${rule.type} ${rule.major}:${rule.minor} ${rule.access}`,
    ],
  );
  const always = [
    'c *:* m',
    'b *:* m',
    'c 1:3 rwm',
    'c 1:8 rwm',
    'c 1:7 rwm',
    'c 5:0 rwm',
    'c 1:5 rwm',
    'c 1:9 rwm',
    'c 136:* rwm',
    'c 5:2 rwm',
  ];
  const v1: [string, string][] = [
    ...(['cpuset.cpus', 'cpuset.mems'] as const).map((file): [string, string] => [
      file,
      prepareCpuset(file, cgroupsPath),
    ]),
    ['memory.limit_in_bytes', String(memory.limit)],
    ['memory.memsw.limit_in_bytes', String(memory.swap)],
    ['cpu.shares', String(cpu.shares)],
    ['cpu.cfs_period_us', String(cpu.period)],
    ['cpu.cfs_quota_us', String(cpu.quota)],
    ['pids.max', String(pids.limit)],
    ...deviceLines,
    ...always.map((rule): [string, string] => ['devices.allow', rule]),
  ];
  const v2: [string, string][] = [
    ['memory.max', String(memory.limit)],
    ['memory.swap.max', String(memory.swap - memory.limit)],
    ['cpu.max', `${cpu.quota} ${cpu.period}`],
    ['pids.max', String(pids.limit)],
  ];
  const all = hierarchies();
  if (all.length === 1)
    return v2.map(([file, value]) => `{${text(join(all[0]!.point, cgroupsPath, file))}, ${text(value)}}`);
  return v1.flatMap(([file, value]) => {
    const controller = file.split('.')[0] ?? '';
    const point = all.find(({ v2, names }) => !v2 && names.includes(controller))?.point;
    // A kernel without swap accounting has no memsw file.
    if (point === undefined || (file.includes('memsw') && !existsSync(join(point, file)))) return [];
    return [`{${text(join(point, cgroupsPath, file))}, ${text(value)}}`];
  });
}

function capabilityMask(names: readonly string[]): bigint {
  return names.reduce((mask, name) => mask | (1n << BigInt(capabilityNames.indexOf(name.slice(4)))), 0n);
}

/** Writes the header beside the bundle and returns its path. */
export function writeFloorPlan(config: Config, bundle: string, stateDir: string): string {
  // biome-ignore lint/suspicious/noExplicitAny: the bench's own literal, known to have this form
  const { process, root, hostname, mounts, linux } = config as any;
  const filter = compileFilter(linux.seccomp);
  const mountList: Mount[] = mounts.flatMap((mount: Mount) =>
    mount.type === 'cgroup' ? cgroupMounts(mount, linux.cgroupsPath) : [mount],
  );
  const strings = (name: string, paths: string[]) =>
    list(
      'const char *const',
      name,
      paths.map((path) => text(relative(path))),
    );
  const flags = linux.namespaces.reduce(
    (bits: number, { type }: { type: string }) => bits | (cloneFlags[type] ?? 0),
    0,
  );
  const rlimits = (process.rlimits ?? []).map(
    (limit: { hard: number; soft: number }) => `{RLIMIT_NOFILE, ${limit.soft}, ${limit.hard}}`,
  );
  const sysctls = Object.entries<string>(linux.sysctl ?? {}).map(
    ([key, value]) => `{${text(`sys/${key.replaceAll('.', '/')}`)}, ${text(value)}}`,
  );
  const header = [
    '#define _GNU_SOURCE\n#include <linux/filter.h>\n#include <stdint.h>\n#include <sys/resource.h>\n#include <sys/mount.h>\n#include <sys/types.h>\n',
    'struct plan_mount { const char *type, *source, *target, *parameters[16]; unsigned attributes, propagation; int is_file; };\n',
    list(
      'const struct plan_mount',
      'plan_mounts',
      mountList.map((mount) => mountEntry(mount, bundle)),
    ),
    strings('plan_masked', linux.maskedPaths),
    strings('plan_readonly', linux.readonlyPaths),
    list(
      'const char *const',
      'plan_cgroups',
      hierarchies().map(({ point }) => text(join(point, linux.cgroupsPath))),
    ),
    `static const char *const plan_limits[][2] = {${limitWrites(config, linux.cgroupsPath).join(', ')}};\n`,
    `static const char *const plan_sysctls[][2] = {${sysctls.join(', ')}};\n`,
    `static const uint64_t plan_rlimits[][3] = {${rlimits.join(', ')}};\n`,
    list('const gid_t', 'plan_groups', (process.user.additionalGids ?? []).map(String)),
    list('char *const', 'plan_args', [...process.args.map(text), 'NULL']),
    list('char *const', 'plan_environment', [...process.env.map(text), text('HOME=/'), 'NULL']),
    list('const struct sock_filter', 'plan_filter', filter),
    `#define PLAN_FILTER_FLAGS 0\n#define PLAN_FILTER_NEEDS_ADMIN ${filter.length > 0 && process.noNewPrivileges !== true ? 1 : 0}\n`,
    `#define PLAN_ROOT ${text(root.path)}\n#define PLAN_ROOT_READONLY ${root.readonly === true ? 1 : 0}\n#define PLAN_STATE ${text(stateDir)}\n`,
    `#define PLAN_HOSTNAME ${text(hostname)}\n#define PLAN_CLONE_FLAGS ${flags}ull\n`,
    `#define PLAN_CAPABILITIES ${capabilityMask(process.capabilities.bounding)}ull\n`,
    `#define PLAN_LAST_CAPABILITY ${readFileSync('/proc/sys/kernel/cap_last_cap', 'utf8').trim()}\n`,
    `#define PLAN_NO_NEW_PRIVILEGES ${process.noNewPrivileges === true ? 1 : 0}\n`,
  ];
  const path = join(bundle, 'plan.h');
  writeFileSync(path, header.join(''));
  return path;
}
