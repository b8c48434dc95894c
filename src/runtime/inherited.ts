// Descriptors of the caller that the container gets: those of LISTEN_FDS (sd_listen_fds(3)), then those of --preserve-fds.

import { TsociError } from '../errors.ts';
import { variableOf } from '../linux/environment.ts';
import * as sys from '../linux/sys/index.ts';
import type { Spec } from '../spec/types.ts';

export interface Inherited {
  /** Variables by which the program finds them. */
  readonly environment: readonly string[];
  /** From 3 on, all that reach the container. */
  readonly count: number;
}

interface ListenFds extends Pick<Inherited, 'environment'> {
  /** From 3 on, of a socket activation that is meant for us. */
  readonly listenFds: number;
}

/** What `environment` says is for the process that LISTEN_PID names, and for no other. */
export function parseListenFds(environment: readonly string[], pid: number): ListenFds {
  const value = (name: string): string => variableOf(environment, name) ?? '';
  const listenFds = value('LISTEN_PID') === String(pid) ? Number(value('LISTEN_FDS')) : 0;
  if (!Number.isInteger(listenFds) || listenFds <= 0) return { listenFds: 0, environment: [] };
  const names = value('LISTEN_FDNAMES');
  return {
    listenFds,
    // The program is the first process of the container; only there is its pid known before.
    environment: [`LISTEN_FDS=${listenFds}`, 'LISTEN_PID=1', ...(names === '' ? [] : [`LISTEN_FDNAMES=${names}`])],
  };
}

function checkOpen(first: number, count: number, what: string): void {
  for (let index = 0; index < count; index++) {
    if (sys.isOpen(first + index)) continue;
    throw new TsociError('ERR_USAGE', `unable to stat ${what} ${index} (of ${count}): no such file or directory`);
  }
}

/**
 * Closes whatever the caller left open but `listenFds` and `preserve` more: nothing else reaches the container, nor is a
 * pipe of an engine held by us.
 */
export function closeInherited(preserve: number, listenFds = 0): void {
  checkOpen(3, listenFds, 'LISTEN_FDS descriptor');
  checkOpen(3 + listenFds, preserve, 'preserved-fd');
  sys.close_range(3 + listenFds + preserve, sys.UINT_MAX, 0);
}

export function takeInherited(preserve: number): Inherited {
  const { listenFds, environment } = parseListenFds(sys.door().environ(), sys.getpid());
  closeInherited(preserve, listenFds);
  return { environment, count: listenFds + preserve };
}

/** `spec` with more variables for its program. */
export const withEnvironment = (spec: Spec, more: readonly string[]): Spec =>
  spec.process === undefined || more.length === 0
    ? spec
    : { ...spec, process: { ...spec.process, env: [...(spec.process.env ?? []), ...more] } };
