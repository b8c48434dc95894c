// The kernel's files of a container's cgroups, of whichever version the host has.

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Bundle } from './bundle.ts';

const ROOT = '/sys/fs/cgroup';

/** The host has cgroup v2 alone. */
export const isUnified = existsSync(join(ROOT, 'cgroup.controllers'));

/** `legacy` is controller/file of v1, `unified` the file of v2; without it the same file name. */
export const cgroupFile = (bundle: Bundle, legacy: string, unified = legacy.split('/')[1] as string): string =>
  isUnified
    ? join(ROOT, bundle.cgroup, unified)
    : join(ROOT, legacy.split('/')[0] as string, bundle.cgroup, legacy.split('/')[1] as string);

export const cgroupValue = (bundle: Bundle, legacy: string, unified?: string): string =>
  readFileSync(cgroupFile(bundle, legacy, unified), 'utf8').trim();
