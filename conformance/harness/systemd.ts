// The systemd of this host, where there is one.

import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';

export const isBooted = existsSync('/run/systemd/system');

/** What `systemctl` prints; an error is its exit status alone. */
export const systemctl = (...args: string[]): string => spawnSync('systemctl', args, { encoding: 'utf8' }).stdout;
