// config.md, "Root"; config-linux.md, "Rootfs Mount Propagation": from the host's tree to the container's.

import { TsociError } from '../errors.ts';
import type { Spec } from '../spec/types.ts';
import { attach, changeMount, changePropagation, cloneMount } from './mounts/attach.ts';
import { flagNames } from './mounts/attributes.ts';
import { propagationFlags } from './mounts/options.ts';
import { readMountTable } from './mounts/table.ts';
import { isAtOrBelow, rootfsOf } from './names.ts';
import { hasNamespace } from './namespaces.ts';
import * as sys from './sys/index.ts';

export type RootfsStep =
  | { readonly kind: 'set-propagation'; readonly flags: number }
  | {
      readonly kind: 'open-rootfs';
      readonly path: string;
      readonly bind: boolean;
      readonly privateParent: boolean;
      readonly isPrivate: boolean;
    }
  | { readonly kind: 'pivot-root'; readonly shared: boolean }
  | { readonly kind: 'move-root' }
  | { readonly kind: 'change-root' }
  | { readonly kind: 'root-propagation'; readonly flags: number }
  | { readonly kind: 'root-readonly' };

/** The parent's, where there is no mount namespace to be made for the container. */
export interface HostRootStep {
  readonly kind: 'mount-rootfs';
  readonly path: string;
}

export interface RootfsContext {
  /** O_PATH descriptor of the container's root; set by `open-rootfs`. */
  rootfs: number;
}

function propagationOf(spec: Spec): number | undefined {
  const word = spec.linux?.rootfsPropagation ?? '';
  if (word === '') return undefined;
  const flags = propagationFlags(word);
  if (flags === undefined) {
    throw new TsociError('ERR_SPEC_CHECK', `rootfsPropagation "${word}" is not a propagation`, {
      pointer: '/linux/rootfsPropagation',
    });
  }
  return flags;
}

/** Nothing of the host's mounts stays shared with ours, so nothing that we mount can reach the host. */
const isDetached = (flags: number | undefined): boolean =>
  flags === undefined || flags === (sys.MS_SLAVE | sys.MS_REC) || flags === (sys.MS_PRIVATE | sys.MS_REC);

/** ORDER: first of all in the new mount namespace. COMPAT: rslave when the configuration is silent, as runc. */
export function planPropagation(spec: Spec): RootfsStep[] {
  if (!hasNamespace(spec, 'mount')) return [];
  return [{ kind: 'set-propagation', flags: propagationOf(spec) ?? sys.MS_SLAVE | sys.MS_REC }];
}

/** The root is a mount of the container's own, whose attributes are not the host's: always but where it is the host's "/". */
const isOwnMount = (spec: Spec, bundle: string): boolean =>
  hasNamespace(spec, 'mount') || rootfsOf(spec, bundle) !== '/';

/**
 * ORDER: before the container's process is there. Without a mount namespace the mounts are made among the host's, all of
 * them in a mount of the root that is ours: taken off, by us or by `umount -R`, it takes them along.
 */
export const planHostRootfs = (spec: Spec, bundle: string): HostRootStep[] =>
  isOwnMount(spec, bundle) && !hasNamespace(spec, 'mount')
    ? [{ kind: 'mount-rootfs', path: rootfsOf(spec, bundle) }]
    : [];

/**
 * The root, from `bundle`, as a mount of its own. COMPAT: when the configuration is silent it is private, as with runc since 1.2,
 * so that what the host mounts below it later does not come up in the container.
 */
export function planRootfs(spec: Spec, bundle: string): RootfsStep[] {
  return [
    {
      kind: 'open-rootfs',
      path: rootfsOf(spec, bundle),
      bind: hasNamespace(spec, 'mount'),
      privateParent: hasNamespace(spec, 'mount') && !isDetached(propagationOf(spec)),
      isPrivate: propagationOf(spec) === undefined && isOwnMount(spec, bundle),
    },
  ];
}

/** ORDER: after the mounts, devices and createContainer hooks; what comes later sees the container's "/" only. */
export function planPivot(spec: Spec, noPivot: boolean): RootfsStep[] {
  if (!hasNamespace(spec, 'mount')) return [{ kind: 'change-root' }];
  if (!noPivot) return [{ kind: 'pivot-root', shared: !isDetached(propagationOf(spec)) }];
  if (((propagationOf(spec) ?? 0) & sys.MS_PRIVATE) !== 0) {
    throw new TsociError('ERR_SPEC_CHECK', 'rootfsPropagation [r]private is not safe without pivot_root', {
      pointer: '/linux/rootfsPropagation',
    });
  }
  return [{ kind: 'move-root' }];
}

/** ORDER: after pivot_root(2): before, it would change the host's mount that the rootfs lies on. */
export function planRootPropagation(spec: Spec, bundle: string): RootfsStep[] {
  const flags = propagationOf(spec);
  return flags !== undefined && isOwnMount(spec, bundle) ? [{ kind: 'root-propagation', flags }] : [];
}

export const planRootReadonly = (spec: Spec, bundle: string): RootfsStep[] =>
  spec.root?.readonly === true && isOwnMount(spec, bundle) ? [{ kind: 'root-readonly' }] : [];

/**
 * The mount that `path` lies on becomes private when it is shared, or pivot_root(2) would refuse and the host would see
 * our mounts; when it is unbindable too, since the root is made of a copy of it.
 */
function makeParentPrivate(path: string): void {
  const parents = readMountTable().filter((mount) => isAtOrBelow(path, mount.point));
  const parent = parents.reduce((best, mount) => (mount.point.length >= best.point.length ? mount : best));
  if (!/^(shared:|unbindable)/.test(parent.optional)) return;
  sys.mount_setattr(sys.AT_FDCWD, parent.point, 0, sys.encodeMountAttr({ propagation: sys.MS_PRIVATE }));
}

