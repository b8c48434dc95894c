// config.md, "Linux Process": capabilities(7). Five sets, exactly as listed; nothing is implied (CVE-2022-24769).

import { CAPABILITIES } from '../../spec/capabilities.ts';
import type { LinuxCapabilities, Spec } from '../../spec/types.ts';
import type { InitContext } from '../init/context.ts';
import * as sys from '../sys/index.ts';

type SetName = keyof LinuxCapabilities;

/** A set of capabilities as its numbers, ascending. */
type Numbers = readonly number[];

export interface BoundingStep {
  readonly kind: 'capability-bounding-set';
  readonly keep: Numbers;
}

export interface CapabilitiesStep {
  readonly kind: 'capabilities';
  readonly effective: Numbers;
  readonly permitted: Numbers;
  readonly inheritable: Numbers;
  readonly ambient: Numbers;
  /** Kept besides until a last step is done that needs them; ambient capabilities wait for the final step. */
  readonly keep: Numbers;
  /** Names that the kernel or tsoci does not know. */
  readonly unknown: readonly string[];
}

const setOf = (spec: Spec, name: SetName): readonly string[] => spec.process?.capabilities?.[name] ?? [];

/** KERNEL(5.9): all that have a name here are known to every kernel that tsoci runs on. */
function numbersOf(names: readonly string[]): Numbers {
  const numbers = names.map((name) => CAPABILITIES.indexOf(name)).filter((nr) => nr >= 0);
  return [...new Set(numbers)].sort((a, b) => a - b);
}

export const planBoundingSet = (spec: Spec): BoundingStep => ({
  kind: 'capability-bounding-set',
  keep: numbersOf(setOf(spec, 'bounding')),
});

export function planCapabilities(spec: Spec, keep: Numbers = []): CapabilitiesStep {
  const numbers = (name: SetName) => numbersOf(setOf(spec, name));
  const names: SetName[] = ['bounding', 'effective', 'permitted', 'inheritable', 'ambient'];
  const all = names.flatMap((name) => setOf(spec, name));
  const isUnknown = (name: string) => CAPABILITIES.indexOf(name) < 0;
  return {
    kind: 'capabilities',
    effective: numbers('effective'),
    permitted: numbers('permitted'),
    inheritable: numbers('inheritable'),
    ambient: numbers('ambient'),
    keep,
    unknown: [...new Set(all.filter(isUnknown))],
  };
}

/** Also drops what is newer than our names, up to the first number that the kernel does not know. */
export function runBoundingSet(step: BoundingStep): void {
  for (let nr = 0; nr < CAPABILITIES.length; nr++) {
    if (!step.keep.includes(nr)) sys.prctl(sys.PR_CAPBSET_DROP, nr, 0, 0, 0);
  }
  try {
    for (let nr = CAPABILITIES.length; ; nr++) sys.prctl(sys.PR_CAPBSET_DROP, nr, 0, 0, 0);
  } catch (error) {
    if (!sys.isErrno(error, sys.E.EINVAL)) throw error;
  }
}

/** [low, high] words of a set, as in struct __user_cap_data_struct. */
function wordsOf(numbers: Numbers): [number, number] {
  const words: [number, number] = [0, 0];
  for (const nr of numbers) words[nr >> 5 === 0 ? 0 : 1] |= 1 << (nr & 31);
  return [words[0] >>> 0, words[1] >>> 0];
}

const has = (words: readonly [number, number], nr: number): boolean =>
  ((words[nr >> 5 === 0 ? 0 : 1] >>> (nr & 31)) & 1) === 1;

/**
 * Applies the sets to the calling thread. A capability that we do not hold ourselves cannot be granted: a warning,
 * as config.md wants since 1.1.
 */
export function runCapabilities(step: CapabilitiesStep, ctx: InitContext): void {
  const held = sys.getCapabilities().permitted;
  const granted = (numbers: Numbers) => numbers.filter((nr) => has(held, nr));
  if (step.keep.length === 0) warnMissing(step, held, ctx);
  sys.setCapabilities({
    effective: wordsOf(granted([...step.effective, ...step.keep])),
    permitted: wordsOf(granted([...step.permitted, ...step.keep])),
    inheritable: wordsOf(granted(step.inheritable)),
  });
  if (step.keep.length > 0) return;
  sys.prctl(sys.PR_CAP_AMBIENT, sys.PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
  for (const nr of granted(step.ambient)) raiseAmbient(nr, ctx);
}

/** One that is not both permitted and inheritable cannot be granted. COMPAT: runc's words. */
function raiseAmbient(nr: number, ctx: InitContext): void {
  try {
    sys.prctl(sys.PR_CAP_AMBIENT, sys.PR_CAP_AMBIENT_RAISE, nr, 0, 0);
  } catch (error) {
    if (!(error instanceof sys.SyscallError && error.errno === sys.E.EPERM)) throw error;
    ctx.warn(`can't raise ambient capability ${CAPABILITIES[nr]}: ${error.reason}`);
  }
}

function warnMissing(step: CapabilitiesStep, held: readonly [number, number], ctx: InitContext): void {
  const missing = step.permitted.filter((nr) => !has(held, nr)).map((nr) => CAPABILITIES[nr]);
  if (step.unknown.length > 0) ctx.warn(`ignoring unknown capabilities: [${step.unknown.join(' ')}]`);
  if (missing.length > 0) ctx.warn(`ignoring capabilities that the caller does not hold: [${missing.join(' ')}]`);
}

const namesOf = (numbers: Numbers): string => numbers.map((nr) => CAPABILITIES[nr]).join(' ') || '(none)';

export const describeBoundingSet = (step: BoundingStep): string =>
  `dropping capabilities from the bounding set, all but ${namesOf(step.keep)}`;

export const describeCapabilities = (step: CapabilitiesStep): string =>
  `setting capabilities: effective ${namesOf(step.effective)}; permitted ${namesOf(step.permitted)}; ` +
  `inheritable ${namesOf(step.inheritable)}; ambient ${namesOf(step.ambient)}`;
