// config-linux.md, "Devices", "Default Devices"; runtime-linux.md, "Dev symbolic links".
// /dev is hostile unless it was just mounted: everything goes by a descriptor of the folder (CVE-2026-41579), no link is
// followed at a last name, and what is there already is verified by its inode.

import { TsociError } from '../errors.ts';
import type { LinuxDevice, Spec } from '../spec/types.ts';
import type { InitContext } from './init/context.ts';
import { isDevice, isEmptyFile } from './inode.ts';
import { attach, cloneHostMount } from './mounts/attach.ts';
import { parseMountOptions } from './mounts/options.ts';
import { cleanPath, splitPath } from './names.ts';
import { createOrFind, makeFolder } from './paths.ts';
import * as sys from './sys/index.ts';

export interface DeviceNode {
  /** Clean and absolute, as seen from inside. */
  readonly path: string;
  /** S_IFCHR, S_IFBLK or S_IFIFO. */
  readonly type: number;
  readonly major: number;
  readonly minor: number;
  /** Permission bits, set exactly. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** One that every container has; COMPAT: another file in its place is only warned of. */
  readonly byDefault: boolean;
}

export type DeviceStep =
  | { readonly kind: 'make-devices'; readonly devices: readonly DeviceNode[] }
  | { readonly kind: 'link-devices' };

export type DeviceContext = Pick<InitContext, 'userns' | 'warn' | 'rootfs'>;

const character = (path: string, major: number, minor: number): DeviceNode => ({
  path,
  type: sys.S_IFCHR,
  major,
  minor,
  mode: 0o666,
  uid: 0,
  gid: 0,
  byDefault: true,
});

const defaultDevices = (): DeviceNode[] => [
  character('/dev/null', 1, 3),
  character('/dev/zero', 1, 5),
  character('/dev/full', 1, 7),
  character('/dev/random', 1, 8),
  character('/dev/urandom', 1, 9),
  character('/dev/tty', 5, 0),
];

function typeOf(device: LinuxDevice): number {
  if (device.type === 'b') return sys.S_IFBLK;
  return device.type === 'p' ? sys.S_IFIFO : sys.S_IFCHR;
}

const nodeOf = (device: LinuxDevice): DeviceNode => ({
  path: cleanPath(device.path),
  type: typeOf(device),
  major: device.type === 'p' ? 0 : Number(device.major ?? 0),
  minor: device.type === 'p' ? 0 : Number(device.minor ?? 0),
  mode: (device.fileMode ?? 0o666) & 0o7777,
  uid: device.uid ?? 0,
  gid: device.gid ?? 0,
  byDefault: false,
});

/** COMPAT: a /dev that is bound from the host is used as it is: nothing is made in it. */
export const hasOwnDev = (spec: Spec): boolean =>
  !(spec.mounts ?? []).some(
    (mount) =>
      cleanPath(mount.destination) === '/dev' && (parseMountOptions(mount.options ?? []).flags & sys.MS_BIND) !== 0,
  );

/** Default devices, the configured ones (which win over a default one of the same path), and the links. */
export function planDevices(spec: Spec): DeviceStep[] {
  if (!hasOwnDev(spec)) return [];
  // ORDER: /dev/ptmx is a link that we make; a configured node there would be replaced by it.
  const own = (spec.linux?.devices ?? []).map(nodeOf).filter((node) => node.path !== '/dev/ptmx');
  const defaults = defaultDevices().filter((node) => !own.some((other) => other.path === node.path));
  return [{ kind: 'make-devices', devices: [...defaults, ...own] }, { kind: 'link-devices' }];
}

const isNode = (fd: number, node: DeviceNode): boolean => isDevice(fd, node.type, node.major, node.minor);

const openName = (folder: number, name: string): number =>
  sys.openat(folder, name, sys.O_PATH | sys.O_NOFOLLOW | sys.O_CLOEXEC);

/** DV-02: a file already there that is not the requested device is an error. */
function checkExisting(fd: number, node: DeviceNode, ctx: DeviceContext): void {
  if (isNode(fd, node)) return;
  const message = 'a file that is not the requested device is already there';
  if (!node.byDefault) throw new TsociError('ERR_STEP', message);
  ctx.warn(`device ${node.path}: ${message}`);
}

