// The kernel's files of a container's cgroups, of whichever version the host has.

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Context } from 'mocha';
import type { Bundle } from './bundle.ts';
import { deviates } from './runtime.ts';
import { skip } from './skip.ts';

const ROOT = '/sys/fs/cgroup';

/** The host has cgroup v2 alone. */
export const isUnified = existsSync(join(ROOT, 'cgroup.controllers'));

/** `legacy` is controller/file of v1, `unified` the file of v2; without it the same file name. */
export const cgroupFile = (bundle: Bundle, legacy: string, unified = legacy.split('/')[1] as string): string =>
  isUnified
    ? join(ROOT, bundle.cgroup, unified)
    : join(ROOT, legacy.split('/')[0] as string, bundle.cgroup, legacy.split('/')[1] as string);

/** `controller/file` in v1, `file` in v2. */
export const cgroupPath = ({ cgroup }: Bundle, file: string): string => {
  const [controller = '', name = ''] = file.split('/');
  return isUnified ? join(ROOT, cgroup, file) : join(ROOT, controller, cgroup, name);
};

export const cgroupValue = (bundle: Bundle, legacy: string, unified?: string): string =>
  readFileSync(cgroupFile(bundle, legacy, unified), 'utf8').trim();

/** The container's folder in each hierarchy that the host has; `controller` is the hierarchy's folder, empty in v2. */
export const hierarchies = (bundle: Bundle): { controller: string; dir: string }[] =>
  (isUnified ? [''] : readdirSync(ROOT))
    .map((controller) => ({ controller, dir: join(ROOT, controller, bundle.cgroup) }))
    .filter(({ dir }) => existsSync(dir));

/** A test of what not every kernel has is skipped, with the reason told. */
export function needsController(context: Context, name: string): void {
  const has = isUnified
    ? readFileSync(join(ROOT, 'cgroup.controllers'), 'utf8').trim().split(' ').includes(name)
    : isLegacy(name);
  if (!has) skip(context, `no controller ${name} here`);
}

/** The host has it in a hierarchy of v1; systemd makes a folder even for one that it cannot mount. */
export const isLegacy = (controller: string): boolean => existsSync(join(ROOT, controller, 'cgroup.procs'));

/** Beside v1 a controller may be in the unified hierarchy alone, which the peers do not know there. */
export function needsLegacy(context: Context, controller: string): void {
  if (isUnified || isLegacy(controller)) return;
  for (const peer of ['runc', 'crun']) deviates(context, peer, `knows no ${controller} controller beside v1`);
}

/** Names below /sys/fs/cgroup of hierarchies and of links to them; an engine may have made folders that are none. */
export const legacyNames = (): string[] => (isUnified ? [] : readdirSync(ROOT).filter(isLegacy));

/** MAJOR:MINOR of the disk that holds the bundles, else of any. */
export function diskOf(): string {
  const names = readdirSync('/sys/block').filter((name) => !/^(loop|ram|zram|sr|fd)/.test(name));
  const [name = 'loop0'] = names;
  return readFileSync(`/sys/block/${name}/dev`, 'utf8').trim();
}

/** A device that the rdma controller knows, if there is one. */
export const rdmaDevice = (): string | undefined => {
  const folder = '/sys/class/infiniband';
  return existsSync(folder) ? readdirSync(folder)[0] : undefined;
};

/** Of a hybrid host: what its unified hierarchy has to give. */
export const unifiedControllers = (): string[] =>
  readFileSync(join(ROOT, 'unified/cgroup.controllers'), 'utf8').trim().split(' ');
