// What the house imports of the kernel: typed calls, their error, constants, and what is built of them.

export * from './calls.ts';
export * from './constants.ts';
export * from './credentials.ts';
export { door, useDoor } from './current.ts';
export { errnoText, SyscallError } from './error.ts';
export * from './files.ts';
export * from './pidfds.ts';
export * from './processes.ts';
export * from './sockets.ts';
export * from './structs.ts';
export * from './terminals.ts';
