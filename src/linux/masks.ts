// config-linux.md, "Masked Paths", "Readonly Paths". ORDER: the last change to the mount table, so that nothing that
// set-up itself mounts or writes is in the way, and nothing comes after that could uncover a path.
// A path that is not there is no error; any other failure is (fail closed).

import { TsociError } from '../errors.ts';
import type { Spec } from '../spec/types.ts';
import { isDevice, isFolder } from './inode.ts';
import { attach, changeMount, cloneHostMount, cloneMount } from './mounts/attach.ts';
import { openFileSystem } from './mounts/filesystem.ts';
import { cleanPath } from './names.ts';
import { tryOpenInRoot } from './paths.ts';
import * as sys from './sys/index.ts';

export type MaskStep =
  | { readonly kind: 'open-mask' }
  | { readonly kind: 'readonly-paths'; readonly paths: readonly string[] }
  | { readonly kind: 'mask-paths'; readonly paths: readonly string[]; readonly label: string };

export interface MaskContext {
  readonly rootfs: number;
  /** Detached mount of the host's /dev/null alone. */
  maskSource?: number;
}

/** Before pivot_root(2), while the host's /dev can be reached: the mount that files are masked with. */
export const planMaskSource = (spec: Spec): MaskStep[] =>
  (spec.linux?.maskedPaths?.length ?? 0) > 0 ? [{ kind: 'open-mask' }] : [];

/** Read-only paths first: a masked path below one stays masked, and the other way round nothing is lost. */
export function planMasks(spec: Spec): MaskStep[] {
  const readonlyPaths = spec.linux?.readonlyPaths ?? [];
  const masked = spec.linux?.maskedPaths ?? [];
  const steps: MaskStep[] = [];
  if (readonlyPaths.length > 0) steps.push({ kind: 'readonly-paths', paths: readonlyPaths.map(cleanPath) });
  if (masked.length > 0) {
    steps.push({ kind: 'mask-paths', paths: masked.map(cleanPath), label: spec.linux?.mountLabel ?? '' });
  }
  return steps;
}

/**
 * CVE-2025-31133: never the /dev/null of the rootfs; and the host's only when it is one.
 * SAFETY: read-only, or the container's root could change owner, mode and times of the host's /dev/null by the masked path.
 */
function openMask(ctx: MaskContext): void {
  const mount = cloneHostMount('/dev/null', false);
  if (!isDevice(mount, sys.S_IFCHR, 1, 3)) {
    throw new TsociError('ERR_HOST', "the host's /dev/null is not character device 1:3");
  }
  changeMount(mount, { set: sys.MOUNT_ATTR_RDONLY, clear: 0 }, false);
  ctx.maskSource = mount;
}

/** Says which path it was about. */
function onPath(path: string, run: () => void): void {
  try {
    run();
  } catch (error) {
    if (!(error instanceof TsociError)) throw error;
    throw new TsociError('ERR_STEP', `${path}: ${error.message}`, {
      cause: error,
      ...(error.errno === undefined ? {} : { errno: error.errno }),
    });
  }
}

/** Runs `run` on an O_PATH descriptor of each path that exists. */
function forEachPath(rootfs: number, paths: readonly string[], run: (fd: number) => void): void {
  for (const path of paths) {
    onPath(path, () => {
      const fd = tryOpenInRoot(rootfs, path, sys.O_PATH);
      if (fd !== undefined) sys.withFd(fd, run);
    });
  }
}

/** Only MOUNT_ATTR_RDONLY is touched, so whatever else the mount carries, locked or not, stays. */
function makeReadonly(fd: number): void {
  sys.withFd(cloneMount(fd, true), (mount) => {
    changeMount(mount, { set: sys.MOUNT_ATTR_RDONLY, clear: 0 }, false);
    attach(mount, fd);
  });
}

/** An empty, read-only folder without room for a single file. One super block serves all masked folders. */
function openEmptyFolder(label: string): number {
  return openFileSystem({
    type: 'tmpfs',
    source: 'tmpfs',
    parameters: [
      ['ro', null],
      ['nr_blocks', '1'],
      ['nr_inodes', '1'],
      ...(label === '' ? [] : [['context', label] as const]),
    ],
    attributes: sys.MOUNT_ATTR_RDONLY,
  });
}

/**
 * A detached mount that can be attached many times. KERNEL(6.15): only since then may a detached mount be cloned; so the
 * first is attached itself, and the others are clones of it.
 */
class Cover {
  readonly #open: () => number;
  #mount: number | undefined;

  constructor(open: () => number) {
    this.#open = open;
  }

  put(target: number): void {
    if (this.#mount === undefined) {
      this.#mount = this.#open();
      attach(this.#mount, target);
    } else sys.withFd(cloneMount(this.#mount, false), (mount) => attach(mount, target));
  }

  close(): void {
    if (this.#mount !== undefined) sys.close(this.#mount);
  }
}

function maskPaths(paths: readonly string[], label: string, ctx: MaskContext): void {
  if (ctx.maskSource === undefined) throw new TsociError('ERR_INTERNAL', 'masking before the mask was opened');
  const source = ctx.maskSource;
  delete ctx.maskSource;
  const file = new Cover(() => source);
  const folder = new Cover(() => openEmptyFolder(label));
  forEachPath(ctx.rootfs, paths, (fd) => (isFolder(fd) ? folder : file).put(fd));
  sys.close(source);
  folder.close();
}

export function runMask(step: MaskStep, ctx: MaskContext): void {
  if (step.kind === 'open-mask') openMask(ctx);
  else if (step.kind === 'readonly-paths') forEachPath(ctx.rootfs, step.paths, makeReadonly);
  else maskPaths(step.paths, step.label, ctx);
}

export function describeMask(step: MaskStep): string {
  if (step.kind === 'open-mask') return "opening the host's /dev/null to mask files with";
  return step.kind === 'readonly-paths' ? 'making paths read-only' : 'masking paths';
}
