// config.md, "Hostname", "Domainname": the names of the UTS namespace.

import type { Spec } from '../spec/types.ts';
import * as sys from './sys/index.ts';

export interface UtsStep {
  readonly kind: 'set-hostname' | 'set-domainname';
  readonly name: string;
}

/** Steps for the names that are set. COMPAT: like runc, an empty name is no name. */
export function planUts(spec: Spec): UtsStep[] {
  const steps: UtsStep[] = [];
  if ((spec.hostname ?? '') !== '') steps.push({ kind: 'set-hostname', name: spec.hostname as string });
  if ((spec.domainname ?? '') !== '') steps.push({ kind: 'set-domainname', name: spec.domainname as string });
  return steps;
}

export function runUts(step: UtsStep): void {
  const name = sys.door().encode(step.name);
  if (step.kind === 'set-hostname') sys.sethostname(name);
  else sys.setdomainname(name);
}

export const describeUts = (step: UtsStep): string =>
  `setting the ${step.kind === 'set-hostname' ? 'hostname' : 'domainname'} to "${step.name}"`;