/** The folder's tree, as a mount on the folder itself. */
function mountOnItself(folder: number): number {
  const mount = cloneMount(folder, true);
  attach(mount, folder);
  return mount;
}

/**
 * Returns the mount's id. COMPAT: runc makes all of the host's mounts slaves, and the one below the root private; here
 * they stay as they are: what is mounted in the root reaches neither the tree below it nor another namespace.
 */
export function mountHostRootfs({ path }: HostRootStep): number {
  return sys.withFd(sys.openFolder(path), (folder) =>
    sys.withFd(mountOnItself(folder), (mount) => {
      changePropagation(mount, sys.MS_SLAVE | sys.MS_REC);
      return mountIdOf(mount);
    }),
  );
}

/** proc(5), fdinfo. */
const mountIdOf = (fd: number): number =>
  Number(/^mnt_id:\s*(\d+)$/m.exec(sys.readText(`/proc/self/fdinfo/${fd}`))?.[1]);

/** Takes off the mount of that id, with all that is mounted in it; another one there, or none, is not ours. */
export function unmountHostRootfs(path: string, id: number): void {
  if (!sys.exists(path)) return;
  const isOurs = sys.withFd(sys.openFolder(path), (folder) => mountIdOf(folder) === id);
  if (isOurs) sys.umount2(path, sys.MNT_DETACH);
}

function openRootfs(step: Extract<RootfsStep, { kind: 'open-rootfs' }>, ctx: RootfsContext): void {
  // Mount points get the modes we ask for, whatever the caller's umask; the program's own is set at the end.
  sys.umask(0o022);
  if (step.privateParent) makeParentPrivate(step.path);
  const folder = sys.openFolder(step.path);
  // pivot_root(2) wants a mount point.
  ctx.rootfs = step.bind ? sys.withFd(folder, mountOnItself) : folder;
  if (step.isPrivate) changePropagation(ctx.rootfs, sys.MS_PRIVATE);
}

/**
 * The old root ends up on top of the new one at "/", and is taken off: no folder for it is needed in the rootfs.
 * ORDER: where the host's mounts are shared with ours, they turn slaves first, or the host would lose them too.
 */
function pivotRoot(shared: boolean, rootfs: number): void {
  sys.withFd(sys.openFolder('/'), (old) => {
    sys.fchdir(rootfs);
    sys.pivot_root('.', '.');
    sys.fchdir(old);
    if (shared) sys.mount(null, '.', null, sys.MS_SLAVE | sys.MS_REC, null);
    sys.umount2('.', sys.MNT_DETACH);
  });
  sys.chdir('/');
}

/** SAFETY: without pivot_root(2) the old tree stays below: its procfs and sysfs, the ways out, go or are covered. */
function hideKernelTrees(rootPath: string): void {
  for (const { point, type } of readMountTable().reverse()) {
    if ((type !== 'proc' && type !== 'sysfs') || isAtOrBelow(point, rootPath)) continue;
    try {
      sys.mount(null, point, null, sys.MS_PRIVATE | sys.MS_REC, null);
      sys.umount2(point, sys.MNT_DETACH);
    } catch (error) {
      if (!(error instanceof sys.SyscallError)) throw error;
      if (error.errno === sys.E.ENOENT) continue;
      if (error.errno !== sys.E.EINVAL && error.errno !== sys.E.EPERM) throw error;
      sys.mount('tmpfs', point, 'tmpfs', sys.MS_RDONLY, null);
    }
  }
}

/** --no-pivot: for a host whose root is the initial ramfs, which cannot be pivoted away. */
function moveRoot(rootfs: number): void {
  sys.fchdir(rootfs);
  hideKernelTrees(sys.currentDirectory());
  sys.mount('.', '/', null, sys.MS_MOVE, null);
  sys.chroot('.');
  sys.chdir('/');
}

function changeRoot(rootfs: number): void {
  sys.fchdir(rootfs);
  sys.chroot('.');
  sys.chdir('/');
}

export function runRootfs(step: RootfsStep, ctx: RootfsContext): void {
  if (step.kind === 'set-propagation') sys.mount(null, '/', null, step.flags, null);
  else if (step.kind === 'open-rootfs') openRootfs(step, ctx);
  else if (step.kind === 'pivot-root') pivotRoot(step.shared, ctx.rootfs);
  else if (step.kind === 'move-root') moveRoot(ctx.rootfs);
  else if (step.kind === 'change-root') changeRoot(ctx.rootfs);
  else if (step.kind === 'root-propagation') changePropagation(ctx.rootfs, step.flags);
  // Only this attribute: whatever else the root's mount carries, locked or not, stays.
  else changeMount(ctx.rootfs, { set: sys.MOUNT_ATTR_RDONLY, clear: 0 }, false);
}

export function describeRootfs(step: RootfsStep | HostRootStep): string {
  switch (step.kind) {
    case 'mount-rootfs':
      return `mounting the rootfs "${step.path}" onto itself, on the host`;
    case 'set-propagation':
      return `setting the propagation of the host's mounts, flags: ${flagNames(step.flags)}`;
    case 'open-rootfs':
      return `opening the rootfs "${step.path}"`;
    case 'pivot-root':
      return 'pivot_root to the rootfs';
    case 'move-root':
      return 'moving the rootfs over "/" (no pivot_root)';
    case 'change-root':
      return 'chroot to the rootfs';
    case 'root-propagation':
      return `setting the propagation of "/", flags: ${flagNames(step.flags)}`;
    case 'root-readonly':
      return 'making "/" read-only';
  }
}
