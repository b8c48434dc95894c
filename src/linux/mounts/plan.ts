// config.md, "Mounts": the configuration's mounts as steps, in the listed order. Pure.

import { TsociError } from '../../errors.ts';
import type { LinuxIdMapping, Mount, Spec } from '../../spec/types.ts';
import { cleanPath, isAtOrBelow, pathFrom, rootfsOf } from '../names.ts';
import * as k from '../sys/constants.ts';
import { type BindAttributes, bindAttributes, flagNames, newMountAttributes, superBlockWords } from './attributes.ts';
import { type AttributeChange, type MountOptions, parseMountOptions } from './options.ts';

interface MountPlace {
  /** Number of the mount in the configuration. */
  readonly index: number;
  /** Clean and absolute, as seen from inside. */
  readonly destination: string;
  /** Changes to the mount and all below it. */
  readonly recursive: AttributeChange;
  /** MS_* propagation flags, each set after the mount is attached. */
  readonly propagation: readonly number[];
}

/** A parameter of a file system: a flag has no value. */
export type FileSystemParameter = readonly [key: string, value: string | null];

export interface FileSystemStep extends MountPlace {
  readonly kind: 'mount-filesystem';
  readonly type: string;
  readonly source: string;
  readonly parameters: readonly FileSystemParameter[];
  readonly attributes: number;
  /** Flags and data of mount(2), for people, and for the few things that fsconfig(2) cannot say. */
  readonly flags: number;
  readonly data: string;
  readonly viaMount2: boolean;
  /** The mount turns read-only after the devices are made and later mount points below it exist. */
  readonly readonlyLater: boolean;
  readonly copyUp: boolean;
}

export interface IdMapping {
  readonly recursive: boolean;
  readonly uidMappings: readonly LinuxIdMapping[];
  readonly gidMappings: readonly LinuxIdMapping[];
  /** Path of the container's user namespace, where the container joins one and the mount has no own mappings. */
  readonly userns: string | undefined;
}

export interface BindStep extends MountPlace {
  readonly kind: 'mount-bind';
  /** Absolute path on the host. */
  readonly source: string;
  /** With all mounts below the source. */
  readonly tree: boolean;
  readonly attributes: BindAttributes | undefined;
  readonly idmap: IdMapping | undefined;
  readonly flags: number;
}

export interface RemountStep extends MountPlace {
  readonly kind: 'remount';
  readonly flags: number;
  readonly data: string;
  /** With `bind`: the mount's own attributes alone; undefined: the super block's too. */
  readonly attributes: BindAttributes | undefined;
}

/** One piece of the tree of cgroups. */
export interface CgroupMountPart {
  readonly kind: 'tmpfs' | 'bind' | 'cgroup' | 'cgroup2' | 'symlink';
  /** Below the destination: `memory`; empty for the destination itself. */
  readonly target: string;
  /** Host path of a bind, text of a symlink, or the name that the mount table shows. */
  readonly source: string;
  /** Options of the file system, with commas between. */
  readonly data?: string;
  /** MS_* of mount(2). */
  readonly flags: number;
  /** Host path that is bound where `source` is not there, or not ours to see. */
  readonly otherwise?: string;
}

/** Type `cgroup` or `cgroup2`: what lies there depends on the host's hierarchies; see cgroups/mount.ts. */
export interface CgroupMountStep extends MountPlace {
  readonly kind: 'mount-cgroup';
  /** The first is for the destination itself. */
  readonly parts: readonly CgroupMountPart[];
  readonly flags: number;
  /** The first part too, once the others are made in it. */
  readonly readonly: boolean;
}

/** What type `cgroup` or `cgroup2` stands for on this host; undefined: nothing of ours. */
export type CgroupPartsOf = (mount: Mount) => readonly CgroupMountPart[] | undefined;

export type MountStep = FileSystemStep | BindStep | RemountStep | CgroupMountStep;

/** Mount points below /proc that programs which fake host facts (lxcfs) need. CVE-2019-16884: no others. */
const ALLOWED_BELOW_PROC: readonly string[] = [
  '/proc/cpuinfo',
  '/proc/diskstats',
  '/proc/loadavg',
  '/proc/meminfo',
  '/proc/net/dev',
  '/proc/slabinfo',
  '/proc/stat',
  '/proc/swaps',
  '/proc/sys/crypto/fips_enabled',
  '/proc/sys/kernel/ns_last_pid',
  '/proc/uptime',
];

/** `destination` (clean) may be a mount point: not below /proc, but for the allow-list. */
export const isAllowedDestination = (destination: string): boolean =>
  !destination.startsWith('/proc/') || ALLOWED_BELOW_PROC.includes(destination);

/** CVE-2019-16884: what programs take for procfs is procfs. */
export const NOT_PROC = '"/proc" cannot be mounted because it is not of type proc';

