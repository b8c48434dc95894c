// From the flags of mount(2), in which options are defined, to the attributes of fsmount(2) and mount_setattr(2). Pure.

import * as k from '../sys/constants.ts';
import type { AttributeChange } from './options.ts';

const ACCESS_TIME_FLAGS = k.MS_NOATIME | k.MS_NODIRATIME | k.MS_RELATIME | k.MS_STRICTATIME;

const PLAIN: readonly (readonly [flag: number, attribute: number])[] = [
  [k.MS_RDONLY, k.MOUNT_ATTR_RDONLY],
  [k.MS_NOSUID, k.MOUNT_ATTR_NOSUID],
  [k.MS_NODEV, k.MOUNT_ATTR_NODEV],
  [k.MS_NOEXEC, k.MOUNT_ATTR_NOEXEC],
  [k.MS_NOSYMFOLLOW, k.MOUNT_ATTR_NOSYMFOLLOW],
];

const PLAIN_ATTRIBUTES =
  k.MOUNT_ATTR_RDONLY | k.MOUNT_ATTR_NOSUID | k.MOUNT_ATTR_NODEV | k.MOUNT_ATTR_NOEXEC | k.MOUNT_ATTR_NOSYMFOLLOW;

const plainAttributes = (flags: number): number =>
  PLAIN.reduce((sum, [flag, attribute]) => ((flags & flag) !== 0 ? sum | attribute : sum), 0);

/** Same precedence as mount(2): strictatime over noatime over relatime, which is the default. */
function accessTime(flags: number): number {
  const directories = (flags & k.MS_NODIRATIME) !== 0 ? k.MOUNT_ATTR_NODIRATIME : 0;
  if ((flags & k.MS_STRICTATIME) !== 0) return k.MOUNT_ATTR_STRICTATIME | directories;
  return ((flags & k.MS_NOATIME) !== 0 ? k.MOUNT_ATTR_NOATIME : k.MOUNT_ATTR_RELATIME) | directories;
}

/** Attributes of a new mount, for fsmount(2). */
export const newMountAttributes = (flags: number): number => plainAttributes(flags) | accessTime(flags);

/** A bind mount's attributes: what to change, and what the configuration takes away in so many words. */
export interface BindAttributes extends AttributeChange {
  /** Attributes that must not stay set: if the kernel has them locked, that is an error. */
  readonly explicit: number;
}

/**
 * What MS_REMOUNT|MS_BIND does with these flags: an attribute that is not named is taken away, except that the
 * access-time ones stay when none is named. Undefined when no option names an attribute: then the source's stay.
 */
export function bindAttributes(flags: number, cleared: number): BindAttributes | undefined {
  const attributes = (flags | cleared) & ~(k.MS_BIND | k.MS_REC | k.MS_REMOUNT | k.MS_SILENT);
  if (attributes === 0) return undefined;
  const explicit = plainAttributes(cleared);
  const set = plainAttributes(flags);
  const clear = PLAIN_ATTRIBUTES & ~set;
  // KERNEL: what of the access time is only taken away stays, with mount(2).
  if ((flags & ACCESS_TIME_FLAGS) === 0) return { set, clear, explicit };
  return {
    set: set | accessTime(flags),
    clear: clear | k.MOUNT_ATTR__ATIME | ((flags & k.MS_NODIRATIME) !== 0 ? 0 : k.MOUNT_ATTR_NODIRATIME),
    explicit,
  };
}

/** Flags of the super block, as the words that fsconfig(2) takes for every file system. */
export function superBlockWords(flags: number): string[] {
  const words: [number, string][] = [
    [k.MS_RDONLY, 'ro'],
    [k.MS_SYNCHRONOUS, 'sync'],
    [k.MS_DIRSYNC, 'dirsync'],
    [k.MS_LAZYTIME, 'lazytime'],
    [k.MS_MANDLOCK, 'mand'],
  ];
  return words.filter(([flag]) => (flags & flag) !== 0).map(([, word]) => word);
}

const FLAG_NAMES = (): [number, string][] => [
  [k.MS_RDONLY, 'MS_RDONLY'],
  [k.MS_NOSUID, 'MS_NOSUID'],
  [k.MS_NODEV, 'MS_NODEV'],
  [k.MS_NOEXEC, 'MS_NOEXEC'],
  [k.MS_SYNCHRONOUS, 'MS_SYNCHRONOUS'],
  [k.MS_REMOUNT, 'MS_REMOUNT'],
  [k.MS_MANDLOCK, 'MS_MANDLOCK'],
  [k.MS_DIRSYNC, 'MS_DIRSYNC'],
  [k.MS_NOSYMFOLLOW, 'MS_NOSYMFOLLOW'],
  [k.MS_NOATIME, 'MS_NOATIME'],
  [k.MS_NODIRATIME, 'MS_NODIRATIME'],
  [k.MS_BIND, 'MS_BIND'],
  [k.MS_REC, 'MS_REC'],
  [k.MS_UNBINDABLE, 'MS_UNBINDABLE'],
  [k.MS_PRIVATE, 'MS_PRIVATE'],
  [k.MS_SLAVE, 'MS_SLAVE'],
  [k.MS_SHARED, 'MS_SHARED'],
  [k.MS_RELATIME, 'MS_RELATIME'],
  [k.MS_I_VERSION, 'MS_I_VERSION'],
  [k.MS_STRICTATIME, 'MS_STRICTATIME'],
  [k.MS_LAZYTIME, 'MS_LAZYTIME'],
];

/** `MS_NOSUID|MS_NODEV`, for people; `0` when none is set. */
export const flagNames = (flags: number): string =>
  FLAG_NAMES()
    .filter(([flag]) => (flags & flag) !== 0)
    .map(([, name]) => name)
    .join('|') || '0';