/** SAFETY: whoever shares the folder may have swapped the name since mknodat(2): the owner is set on a verified inode. */
function setOwner(folder: number, name: string, node: DeviceNode): void {
  if (node.uid === 0 && node.gid === 0) return;
  sys.withFd(openName(folder, name), (fd) => {
    if (!isNode(fd, node)) throw new TsociError('ERR_STEP', 'the device was replaced while it was being made');
    sys.fchownat(fd, '', node.uid, node.gid, sys.AT_EMPTY_PATH);
  });
}

/** The host's node bound onto an empty file, which stays for the next container: where mknod(2) is not allowed. */
function bindNode(folder: number, name: string, node: DeviceNode, ctx: DeviceContext): void {
  createOrFind(folder, name, 0);
  sys.withFd(openName(folder, name), (target) => {
    if (!isEmptyFile(target)) return checkExisting(target, node, ctx);
    sys.withFd(cloneHostMount(node.path, false), (mount) => {
      if (!isNode(mount, node)) throw new TsociError('ERR_STEP', `the host's ${node.path} is another device`);
      attach(mount, target);
    });
  });
}

/** mknod(2) of a device is EPERM in a user namespace, whether ours or one that we were started in. */
function makeNode(folder: number, name: string, node: DeviceNode, ctx: DeviceContext): void {
  const isDevice = node.type !== sys.S_IFIFO;
  try {
    if (ctx.userns && isDevice) bindNode(folder, name, node, ctx);
    else {
      sys.mknodat(folder, name, node.type | node.mode, sys.makedev(node.major, node.minor));
      setOwner(folder, name, node);
    }
  } catch (error) {
    if (sys.isErrno(error, sys.E.EEXIST)) sys.withFd(openName(folder, name), (fd) => checkExisting(fd, node, ctx));
    else if (sys.isErrno(error, sys.E.EPERM) && isDevice && !ctx.userns) bindNode(folder, name, node, ctx);
    else throw error;
  }
}

/** Says which device it was about. */
function onDevice(node: DeviceNode, run: () => void): void {
  try {
    run();
  } catch (error) {
    if (!(error instanceof TsociError)) throw error;
    throw new TsociError('ERR_STEP', `device ${node.path}: ${error.message}`, {
      cause: error,
      ...(error.errno === undefined ? {} : { errno: error.errno }),
    });
  }
}

function makeDevices(devices: readonly DeviceNode[], ctx: DeviceContext): void {
  const dev = makeFolder(ctx.rootfs, '/dev');
  const mask = sys.umask(0);
  try {
    for (const node of devices) {
      onDevice(node, () => {
        const { folder, name } = splitPath(node.path);
        if (folder === '/dev') makeNode(dev, name, node, ctx);
        else sys.withFd(makeFolder(ctx.rootfs, folder), (fd) => makeNode(fd, name, node, ctx));
      });
    }
  } finally {
    sys.umask(mask);
    sys.close(dev);
  }
}

function linkOnce(dev: number, target: string, name: string): void {
  try {
    sys.symlinkat(target, dev, name);
  } catch (error) {
    if (!sys.isErrno(error, sys.E.EEXIST)) throw error;
  }
}

/** /dev/ptmx is the container's own multiplexer; whatever the image has there goes. */
function linkTerminals(dev: number): void {
  try {
    sys.symlinkat('pts/ptmx', dev, 'ptmx');
  } catch (error) {
    if (!sys.isErrno(error, sys.E.EEXIST)) throw error;
    sys.unlinkat(dev, 'ptmx', 0);
    sys.symlinkat('pts/ptmx', dev, 'ptmx');
  }
}

function linkDevices(rootfs: number): void {
  sys.withFd(makeFolder(rootfs, '/dev'), (dev) => {
    linkTerminals(dev);
    linkOnce(dev, '/proc/self/fd', 'fd');
    linkOnce(dev, '/proc/self/fd/0', 'stdin');
    linkOnce(dev, '/proc/self/fd/1', 'stdout');
    linkOnce(dev, '/proc/self/fd/2', 'stderr');
    // COMPAT: as runc; the link is there even when the file behind it is masked.
    if (sys.exists('/proc/kcore')) linkOnce(dev, '/proc/kcore', 'core');
  });
}

export function runDevices(step: DeviceStep, ctx: DeviceContext): void {
  if (step.kind === 'make-devices') makeDevices(step.devices, ctx);
  else linkDevices(ctx.rootfs);
}

export const describeDevices = (step: DeviceStep): string =>
  step.kind === 'make-devices' ? `making ${step.devices.length} devices` : 'making the links of /dev';
