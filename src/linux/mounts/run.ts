// config.md, "Mounts": doing the steps, in the container's mount namespace, before pivot_root(2).
// Each mount is made detached, finished, and only then attached: nothing inside ever sees it with too many rights.

import { TsociError } from '../../errors.ts';
import type { InitContext } from '../init/context.ts';
import { isFolder } from '../inode.ts';
import { isAtOrBelow } from '../names.ts';
import { openInRoot, openMountPoint } from '../paths.ts';
import * as sys from '../sys/index.ts';
import { attach, changeBind, changeMount, changePropagation, cloneHostMount } from './attach.ts';
import { addCgroupPart, openCgroupPart } from './cgroup.ts';
import { copyUp } from './copy-up.ts';
import { mountInto, openFileSystem } from './filesystem.ts';
import {
  type BindStep,
  type CgroupMountStep,
  type FileSystemParameter,
  type FileSystemStep,
  type MountStep,
  NOT_PROC,
  type RemountStep,
} from './plan.ts';
import { readMountTable } from './table.ts';

/** What the mounts remember until the end of set-up; the context may declare it or not. */
export interface MountMemory {
  /** Roots of mounts that turn read-only once everything below them is made. */
  readonlyLater?: { readonly destination: string; readonly fd: number }[];
}

export type MountContext = Pick<InitContext, 'askSource' | 'userns' | 'warn'> & {
  rootfs: number;
} & MountMemory;

/** CVE-2019-19921: the kernel's own trees are mounted on real folders only. */
const linkRule = (type: string): 'follow' | 'refuse' => (type === 'proc' || type === 'sysfs' ? 'refuse' : 'follow');

/** What is asked for the mounts below too, and the propagation: each word is a change of its own. */
function spread(step: MountStep, mount: number): void {
  if ((step.recursive.set | step.recursive.clear) !== 0) changeMount(mount, step.recursive, true);
  for (const flags of step.propagation) changePropagation(mount, flags);
}

/** Attributes for the tree, place, propagation: what most kinds have in common. Closes `mount` unless it is needed on. */
function finish(step: MountStep, mount: number, target: number, ctx: MountContext): void {
  if ((step.recursive.set | step.recursive.clear) !== 0) changeMount(mount, step.recursive, true);
  attach(mount, target);
  // ORDER: a mount attached to a shared one becomes shared, whatever it was before.
  for (const flags of step.propagation) changePropagation(mount, flags);
  if (step.destination === '/') ctx.rootfs = mount;
  else if (step.kind === 'mount-filesystem' && step.readonlyLater) {
    ctx.readonlyLater ??= [];
    ctx.readonlyLater.push({ destination: step.destination, fd: mount });
  } else sys.close(mount);
}

/** COMPAT: a tmpfs over an existing folder takes its mode, unless the options say another. */
function inheritedMode(step: FileSystemStep, target: number, madeFolder: boolean): FileSystemParameter[] {
  const isTaken = step.type === 'tmpfs' && !madeFolder && !step.copyUp;
  if (!isTaken || step.parameters.some(([key]) => key === 'mode')) return [];
  return [['mode', `0${(sys.fstat(target).mode & 0o7777).toString(8)}`]];
}

const isRefused = (error: unknown): error is TsociError => error instanceof TsociError && error.errno === sys.E.EPERM;

/**
 * KERNEL: a user namespace may mount proc and sysfs only where one that is there already can be seen whole: a masked path
 * of an outer container is in the way. The error names what covers it.
 */
function explainRefusal(type: string, error: TsociError): TsociError {
  const folder = type === 'proc' ? '/proc' : '/sys';
  const covers = readMountTable().filter(({ point }) => point !== folder && isAtOrBelow(point, folder));
  if (covers.length === 0) return error;
  return new TsociError('ERR_STEP', error.message, {
    errno: sys.E.EPERM,
    cause: error,
    hint: `${type} can be mounted only where an existing one is seen whole; covered are ${covers.map(({ point }) => point).join(', ')}`,
  });
}

/** sysfs belongs to the network namespace; where that is another user's, the host's /sys is bound, as crun does. */
function bindSys(step: FileSystemStep): number {
  const mount = cloneHostMount('/sys', true);
  changeMount(mount, { set: step.attributes & ~sys.MOUNT_ATTR__ATIME, clear: 0 }, true);
  return mount;
}

/** proc and sysfs, which the kernel may refuse. SAFETY: the host's /sys is never bound writable for the host's root. */
function openKernelTree(step: FileSystemStep, ctx: MountContext): number {
  try {
    return openFileSystem(step);
  } catch (error) {
    if (!isRefused(error)) throw error;
    const bindable = ctx.userns || (step.attributes & sys.MOUNT_ATTR_RDONLY) !== 0;
    if (step.type === 'sysfs' && bindable) return bindSys(step);
    throw explainRefusal(step.type, error);
  }
}

