// Bytecode of its own: what makes containers.

export { create } from '../verbs/create.ts';
export { run } from '../verbs/run.ts';