function refuse(index: number, member: string, message: string, hint?: string): never {
  throw new TsociError('ERR_SPEC_CHECK', message, {
    pointer: `/mounts/${index}/${member}`,
    ...(hint === undefined ? {} : { hint }),
  });
}

/** `key=value` or `flag`, as the kernel's own splitting of mount data has it. */
function parameterOf(word: string): FileSystemParameter {
  const equals = word.indexOf('=');
  return equals <= 0 ? [word, null] : [word.slice(0, equals), word.slice(equals + 1)];
}

/** Mount data in the words of fsconfig(2). */
export const parametersOf = (data: string): FileSystemParameter[] =>
  data
    .split(',')
    .filter((word) => word !== '')
    .map(parameterOf);

/** KERNEL: no file system of these lets a label be given as a mount option. */
const UNLABELLED: readonly string[] = ['proc', 'sysfs', 'mqueue', 'cgroup', 'cgroup2'];

function labelOf(spec: Spec, type: string): string {
  const label = spec.linux?.mountLabel ?? '';
  return UNLABELLED.includes(type) ? '' : label;
}

function dataOf(data: readonly string[], label: string): string {
  const words = label === '' ? data : [...data, `context="${label}"`];
  return words.join(',');
}

/** KERNEL: fsconfig(2) takes values of up to 255 bytes, and has no word for MS_I_VERSION. */
const needsMount2 = (options: MountOptions): boolean =>
  (options.flags & k.MS_I_VERSION) !== 0 || options.data.some((word) => word.length > 200);

/** COMPAT: like runc, /dev and every tmpfs are writable until all mount points and devices are made. */
const staysWritable = (type: string, destination: string): boolean => type === 'tmpfs' || destination === '/dev';

function planFileSystem(spec: Spec, mount: Mount, place: MountPlace, options: MountOptions): FileSystemStep {
  const type = mount.type ?? '';
  if (type === '' || type === 'none') {
    refuse(place.index, 'type', `mount at "${place.destination}" has neither a type nor the option bind or rbind`);
  }
  if (place.destination === '/proc' && type !== 'proc') refuse(place.index, 'type', NOT_PROC);
  const readonlyLater = staysWritable(type, place.destination) && (options.flags & k.MS_RDONLY) !== 0;
  const flags = readonlyLater ? options.flags & ~k.MS_RDONLY : options.flags;
  const label = labelOf(spec, type);
  const subtype: FileSystemParameter[] = type.includes('.') ? [['subtype', type.slice(type.indexOf('.') + 1)]] : [];
  return {
    ...place,
    kind: 'mount-filesystem',
    type,
    source: mount.source ?? '',
    parameters: [
      ...superBlockWords(flags).map((word): FileSystemParameter => [word, null]),
      ...subtype,
      ...parametersOf(options.data.join(',')),
      ...(label === '' ? [] : [['context', label] as FileSystemParameter]),
    ],
    attributes: newMountAttributes(flags),
    flags,
    data: dataOf(options.data, label),
    viaMount2: needsMount2(options),
    readonlyLater,
    copyUp: options.copyUp && type === 'tmpfs',
  };
}

/** MT-15, MT-16: the mount's own mappings, else the container's, else there is nothing to map by. */
function planIdMapping(spec: Spec, mount: Mount, options: MountOptions, index: number): IdMapping | undefined {
  const own = (mount.uidMappings?.length ?? 0) > 0;
  if ((mount.gidMappings?.length ?? 0) > 0 !== own) {
    refuse(index, 'uidMappings', 'uidMappings and gidMappings of a mount come together');
  }
  if (options.idmap === 'none' && !own) return undefined;
  const recursive = options.idmap === 'ridmap';
  if (own) {
    return {
      recursive,
      uidMappings: mount.uidMappings ?? [],
      gidMappings: mount.gidMappings ?? [],
      userns: undefined,
    };
  }
  const user = spec.linux?.namespaces?.find((ns) => ns.type === 'user');
  if (user === undefined) {
    refuse(
      index,
      'options',
      `option ${options.idmap} needs mappings: the mount has none, and the container no user namespace`,
    );
  }
  return {
    recursive,
    uidMappings: spec.linux?.uidMappings ?? [],
    gidMappings: spec.linux?.gidMappings ?? [],
    userns: user.path === undefined || user.path === '' ? undefined : user.path,
  };
}

/** KERNEL: options of a file system are those of its first mount; a bind would pass them over in silence. */
function refuseData({ index }: MountPlace, { data }: MountOptions): void {
  if (data.length === 0) return;
  refuse(index, 'options', `bind mounts cannot have any filesystem-specific options applied: "${data.join(',')}"`);
}

