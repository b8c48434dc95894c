// A static program for inside of containers, by the executable's own tool chain: prints what it sees as JSON.

import * as sys from '../../src/linux/sys/index.ts';

const lines = (path: string): string[] => (sys.exists(path) ? sys.readText(path).trimEnd().split('\n') : []);

/** Fields of /proc/self/status by name. */
function status(): Record<string, string> {
  const pairs = lines('/proc/self/status').map((line) => line.split(':'));
  return Object.fromEntries(pairs.map(([name = '', ...rest]) => [name, rest.join(':').trim()]));
}

const namespace = (name: string): string => sys.readLinkAt(sys.AT_FDCWD, `/proc/self/ns/${name}`);

const NAMESPACES = ['cgroup', 'ipc', 'mnt', 'net', 'pid', 'time', 'user', 'uts'];

/** [target, options, type, source] of each mount. */
const mounts = (): string[][] =>
  lines('/proc/self/mountinfo').map((line) => {
    const [before = '', after = ''] = line.split(' - ');
    const fields = before.split(' ');
    const [type = '', source = ''] = after.split(' ');
    return [fields[4] ?? '', fields[5] ?? '', type, source];
  });

function seen() {
  const { Uid, Gid, Groups, NoNewPrivs, Seccomp, CapEff, CapBnd, CapPrm, CapInh, CapAmb } = status();
  return {
    pid: sys.getpid(),
    hostname: lines('/proc/sys/kernel/hostname')[0],
    user: { uid: Uid, gid: Gid, groups: Groups },
    capabilities: { effective: CapEff, bounding: CapBnd, permitted: CapPrm, inheritable: CapInh, ambient: CapAmb },
    noNewPrivileges: NoNewPrivs,
    seccomp: Seccomp,
    namespaces: Object.fromEntries(NAMESPACES.map((name) => [name, namespace(name)])),
    mounts: mounts(),
    limits: lines('/proc/self/limits').slice(1),
    cgroups: lines('/proc/self/cgroup'),
    environment: sys.door().environ(),
    cwd: sys.currentDirectory(),
    arguments: sys.door().argv(),
  };
}

export function run(): number {
  sys.writeAll(1, sys.door().encode(`${JSON.stringify(seen())}\n`));
  return 0;
}
