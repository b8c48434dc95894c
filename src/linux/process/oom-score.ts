// config.md, "Linux Process": oomScoreAdj; left alone when not set.
// ORDER: written by the parent, before the child makes itself undumpable (its files in /proc then belong to root).

import type { Spec } from '../../spec/types.ts';
import * as sys from '../sys/index.ts';

export interface OomScoreStep {
  readonly kind: 'oom-score';
  readonly value: number;
}

export function planOomScore(spec: Spec): OomScoreStep[] {
  const value = spec.process?.oomScoreAdj;
  return value === undefined ? [] : [{ kind: 'oom-score', value }];
}

export const runOomScore = (step: OomScoreStep, pid: number): void =>
  sys.writeText(`/proc/${pid}/oom_score_adj`, String(step.value));

export const describeOomScore = (step: OomScoreStep): string => `setting oom_score_adj to ${step.value}`;