function planBind(spec: Spec, mount: Mount, place: MountPlace, options: MountOptions, bundle: string): BindStep {
  const source = mount.source ?? '';
  if (source === '') refuse(place.index, 'source', `bind mount at "${place.destination}" has no source`);
  refuseData(place, options);
  return {
    ...place,
    kind: 'mount-bind',
    source: source.startsWith('/') ? source : pathFrom(bundle, source),
    tree: (options.flags & k.MS_REC) !== 0,
    attributes: bindAttributes(options.flags, options.cleared),
    idmap: planIdMapping(spec, mount, options, place.index),
    flags: options.flags,
  };
}

function planCgroup(place: MountPlace, options: MountOptions, parts: readonly CgroupMountPart[]): CgroupMountStep {
  if (parts[0]?.kind === 'bind') refuseData(place, options);
  const readonly = (options.flags & k.MS_RDONLY) !== 0;
  return { ...place, kind: 'mount-cgroup', parts, flags: options.flags, readonly };
}

const NO_CHANGE: BindAttributes = { set: 0, clear: 0, explicit: 0 };

interface PlanOptions {
  readonly bundle: string;
  /** Absolute path of the root on the host. */
  readonly rootfs: string;
  readonly cgroupParts: CgroupPartsOf;
}

/** COMPAT: a destination may be written as the host sees it, below the root's own path. */
function insideOf(rootfs: string, destination: string): string {
  return rootfs !== '/' && isAtOrBelow(destination, rootfs) ? destination.slice(rootfs.length) || '/' : destination;
}

function planMount(spec: Spec, mount: Mount, index: number, { bundle, rootfs, cgroupParts }: PlanOptions): MountStep {
  const options = parseMountOptions(mount.options ?? []);
  const destination = insideOf(rootfs, cleanPath(mount.destination));
  if (!isAllowedDestination(destination)) {
    refuse(index, 'destination', `"${destination}" cannot be mounted because it is inside /proc`);
  }
  const place = { index, destination, recursive: options.recursive, propagation: options.propagation };
  if ((options.flags & k.MS_REMOUNT) !== 0) {
    const own =
      (options.flags & k.MS_BIND) !== 0 ? (bindAttributes(options.flags, options.cleared) ?? NO_CHANGE) : undefined;
    return { ...place, kind: 'remount', flags: options.flags, data: dataOf(options.data, ''), attributes: own };
  }
  if ((options.flags & k.MS_BIND) !== 0) return planBind(spec, mount, place, options, bundle);
  if (options.idmap !== 'none' || (mount.uidMappings?.length ?? 0) > 0) {
    refuse(index, 'options', `id-mapped mount at "${destination}" is not a bind mount`);
  }
  const parts = ['cgroup', 'cgroup2'].includes(mount.type ?? '') ? cgroupParts(mount) : undefined;
  if (parts !== undefined) return planCgroup(place, options, parts);
  return planFileSystem(spec, mount, place, options);
}

/**
 * The mounts of `spec`, in the listed order; relative bind sources are taken from `bundle`; `cgroupParts` says what type
 * `cgroup` stands for on this host.
 * Throws ERR_SPEC_CHECK for what no kernel could do: a bind without a source, id maps without mappings,
 * a place below /proc that is not on the allow-list.
 */
export function planMounts(spec: Spec, bundle: string, cgroupParts: CgroupPartsOf = () => undefined): MountStep[] {
  const options = { bundle, rootfs: rootfsOf(spec, bundle), cgroupParts };
  return (spec.mounts ?? []).map((mount, index) => Object.freeze(planMount(spec, mount, index, options)));
}

/** The mounts that stay writable for set-up: /dev and every tmpfs. */
export interface ReadonlyLaterStep {
  readonly kind: 'readonly-later';
}

/** ORDER: after the devices and the last mount point. */
export const planReadonlyLater = (mounts: readonly MountStep[]): ReadonlyLaterStep[] =>
  mounts.some((step) => step.kind === 'mount-filesystem' && step.readonlyLater) ? [{ kind: 'readonly-later' }] : [];

/** `mounting "proc" to rootfs at "/proc": mount proc:/proc, flags: MS_NOSUID|MS_NODEV`. */
export function describeMount(step: MountStep): string {
  const source = step.kind === 'mount-cgroup' ? 'cgroup' : step.kind === 'remount' ? '' : step.source;
  const head = `mounting "${source}" to rootfs at "${step.destination}"`;
  if (step.kind === 'remount') return `remounting "${step.destination}", flags: ${flagNames(step.flags)}`;
  if (step.kind === 'mount-cgroup') return `${head}: flags: ${flagNames(step.flags)}`;
  if (step.kind === 'mount-bind') return `${head}: bind mount, flags: ${flagNames(step.flags)}`;
  const data = step.data === '' ? '' : `, data: ${step.data}`;
  return `${head}: mount ${step.type}:${step.destination}, flags: ${flagNames(step.flags)}${data}`;
}
