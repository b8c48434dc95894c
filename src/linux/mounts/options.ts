// config.md, "Linux mount options" and "tmpcopyup, idmap": the one table of mount options, and its parser. Pure.

import * as k from '../sys/constants.ts';

/** What the options of one mount ask for. */
export interface MountOptions {
  /** MS_* flags of mount(2) to set; never a propagation flag. */
  readonly flags: number;
  /** MS_* flags that an option such as `rw`, `dev`, `atime` takes away explicitly. */
  readonly cleared: number;
  /** MOUNT_ATTR_* for the mount and everything below it: `rro`, `rnoatime` … */
  readonly recursive: AttributeChange;
  /** MS_SHARED, MS_SLAVE|MS_REC …, in the order given; each is a call of its own after the mount. */
  readonly propagation: readonly number[];
  /** Words that are none of ours: they belong to the file system. */
  readonly data: readonly string[];
  readonly copyUp: boolean;
  readonly idmap: 'none' | 'idmap' | 'ridmap';
}

/** attr_set and attr_clr of struct mount_attr. */
export interface AttributeChange {
  readonly set: number;
  readonly clear: number;
}

type FlagRow = readonly [action: 'set' | 'clear', flag: number];

/** Flags of mount(2). `silent` and `loud` quieten the kernel's log, nothing else. */
const FLAGS: Readonly<Record<string, FlagRow>> = {
  async: ['clear', k.MS_SYNCHRONOUS],
  atime: ['clear', k.MS_NOATIME],
  bind: ['set', k.MS_BIND],
  defaults: ['set', 0],
  dev: ['clear', k.MS_NODEV],
  diratime: ['clear', k.MS_NODIRATIME],
  dirsync: ['set', k.MS_DIRSYNC],
  exec: ['clear', k.MS_NOEXEC],
  iversion: ['set', k.MS_I_VERSION],
  lazytime: ['set', k.MS_LAZYTIME],
  loud: ['clear', k.MS_SILENT],
  mand: ['set', k.MS_MANDLOCK],
  noatime: ['set', k.MS_NOATIME],
  nodev: ['set', k.MS_NODEV],
  nodiratime: ['set', k.MS_NODIRATIME],
  noexec: ['set', k.MS_NOEXEC],
  noiversion: ['clear', k.MS_I_VERSION],
  nolazytime: ['clear', k.MS_LAZYTIME],
  nomand: ['clear', k.MS_MANDLOCK],
  norelatime: ['clear', k.MS_RELATIME],
  nostrictatime: ['clear', k.MS_STRICTATIME],
  nosuid: ['set', k.MS_NOSUID],
  nosymfollow: ['set', k.MS_NOSYMFOLLOW],
  rbind: ['set', k.MS_BIND | k.MS_REC],
  relatime: ['set', k.MS_RELATIME],
  remount: ['set', k.MS_REMOUNT],
  ro: ['set', k.MS_RDONLY],
  rw: ['clear', k.MS_RDONLY],
  silent: ['set', k.MS_SILENT],
  strictatime: ['set', k.MS_STRICTATIME],
  suid: ['clear', k.MS_NOSUID],
  symfollow: ['clear', k.MS_NOSYMFOLLOW],
  sync: ['set', k.MS_SYNCHRONOUS],
};

/** mount_setattr(2) with AT_RECURSIVE. The access-time ones are a field, not bits: any of them clears the whole field. */
const RECURSIVE: Readonly<Record<string, FlagRow>> = {
  ratime: ['clear', k.MOUNT_ATTR_NOATIME],
  rdev: ['clear', k.MOUNT_ATTR_NODEV],
  rdiratime: ['clear', k.MOUNT_ATTR_NODIRATIME],
  rexec: ['clear', k.MOUNT_ATTR_NOEXEC],
  rnoatime: ['set', k.MOUNT_ATTR_NOATIME],
  rnodev: ['set', k.MOUNT_ATTR_NODEV],
  rnodiratime: ['set', k.MOUNT_ATTR_NODIRATIME],
  rnoexec: ['set', k.MOUNT_ATTR_NOEXEC],
  // COMPAT: the kernel knows no "neither relatime nor noatime"; like runc, the field goes back to its default.
  rnorelatime: ['clear', k.MOUNT_ATTR__ATIME],
  rnostrictatime: ['clear', k.MOUNT_ATTR_STRICTATIME],
  rnosuid: ['set', k.MOUNT_ATTR_NOSUID],
  rnosymfollow: ['set', k.MOUNT_ATTR_NOSYMFOLLOW],
  rrelatime: ['set', k.MOUNT_ATTR_RELATIME],
  rro: ['set', k.MOUNT_ATTR_RDONLY],
  rrw: ['clear', k.MOUNT_ATTR_RDONLY],
  rstrictatime: ['set', k.MOUNT_ATTR_STRICTATIME],
  rsuid: ['clear', k.MOUNT_ATTR_NOSUID],
  rsymfollow: ['clear', k.MOUNT_ATTR_NOSYMFOLLOW],
};

