// The host as a value: facts about kernel, user and security modules, each probed at most once, and only when asked for.

import { type CgroupHost, probeCgroups } from './cgroups/host.ts';
import { controlGroupOf } from './cgroups/systemd/manager.ts';
import * as sys from './sys/index.ts';

export interface Host {
  readonly euid: number;
  readonly egid: number;
  /** We run in a user namespace that is not the initial one (rootless podman, say). */
  readonly userNamespaced: boolean;
  readonly kernel: readonly [major: number, minor: number];
  readonly arch: 'x64' | 'arm64';
  readonly cgroup: CgroupHost;
  readonly isSystemdRunning: boolean;
  /** The cgroup of the user's own systemd, below the mount point. Throws ERR_CGROUP where that cannot be asked. */
  readonly userManagerCgroup: string;
  readonly apparmor: boolean;
  readonly selinux: boolean;
}

/** Turns an object of probes into one of lazy facts. */
function lazily<T extends object>(probes: { [K in keyof T]: () => T[K] }): T {
  const facts = {};
  for (const key of Object.keys(probes) as (keyof T & string)[]) {
    Object.defineProperty(facts, key, {
      configurable: true,
      enumerable: true,
      get() {
        const value = probes[key]();
        Object.defineProperty(facts, key, { value, enumerable: true });
        return value;
      },
    });
  }
  return facts as T;
}

function isUserNamespaced(): boolean {
  const map = sys
    .readText('/proc/self/uid_map')
    .trim()
    .split(' ')
    .filter((word) => word !== '');
  return map.join(' ') !== '0 0 4294967295';
}

function isEnabled(path: string): boolean {
  return sys.exists(path) && sys.readText(path).startsWith('Y');
}

function kernelVersion(): [number, number] {
  const parts = sys.readText('/proc/sys/kernel/osrelease').split('.');
  return [Number.parseInt(parts[0] ?? '0', 10), Number.parseInt(parts[1] ?? '0', 10)];
}

export function probeHost(): Host {
  return lazily<Host>({
    euid: () => sys.geteuid(),
    egid: () => sys.getegid(),
    userNamespaced: isUserNamespaced,
    kernel: kernelVersion,
    arch: () => sys.door().arch,
    cgroup: probeCgroups,
    isSystemdRunning: () => sys.exists('/run/systemd/system'),
    userManagerCgroup: () => controlGroupOf('user'),
    apparmor: () => isEnabled('/sys/module/apparmor/parameters/enabled'),
    selinux: () => sys.exists('/sys/fs/selinux/enforce'),
  });
}
