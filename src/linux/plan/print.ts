// The plan for people: numbered steps, the child's indented below the parent's step that attends to them.

import { describeStep } from './describe.ts';
import type { Plan, Step } from './steps.ts';

const line = (number: number, indent: string, step: Step): string =>
  `${String(number).padStart(3)} ${indent}${step.kind.padEnd(28 - indent.length)} ${describeStep(step)}\n`;

export function printPlan(plan: Plan): string {
  let text = '';
  for (const [index, step] of plan.parent.entries()) {
    text += line(index + 1, '', step);
    if (step.kind !== 'attend') continue;
    for (const [child, inner] of plan.child.entries()) text += line(plan.parent.length + child + 1, '  ', inner);
  }
  return text;
}