const isAccessTime = (name: string): boolean =>
  name === 'ratime' || name === 'rnoatime' || name.endsWith('relatime') || name.endsWith('strictatime');

const PROPAGATION: Readonly<Record<string, number>> = {
  private: k.MS_PRIVATE,
  rprivate: k.MS_PRIVATE | k.MS_REC,
  rshared: k.MS_SHARED | k.MS_REC,
  rslave: k.MS_SLAVE | k.MS_REC,
  runbindable: k.MS_UNBINDABLE | k.MS_REC,
  shared: k.MS_SHARED,
  slave: k.MS_SLAVE,
  unbindable: k.MS_UNBINDABLE,
};

const OWN_OPTIONS: readonly string[] = ['idmap', 'ridmap', 'tmpcopyup'];

/** Every option that tsoci itself understands, sorted: `mountOptions` of the features document. */
export function mountOptionNames(): string[] {
  return [...Object.keys(FLAGS), ...Object.keys(RECURSIVE), ...Object.keys(PROPAGATION), ...OWN_OPTIONS].sort();
}

/** The MS_* flags of a propagation word (`rslave`), or undefined for any other word. */
export const propagationFlags = (word: string): number | undefined => own(PROPAGATION, word);

/** SAFETY: an option named `constructor` is data for the file system, not a property of Object.prototype. */
const own = <T>(table: Readonly<Record<string, T>>, name: string): T | undefined =>
  Object.hasOwn(table, name) ? table[name] : undefined;

interface Draft {
  flags: number;
  cleared: number;
  set: number;
  clear: number;
  propagation: number[];
  data: string[];
  copyUp: boolean;
  idmap: MountOptions['idmap'];
}

function applyFlag(draft: Draft, [action, flag]: FlagRow): void {
  if (action === 'set') {
    draft.flags |= flag;
    draft.cleared &= ~flag;
  } else {
    draft.flags &= ~flag;
    draft.cleared |= flag;
  }
}

function applyRecursive(draft: Draft, name: string, [action, attribute]: FlagRow): void {
  if (isAccessTime(name)) {
    draft.set &= ~k.MOUNT_ATTR__ATIME;
    draft.clear |= k.MOUNT_ATTR__ATIME;
    if (action === 'set') draft.set |= attribute;
  } else if (action === 'set') {
    draft.set |= attribute;
    draft.clear &= ~attribute;
  } else {
    draft.set &= ~attribute;
    draft.clear |= attribute;
  }
}

function applyOption(draft: Draft, option: string): void {
  const flag = own(FLAGS, option);
  const change = own(RECURSIVE, option);
  const spread = own(PROPAGATION, option);
  if (flag !== undefined) applyFlag(draft, flag);
  else if (change !== undefined) applyRecursive(draft, option, change);
  else if (spread !== undefined) draft.propagation.push(spread);
  else if (option === 'tmpcopyup') draft.copyUp = true;
  else if (option === 'idmap' || option === 'ridmap') draft.idmap = option;
  else if (option !== '') draft.data.push(option);
}

/** Options of one mount, in their order: the last of two that contradict each other wins, as in mount(8). */
export function parseMountOptions(options: readonly string[]): MountOptions {
  const draft: Draft = {
    flags: 0,
    cleared: 0,
    set: 0,
    clear: 0,
    propagation: [],
    data: [],
    copyUp: false,
    idmap: 'none',
  };
  for (const option of options) applyOption(draft, option);
  const { set, clear, ...rest } = draft;
  return { ...rest, recursive: { set, clear } };
}
