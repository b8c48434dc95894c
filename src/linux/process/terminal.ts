// config.md, "Process": terminal and consoleSize. The container's own devpts makes the pair; the slave becomes the
// standard streams and the controlling terminal, the master goes over the console socket.

import { TsociError } from '../../errors.ts';
import type { Spec } from '../../spec/types.ts';
import type { InitContext } from '../init/context.ts';
import * as sys from '../sys/index.ts';

export type TerminalStep =
  | { readonly kind: 'open-terminal'; readonly height: number; readonly width: number }
  | { readonly kind: 'take-terminal' };

export function planOpenTerminal(spec: Spec): TerminalStep[] {
  if (spec.process?.terminal !== true) return [];
  const size = spec.process.consoleSize;
  return [{ kind: 'open-terminal', height: size?.height ?? 0, width: size?.width ?? 0 }];
}

export const planTakeTerminal = (spec: Spec): TerminalStep[] =>
  spec.process?.terminal === true ? [{ kind: 'take-terminal' }] : [];

/** CVE-2025-52565: the multiplexer must be devpts' own, whatever the rootfs has at that path. */
function openMaster(rootfs: number): number {
  const flags = sys.O_RDWR | sys.O_NOCTTY | sys.O_CLOEXEC;
  const how = sys.encodeOpenHow(flags, 0, sys.RESOLVE_IN_ROOT | sys.RESOLVE_NO_MAGICLINKS | sys.RESOLVE_NO_SYMLINKS);
  const master = sys.openat2(rootfs, 'dev/pts/ptmx', how);
  if (sys.fileSystemType(master) !== sys.DEVPTS_SUPER_MAGIC) {
    throw new TsociError('ERR_CONSOLE', '/dev/pts/ptmx is not on a devpts file system', {
      hint: 'a terminal needs a mount of type devpts at /dev/pts',
    });
  }
  return master;
}

function openTerminal(step: Extract<TerminalStep, { kind: 'open-terminal' }>, ctx: InitContext): void {
  const master = openMaster(ctx.rootfs);
  sys.unlockTerminal(master);
  if (step.height > 0 || step.width > 0) sys.setWindowSize(master, step.height, step.width);
  ctx.consoleSlave = sys.openPeerTerminal(master, sys.O_RDWR | sys.O_NOCTTY | sys.O_CLOEXEC);
  // COMPAT: one message, the multiplexer's name, one descriptor: what conmon, go-runc and recvtty expect.
  sys.sendFds(ctx.consoleSocket, sys.door().encode('/dev/pts/ptmx'), [master]);
  sys.close(master);
  sys.close(ctx.consoleSocket);
}

function takeTerminal(ctx: InitContext): void {
  sys.setControllingTerminal(ctx.consoleSlave);
  for (const fd of [0, 1, 2]) sys.dup3(ctx.consoleSlave, fd, 0);
  sys.close(ctx.consoleSlave);
}

export function runTerminal(step: TerminalStep, ctx: InitContext): void {
  if (step.kind === 'open-terminal') openTerminal(step, ctx);
  else takeTerminal(ctx);
}

export const describeTerminal = (step: TerminalStep): string =>
  step.kind === 'open-terminal'
    ? "opening a terminal of the container's devpts and sending its master over the console socket"
    : 'making the terminal the controlling one, and the standard streams';
