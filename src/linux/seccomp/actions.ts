// config-linux.md, "Seccomp": actions and flags as the kernel has them (seccomp(2)).

import { TsociError } from '../../errors.ts';
import * as k from '../sys/constants.ts';

const EPERM = 1;

const ACTIONS: Readonly<Record<string, number>> = {
  SCMP_ACT_KILL: 0x00000000,
  SCMP_ACT_KILL_THREAD: 0x00000000,
  SCMP_ACT_KILL_PROCESS: 0x80000000,
  SCMP_ACT_TRAP: 0x00030000,
  SCMP_ACT_ERRNO: 0x00050000,
  SCMP_ACT_NOTIFY: 0x7fc00000,
  SCMP_ACT_TRACE: 0x7ff00000,
  SCMP_ACT_LOG: 0x7ffc0000,
  SCMP_ACT_ALLOW: 0x7fff0000,
};

const FLAGS: Readonly<Record<string, number>> = {
  // KERNEL: is for other threads, of which there are none, and refused (EINVAL) beside a listener.
  SECCOMP_FILTER_FLAG_TSYNC: 0,
  SECCOMP_FILTER_FLAG_LOG: k.SECCOMP_FILTER_FLAG_LOG,
  SECCOMP_FILTER_FLAG_SPEC_ALLOW: k.SECCOMP_FILTER_FLAG_SPEC_ALLOW,
  SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV: k.SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV,
};

/** SECCOMP_RET_* with its data: the errno (default EPERM), or the tracer's number. */
export function returnOf(action: string, errnoRet: number | undefined): number {
  const value = ACTIONS[action];
  if (value === undefined) throw new TsociError('ERR_SPEC_CHECK', `unknown seccomp action "${action}"`);
  const hasData = action === 'SCMP_ACT_ERRNO' || action === 'SCMP_ACT_TRACE';
  return hasData ? value | ((errnoRet ?? EPERM) & 0xffff) : value;
}

export const errnoReturn = (errno: number): number => (ACTIONS['SCMP_ACT_ERRNO'] as number) | errno;

/** COMPAT: a profile without `flags` has SPEC_ALLOW; one with an empty list has none. */
export function flagsOf(names: readonly string[] = ['SECCOMP_FILTER_FLAG_SPEC_ALLOW']): number {
  let flags = 0;
  for (const name of names) {
    const flag = FLAGS[name];
    if (flag === undefined) throw new TsociError('ERR_SPEC_CHECK', `unknown seccomp flag "${name}"`);
    flags |= flag;
  }
  return flags;
}
