// Bytecode of its own: what people call, and engines seldom or never.

export { commandHelp, programHelp } from '../help.ts';
export { features } from '../verbs/features.ts';
export { list } from '../verbs/list.ts';
export { plan } from '../verbs/plan.ts';
export { spec } from '../verbs/spec.ts';
