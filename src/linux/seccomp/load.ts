// seccomp(2): a compiled filter takes effect.

import * as sys from '../sys/index.ts';

/** Loads `filter` (struct sock_filter[]). With `notify` returns the descriptor of its listener, close-on-exec. */
export function loadFilter(filter: Uint8Array, flags: number, notify: boolean): number | undefined {
  const all = notify ? flags | sys.SECCOMP_FILTER_FLAG_NEW_LISTENER : flags;
  const listener = sys.seccomp(sys.SECCOMP_SET_MODE_FILTER, all, sys.encodeSockFprog(filter));
  return notify ? listener : undefined;
}
