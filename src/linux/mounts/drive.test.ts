// No test: the program that run.test.ts starts in a mount namespace of its own (`unshare --mount`), since Node cannot
// clone3(2). It does the file-system steps of one configuration, as the container's process does, and tells what came of it.

import { planConsole, planReopenNull, runConsole } from '../console.ts';
import { planDevices, runDevices } from '../devices.ts';
import { planMaskSource, planMasks, runMask } from '../masks.ts';
import { planPivot, planPropagation, planRootfs, planRootPropagation, planRootReadonly, runRootfs } from '../rootfs.ts';
import * as sys from '../sys/index.ts';
import { openKoffiDoor } from '../sys/koffi.ts';
import { planSysctls, runSysctl } from '../sysctl.ts';
import { planUts, runUts } from '../uts.ts';
import { type BindStep, type CgroupMountPart, planMounts } from './plan.ts';
import { runMount, runReadonlyLater } from './run.ts';
import { openSource } from './sources.ts';

interface Order {
  readonly bundle: string;
  readonly spec: import('../../spec/types.ts').Spec;
  /** Do the mounts only, again and again for so many milliseconds, and until it is enough: for races. */
  readonly contest?: number;
  /** Be the attacker: exchange these two names until killed. */
  readonly exchange?: readonly [string, string];
  readonly noPivot?: boolean;
  readonly userns?: boolean;
  /** What type `cgroup` stands for. */
  readonly cgroup?: readonly CgroupMountPart[];
  readonly terminal?: boolean;
  /** Files to read at the end, as seen from inside. */
  readonly read?: readonly string[];
  readonly list?: readonly string[];
  /** Type and mode, owner, group, device number: `20644 0 0 259`. */
  readonly stat?: readonly string[];
}

export interface Outcome {
  readonly error?: string;
  readonly hint?: string;
  readonly mountinfo: string;
  readonly warnings: string[];
  readonly files: Record<string, string>;
  readonly contest: Contest;
  /** Of standard input: the number of its mount is among it. */
  readonly fdinfo: string;
}

const contextOf = (order: Order, warnings: string[]) => ({
  bundle: order.bundle,
  rootfs: -1,
  proc: sys.openFolder('/proc'),
  consoleSlave: -1,
  askSource: (_index: number): number | undefined => undefined,
  userns: order.userns === true,
  warn: (text: string) => void warnings.push(text),
});

function setUp(order: Order, ctx: ReturnType<typeof contextOf>): void {
  const { spec, bundle } = order;
  const mounts = planMounts(spec, bundle, () => order.cgroup ?? []);
  ctx.askSource = (index) => openSource(mounts.find((step) => step.index === index) as BindStep);
  for (const step of [...planPropagation(spec), ...planRootfs(spec, bundle)]) runRootfs(step, ctx);
  for (const step of mounts) runMount(step, ctx);
  for (const step of planDevices(spec)) runDevices(step, ctx);
  for (const step of planMaskSource(spec)) runMask(step, ctx);
  for (const step of planPivot(spec, order.noPivot === true)) runRootfs(step, ctx);
  if (order.terminal === true) openTerminal(ctx);
  for (const step of planConsole(spec)) runConsole(step, ctx);
  for (const step of planReopenNull(spec)) runConsole(step, ctx);
  runReadonlyLater(ctx);
  for (const step of [...planRootPropagation(spec, bundle), ...planRootReadonly(spec, bundle)]) runRootfs(step, ctx);
  for (const step of planUts(spec)) runUts(step);
  for (const step of planSysctls(spec)) runSysctl(step, ctx);
  for (const step of planMasks(spec)) runMask(step, ctx);
}

/** The slave of a new pty of the container's devpts. */
function openTerminal(ctx: ReturnType<typeof contextOf>): void {
  const master = sys.openat(ctx.rootfs, 'dev/pts/ptmx', sys.O_RDWR | sys.O_NOCTTY | sys.O_CLOEXEC);
  sys.unlockTerminal(master);
  ctx.consoleSlave = sys.openPeerTerminal(master, sys.O_RDWR | sys.O_NOCTTY | sys.O_CLOEXEC);
}

interface Contest {
  readonly mounted: number;
  readonly failures: number;
}

function tryOnce(run: () => void): boolean {
  try {
    run();
    return true;
  } catch {
    return false;
  }
}

/** On a slow machine it takes longer. */
const ENOUGH = 100;

/** Mounts onto hostile ground, over and over. Each failure is fine; what the host has at the end is the test's to see. */
function contest(order: Order, ctx: ReturnType<typeof contextOf>): Contest {
  const mounts = planMounts(order.spec, order.bundle);
  for (const step of [...planPropagation(order.spec), ...planRootfs(order.spec, order.bundle)]) runRootfs(step, ctx);
  const until = Date.now() + (order.contest ?? 0);
  const count = { mounted: 0, failures: 0 };
  sys.fchdir(ctx.rootfs);
  while (Date.now() < until || count.mounted <= ENOUGH) {
    for (const step of mounts) {
      count[tryOnce(() => runMount(step, ctx)) ? 'mounted' : 'failures']++;
      tryOnce(() => sys.umount2(step.destination.slice(1), sys.MNT_DETACH));
    }
  }
  return count;
}

const RENAME_EXCHANGE = 2;

function exchange([a, b]: readonly [string, string]): never {
  for (;;) tryOnce(() => sys.renameat2(sys.AT_FDCWD, a, sys.AT_FDCWD, b, RENAME_EXCHANGE));
}

function readAll(order: Order): Record<string, string> {
  const files: Record<string, string> = {};
  for (const path of order.read ?? []) {
    try {
      files[path] = sys.readText(path);
    } catch (error) {
      files[path] = `error: ${(error as Error).message}`;
    }
  }
  for (const path of order.stat ?? []) {
    const { mode, uid, gid, rdev } = sys.statAt(sys.AT_FDCWD, path);
    files[path] = `${mode.toString(8)} ${uid} ${gid} ${rdev}`;
  }
  for (const path of order.list ?? []) files[path] = sys.listDir(path).sort().join(' ');
  return files;
}

function drive(order: Order): Outcome {
  sys.useDoor(openKoffiDoor());
  const warnings: string[] = [];
  const ctx = contextOf(order, warnings);
  let error: string | undefined;
  let hint: string | undefined;
  let result: Contest = { mounted: 0, failures: 0 };
  try {
    if (order.exchange !== undefined) exchange(order.exchange);
    if (order.contest === undefined) setUp(order, ctx);
    else result = contest(order, ctx);
  } catch (thrown) {
    error = (thrown as Error).message;
    hint = (thrown as { hint?: string }).hint;
  }
  const fdinfo = sys.readTextAt(ctx.proc, 'self/fdinfo/0');
  const mountinfo = sys.readTextAt(ctx.proc, 'self/mountinfo');
  return {
    mountinfo,
    fdinfo,
    warnings,
    contest: result,
    files: readAll(order),
    ...(error === undefined ? {} : { error }),
    ...(hint === undefined ? {} : { hint }),
  };
}

if (process.env['TSOCI_DRIVE_MOUNTS'] !== undefined) {
  const outcome = drive(JSON.parse(process.env['TSOCI_DRIVE_MOUNTS']) as Order);
  process.stdout.write(`${JSON.stringify(outcome)}\n`);
}
