// Where the host's cgroup hierarchies are mounted, and where in them we are ourselves (cgroups(7)).

import * as sys from '../sys/index.ts';

export interface Hierarchy {
  readonly version: 1 | 2;
  /** v1: `cpu`, `cpuacct`, `name=systemd` … as mounted together; v2: none. */
  readonly controllers: readonly string[];
  readonly mountPoint: string;
  /** Our own cgroup, as a path below the mount point: `/` or `/a/b`. */
  readonly own: string;
}

export interface CgroupHost {
  readonly mode: 'v1' | 'hybrid' | 'v2';
  readonly hierarchies: readonly Hierarchy[];
}

interface Mounted {
  readonly root: string;
  readonly mountPoint: string;
  readonly type: string;
  readonly superOptions: readonly string[];
}

/** The octal escapes of mountinfo (proc_pid_mountinfo(5)). */
function unescaped(text: string): string {
  const parts = text.split('\\');
  return parts
    .map((part, index) =>
      index === 0 ? part : String.fromCharCode(Number.parseInt(part.slice(0, 3), 8)) + part.slice(3),
    )
    .join('');
}

function cgroupMounts(mountinfo: string): Mounted[] {
  const mounts: Mounted[] = [];
  for (const line of mountinfo.split('\n')) {
    const dash = line.indexOf(' - cgroup');
    if (dash < 0) continue;
    const fields = line.slice(0, dash).split(' ');
    const rest = line.slice(dash + 3).split(' ');
    mounts.push({
      root: unescaped(fields[3] ?? '/'),
      mountPoint: unescaped(fields[4] ?? ''),
      type: rest[0] ?? '',
      superOptions: (rest[2] ?? '').split(','),
    });
  }
  return mounts;
}

/** A cgroup's path as seen through a mount whose root is not the hierarchy's (a container in a container). */
function below(root: string, path: string): string {
  if (root === '/') return path;
  return path === root || path.startsWith(`${root}/`) ? path.slice(root.length) || '/' : '/';
}

/** From the texts of /proc/self/mountinfo and /proc/self/cgroup. */
export function parseCgroups(mountinfo: string, membership: string): CgroupHost {
  const mounts = cgroupMounts(mountinfo);
  const hierarchies: Hierarchy[] = [];
  for (const line of membership.split('\n')) {
    if (line === '') continue;
    const [, names = '', ...path] = line.split(':');
    const controllers = names === '' ? [] : names.split(',');
    const mount = mounts.find((candidate) =>
      names === ''
        ? candidate.type === 'cgroup2'
        : candidate.type === 'cgroup' && controllers.every((name) => candidate.superOptions.includes(name)),
    );
    if (mount === undefined) continue;
    const own = below(mount.root, path.join(':'));
    hierarchies.push({ version: names === '' ? 2 : 1, controllers, mountPoint: mount.mountPoint, own });
  }
  const unified = hierarchies.some((hierarchy) => hierarchy.version === 2);
  const legacy = hierarchies.some((hierarchy) => hierarchy.version === 1);
  return { mode: unified ? (legacy ? 'hybrid' : 'v2') : 'v1', hierarchies };
}

export const probeCgroups = (): CgroupHost =>
  parseCgroups(sys.readText('/proc/self/mountinfo'), sys.readText('/proc/self/cgroup'));