function mountByMount2(
  step: FileSystemStep,
  target: number,
  ctx: MountContext,
  extra: readonly FileSystemParameter[],
): void {
  const words = [...extra.map(([key, value]) => `${key}=${value}`), ...(step.data === '' ? [] : [step.data])];
  mountInto(target, { ...step, data: words.join(',') });
  const mount = openInRoot(ctx.rootfs, step.destination, sys.O_PATH | sys.O_DIRECTORY);
  try {
    if (step.copyUp) copyUp(target, mount);
    spread(step, mount);
    if (step.readonlyLater) changeMount(mount, { set: sys.MOUNT_ATTR_RDONLY, clear: 0 }, false);
  } finally {
    sys.close(mount);
  }
}

function mountFileSystem(step: FileSystemStep, ctx: MountContext): void {
  const made = { folder: false };
  const target = openMountPoint(ctx.rootfs, step.destination, linkRule(step.type), () => {
    made.folder = true;
    return true;
  });
  sys.withFd(target, () => {
    const extra = inheritedMode(step, target, made.folder);
    if (step.viaMount2) {
      mountByMount2(step, target, ctx, extra);
      return;
    }
    const mount = linkRule(step.type) === 'refuse' ? openKernelTree(step, ctx) : openFileSystem(step, extra);
    if (step.copyUp) copyUp(target, mount);
    finish(step, mount, target, ctx);
  });
}

/** Detached. What we may not open we ask the parent for. */
function sourceOf(step: BindStep, ctx: MountContext): number {
  if (step.idmap !== undefined) {
    const mapped = ctx.askSource(step.index);
    if (mapped !== undefined) return mapped;
    throw new TsociError('ERR_STEP', "only the host's root can map the ids of a mount", { errno: sys.E.EPERM });
  }
  try {
    return cloneHostMount(step.source, step.tree);
  } catch (error) {
    const asked = ctx.userns && sys.isErrno(error, sys.E.EACCES) ? ctx.askSource(step.index) : undefined;
    if (asked === undefined) throw error;
    return asked;
  }
}

function mountBind(step: BindStep, ctx: MountContext): void {
  const mount = sourceOf(step, ctx);
  if (step.destination === '/proc' && sys.fileSystemType(mount) !== sys.PROC_SUPER_MAGIC) {
    sys.close(mount);
    throw new TsociError('ERR_STEP', NOT_PROC);
  }
  const target = openMountPoint(ctx.rootfs, step.destination, 'follow', () => isFolder(mount));
  sys.withFd(target, () => {
    if (step.attributes !== undefined) changeBind(mount, step.attributes);
    finish(step, mount, target, ctx);
  });
}

/** `remount`: the mount that is there already. Its super block too, unless `bind` is among the options. */
function remount(step: RemountStep, ctx: MountContext): void {
  const target = openInRoot(ctx.rootfs, step.destination, sys.O_PATH);
  sys.withFd(target, () => {
    if (step.attributes !== undefined) changeBind(target, step.attributes);
    else {
      // SAFETY: by descriptor too: "." is the folder that the process is in.
      sys.fchdir(target);
      sys.mount(null, '.', null, step.flags, step.data === '' ? null : step.data);
    }
    spread(step, target);
  });
}

/** The tree of cgroups: a mount in the destination itself, then what lies below it, by the descriptor of that mount. */
function mountCgroup(step: CgroupMountStep, ctx: MountContext): void {
  const [first, ...rest] = step.parts;
  if (first === undefined) throw new TsociError('ERR_HOST', 'the host has no cgroup file system to show');
  const target = openMountPoint(ctx.rootfs, step.destination, 'follow', () => true);
  sys.withFd(target, () => {
    const base = openCgroupPart(first);
    sys.withFd(base, () => {
      attach(base, target);
      for (const part of rest) addCgroupPart(base, part);
      if (step.readonly) changeMount(base, { set: sys.MOUNT_ATTR_RDONLY, clear: 0 }, false);
      spread(step, base);
    });
  });
}

/** Does one mount. Errors: SyscallError, or ERR_STEP with the kernel's own log of the file system. */
export function runMount(step: MountStep, ctx: MountContext): void {
  if (step.kind === 'mount-filesystem') mountFileSystem(step, ctx);
  else if (step.kind === 'mount-bind') mountBind(step, ctx);
  else if (step.kind === 'remount') remount(step, ctx);
  else mountCgroup(step, ctx);
}

/** ORDER: after the devices and the last mount point: /dev and every tmpfs with `ro` turn read-only now. */
export function runReadonlyLater(ctx: MountContext): void {
  for (const { fd } of ctx.readonlyLater ?? []) {
    changeMount(fd, { set: sys.MOUNT_ATTR_RDONLY, clear: 0 }, false);
    sys.close(fd);
  }
  ctx.readonlyLater = [];
}

/** For those who name all steps. */
export type { ReadonlyLaterStep } from './plan.ts';
