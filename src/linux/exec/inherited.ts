// What a process of a container has from the container's own `process` where it says nothing of it. COMPAT: as with runc
// and crun. Pure.

import type { Process } from '../../spec/types.ts';

const MEMBERS = [
  'apparmorProfile',
  'capabilities',
  'execCPUAffinity',
  'ioPriority',
  'scheduler',
  'selinuxLabel',
] as const;

export type InheritedAttributes = Pick<Process, (typeof MEMBERS)[number]>;

/** What is kept of the container's own `process` for those that come later. */
export const inheritedFrom = (process: Partial<Process> = {}): InheritedAttributes =>
  Object.fromEntries(MEMBERS.filter((name) => (process[name] ?? '') !== '').map((name) => [name, process[name]]));

/** `process` with what it does not say, or leaves empty. */
export const completed = (process: Process, inherited: InheritedAttributes): Process => ({
  ...process,
  ...inherited,
  ...inheritedFrom(process),
});
