// The rows on this host: which outcome is to be expected here, and the names that only a host knows.

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { diskOf, isLegacy, isUnified, rdmaDevice, unifiedControllers } from '../harness/cgroup.ts';
import { DISK, type Files, type Outcome, RDMA, type Row } from './rows.ts';

const ROOT = '/sys/fs/cgroup';

export const mode = isUnified ? 'v2' : existsSync(join(ROOT, 'unified')) ? 'hybrid' : 'v1';

const below = (files: Files): Files =>
  Object.fromEntries(Object.entries(files).map(([file, text]) => [`unified/${file}`, text]));

const CONTROLLERS: Readonly<Record<string, string>> = { hugepageLimits: 'hugetlb' };

/** The v1 controller that a row is about, where its outcome or its resources name one. */
function controllerOf({ v1, resources }: Row): string {
  const [file = ''] = 'files' in v1 ? Object.keys(v1.files) : [];
  const [field = ''] = Object.keys(resources);
  return file === '' ? (CONTROLLERS[field] ?? field) : (file.split('/')[0] as string);
}

/** The host has no v1 hierarchy with the row's controller. */
export const isMissing = (row: Row): boolean => mode !== 'v2' && !isLegacy(controllerOf(row));

/** It is on a hybrid host, in the unified hierarchy alone. */
function isUnifiedOnly(row: Row): boolean {
  if (mode !== 'hybrid' || !('files' in row.v1) || !isMissing(row)) return false;
  const controller = controllerOf(row);
  return unifiedControllers().includes(controller === 'blkio' ? 'io' : controller);
}

/** Where the row is found here: the peers know no unified hierarchy beside v1. */
export const placeOf = (row: Row): 'v1' | 'v2' | 'unified' =>
  mode === 'v2' ? 'v2' : isUnifiedOnly(row) ? 'unified' : 'v1';

/** Of v2 as it lies beside v1: files in `unified/`. */
export function outcomeOf(row: Row): Outcome {
  const place = placeOf(row);
  if (place !== 'unified') return row[place];
  const { v2 } = row;
  if (!('files' in v2)) return v2;
  return { files: below(v2.files), ...(v2.or === undefined ? {} : { or: below(v2.or) }) };
}

/** With the numbers of the host's disk, and the name of its rdma device. */
export function filled<T>(value: T): T {
  const disk = diskOf();
  const [major = '', minor = ''] = disk.split(':');
  return JSON.parse(
    JSON.stringify(value)
      .replaceAll('"MAJOR"', major)
      .replaceAll('"MINOR"', minor)
      .replaceAll(DISK, disk)
      .replaceAll(RDMA, rdmaDevice() ?? 'nosuch'),
  );
}

/** `known` are the files of a container's cgroups here. */
type Known = ReadonlySet<string>;

/** On a hybrid host the unified hierarchy's controllers are enabled when one is asked for. */
const isKnown = (file: string, known: Known): boolean => {
  const [tree, name = ''] = file.split('/');
  return tree === 'unified' ? unifiedControllers().includes(name.split('.')[0] as string) : known.has(file);
};

/** KERNEL: a disk that another scheduler than BFQ serves takes no weight of BFQ. */
function isWeighable(files: Files): boolean {
  const ofDisk = Object.entries(files).some(([file, text]) => file.includes('bfq.') && text.startsWith(DISK));
  return !ofDisk || readFileSync(`/sys/dev/block/${diskOf()}/queue/scheduler`, 'utf8').includes('[bfq]');
}

const hasDevice = (files: Files): boolean =>
  rdmaDevice() !== undefined || !Object.values(files).some((text) => text.startsWith(RDMA));

/**
 * The files that are to say what the row asks for; undefined where it is refused: what is asked for in vain, of a host
 * without the controller, or a kernel without the file, is an error too.
 */
export function filesOf(row: Row, known: Known): Files | undefined {
  const outcome = outcomeOf(row);
  if ('refused' in outcome) return undefined;
  if ('nothing' in outcome) return {};
  const files = [outcome.files, outcome.or].find(
    (candidate) => candidate !== undefined && Object.keys(candidate).every((file) => isKnown(file, known)),
  );
  return files !== undefined && isWeighable(files) && hasDevice(files) ? filled(files) : undefined;
}
