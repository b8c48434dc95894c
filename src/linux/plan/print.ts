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

/** 64-bit numbers as numbers, bytes as hexadecimal. */
function printable(_key: string, value: unknown): unknown {
  if (typeof value === 'bigint') return value.toString();
  if (value instanceof Uint8Array) return [...value].map((byte) => byte.toString(16).padStart(2, '0')).join('');
  return value;
}

/** The plan as JSON: every step with its number, its description and its data. */
export function printPlanJson(plan: Plan): string {
  const numbered = (steps: readonly Step[], first: number) =>
    steps.map((step, index) => ({ step: first + index, description: describeStep(step), ...step }));
  const document = {
    rootfs: plan.rootfs,
    cgroupPaths: plan.cgroupPaths,
    parent: numbered(plan.parent, 1),
    child: numbered(plan.child, plan.parent.length + 1),
  };
  return `${JSON.stringify(document, printable, 2)}\n`;
}
