// What the house imports of the kernel: typed calls, their error, constants and codecs.

export * from './calls.ts';
export * from './constants.ts';
export { SyscallError } from './error.ts';
export * from './files.ts';
export * from './structs.ts';
