// What a pidfd knows of its process (ioctl(2) of pidfs).

import * as calls from './calls.ts';
import * as k from './constants.ts';
import { SyscallError } from './error.ts';

/** struct pidfd_info as of Linux 6.13: `mask` first, `exit_code` last. */
const INFO_SIZE = 64;
const EXIT_CODE = 60;

/** KERNEL(6.15): the status word of wait(2) of a process that has been reaped; undefined where nothing is known. */
export function exitCodeByPidfd(pidfd: number): number | undefined {
  const info = new Uint8Array(INFO_SIZE);
  const view = new DataView(info.buffer);
  view.setBigUint64(0, BigInt(k.PIDFD_INFO_EXIT), true);
  try {
    calls.ioctl_buffer(pidfd, k.PIDFD_GET_INFO, info);
  } catch (error) {
    if (error instanceof SyscallError) return undefined;
    throw error;
  }
  const has = (view.getBigUint64(0, true) & BigInt(k.PIDFD_INFO_EXIT)) !== 0n;
  return has ? view.getInt32(EXIT_CODE, true) : undefined;
}
