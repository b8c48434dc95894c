// config-linux.md, "Sysctl": kernel parameters of the container's namespaces.

import { TsociError } from '../errors.ts';
import type { Spec } from '../spec/types.ts';
import type { InitContext } from './init/context.ts';
import * as sys from './sys/index.ts';

export interface SysctlStep {
  readonly kind: 'set-sysctl';
  readonly key: string;
  /** Below /proc/sys: `net/ipv4/ip_forward`. */
  readonly path: string;
  readonly value: string;
}

/**
 * The path below /proc/sys of a key, as sysctl(8) reads it: the first separator says which of `.` and `/` is one;
 * the other then stands for itself, exchanged: `net.ipv4.conf.eth0/1.mtu` and `net/ipv4/conf/eth0.1/mtu` are the same.
 * Undefined for what is no such key: empty parts, `.` or `..` as a part.
 */
export function sysctlPath(key: string): string | undefined {
  const first = [...key].find((letter) => letter === '.' || letter === '/');
  const exchange = (letter: string): string => (letter === '.' ? '/' : letter === '/' ? '.' : letter);
  const path = first === '.' ? [...key].map(exchange).join('') : key;
  const wrong = path.split('/').some((part) => part === '' || part === '.' || part === '..');
  return wrong ? undefined : path;
}

/** One step a key, in the order of the configuration. */
export function planSysctls(spec: Spec): SysctlStep[] {
  return Object.entries(spec.linux?.sysctl ?? {}).map(([key, value]) => {
    const path = sysctlPath(key);
    if (path === undefined) {
      throw new TsociError('ERR_SPEC_CHECK', `sysctl "${key}" is not a key`, { pointer: '/linux/sysctl' });
    }
    return { kind: 'set-sysctl', key, path, value };
  });
}

/**
 * CVE-2025-52881: the parameter is opened below the host's own, proven procfs: no links, no other mount in between.
 * CVE-2022-0811: the value is one write, of this key only.
 */
export function runSysctl(step: SysctlStep, ctx: Pick<InitContext, 'proc'>): void {
  const resolve = sys.RESOLVE_BENEATH | sys.RESOLVE_NO_XDEV | sys.RESOLVE_NO_SYMLINKS | sys.RESOLVE_NO_MAGICLINKS;
  const how = sys.encodeOpenHow(sys.O_WRONLY | sys.O_CLOEXEC, 0, resolve);
  sys.withFd(sys.openat2(ctx.proc, `sys/${step.path}`, how), (fd) => {
    const bytes = sys.door().encode(step.value);
    if (sys.write(fd, bytes) !== bytes.length) throw new TsociError('ERR_STEP', 'the value was written in part only');
  });
}

export const describeSysctl = (step: SysctlStep): string => `setting sysctl ${step.key} to "${step.value}"`;
