// config.md, "Linux Process": apparmorProfile and selinuxLabel, for the coming execve(2).
// CVE-2019-16884, CVE-2025-52881: written through the verified handle of the host's procfs, never through the rootfs.

import { TsociError } from '../../errors.ts';
import type { Spec } from '../../spec/types.ts';
import type { Host } from '../host.ts';
import type { InitContext } from '../init/context.ts';
import * as sys from '../sys/index.ts';

export interface LabelStep {
  readonly kind: 'label';
  readonly module: 'apparmor' | 'selinux';
  readonly label: string;
}

export function planLabels(spec: Spec, host: Pick<Host, 'apparmor' | 'selinux'>): LabelStep[] {
  const steps: LabelStep[] = [];
  const profile = spec.process?.apparmorProfile ?? '';
  const label = spec.process?.selinuxLabel ?? '';
  if (profile !== '') steps.push(labelStep('apparmor', profile, host.apparmor, '/process/apparmorProfile'));
  if (label !== '') steps.push(labelStep('selinux', label, host.selinux, '/process/selinuxLabel'));
  return steps;
}

function labelStep(module: LabelStep['module'], label: string, enabled: boolean, pointer: string): LabelStep {
  if (!enabled) {
    const name = module === 'apparmor' ? 'apparmor' : 'selinux';
    throw new TsociError('ERR_HOST', `${pointer}: ${name} is not enabled on this host`, { pointer });
  }
  return { kind: 'label', module, label };
}

export function runLabel(step: LabelStep, ctx: InitContext): void {
  const file = step.module === 'apparmor' && hasOwnFile(ctx) ? 'attr/apparmor/exec' : 'attr/exec';
  const text = step.module === 'apparmor' ? `exec ${step.label}` : step.label;
  sys.writeTextAt(ctx.proc, `${selfOf(ctx)}/${file}`, text);
}

/** Our number as the host's procfs shows it. */
const selfOf = (ctx: InitContext): string => sys.readLinkAt(ctx.proc, 'thread-self');

function hasOwnFile(ctx: InitContext): boolean {
  return sys.existsAt(ctx.proc, `${selfOf(ctx)}/attr/apparmor/exec`);
}

export const describeLabel = (step: LabelStep): string => `setting the ${step.module} label ${step.label} for exec`;
