// What every verb gets: the global flags, decided, and where its words go.

import { TsociError } from '../errors.ts';
import { variableOf } from '../linux/environment.ts';
import { cleanPath } from '../linux/names.ts';
import * as sys from '../linux/sys/index.ts';
import { opening } from '../runtime/opening.ts';
import type { Arguments } from './arguments.ts';
import { booleanOf, text } from './arguments.ts';
import type { Logger } from './log.ts';

export interface Cli {
  /** Absolute folder of the containers' records. */
  readonly root: string;
  /** Cgroups are optional where there is no permission. */
  readonly rootless: boolean;
  readonly systemdCgroup: boolean;
  readonly log: Logger;
  /** Standard output. */
  readonly out: (text: string) => void;
  /** Standard error, past the log. */
  readonly err: (text: string) => void;
}

export type Verb = (args: Arguments, cli: Cli) => number;

export const environment = (name: string): string | undefined => variableOf(sys.door().environ(), name);

/** Where a service manager wants to hear that we are ready (sd_notify(3)). */
export const notifySocket = (): string | undefined => environment('NOTIFY_SOCKET') || undefined;

/** Without privileges over the host: another user, or root of a user namespace. */
function isUnprivileged(): boolean {
  return sys.geteuid() !== 0 || !sys.readText('/proc/self/uid_map').includes('4294967295');
}

/** COMPAT: root of a user namespace is at home in /run when USER says root. conmon below a rootless podman passes no USER on. */
export const isRootless = (): boolean => isUnprivileged() && (sys.geteuid() !== 0 || environment('USER') !== 'root');

export function rootOf(global: Arguments): string {
  const given = text(global, 'root');
  if (given !== undefined) {
    const absolute = cleanPath(given.startsWith('/') ? given : `${sys.currentDirectory()}/${given}`);
    if (given === '' || absolute === '/') {
      throw new TsociError('ERR_USAGE', 'Option --root argument should not be set to /');
    }
    return absolute;
  }
  const runtimeDirectory = environment('XDG_RUNTIME_DIR') ?? '';
  return runtimeDirectory !== '' && isRootless() ? `${runtimeDirectory}/tsoci` : '/run/tsoci';
}

export function rootlessCgroups(global: Arguments): boolean {
  const value = text(global, 'rootless') ?? 'auto';
  if (value === 'auto') return isUnprivileged();
  const asked = booleanOf(value);
  if (asked !== undefined) return asked;
  throw new TsociError('ERR_USAGE', `invalid value "${value}" for --rootless: expected true, false or auto`);
}

/** Against the caller's folder, before a verb enters the bundle. */
export function absolutePath(path: string | undefined): string | undefined {
  if (path === undefined || path === '' || path.startsWith('/')) return path === '' ? undefined : path;
  return `${sys.currentDirectory()}/${path}`;
}

/** A document that the caller names. Throws ERR_USAGE with what keeps it from being read. */
export const readDocument = (path: string): Uint8Array => opening(path, () => sys.readFile(path));
