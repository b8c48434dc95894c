// The door to the kernel. Everything tsoci does to the world goes through one value of type `Door`:
// the C host of the executable (native/door.c), koffi.ts (Node), recorder.ts (tests).

/** A struct that holds pointers: `bytes` with, at each offset, the address of the referenced value. */
export interface Refs {
  readonly bytes: Uint8Array;
  /** [offset of the 8-byte pointer in `bytes`, what it points to]. Values the kernel fills are written back into the same array. */
  readonly refs: readonly (readonly [offset: number, target: Uint8Array | string | Refs])[];
}

export type Argument = number | bigint | string | null | Uint8Array | readonly string[] | Refs;

type Few = Argument | undefined;

/** Without a rest parameter, which costs the engine an array each time, a hundred times a container. */
export type SystemCall = (a?: Few, b?: Few, c?: Few, d?: Few, e?: Few, f?: Few) => number;

/** `errno` is positive; what follows are the call's arguments. */
export type Failed = (errno: number, a?: Few, b?: Few, c?: Few, d?: Few, e?: Few, f?: Few) => boolean;

export interface Door {
  /**
   * A system call as a function, which returns the kernel's own result: >= 0, or -errno. Where `failed` is given, it is told
   * of each failure, and throws, or says whether to call again. Throws TypeError when an argument does not fit `signature` (a letter an argument; undefined behind the last):
   *
   *   i    integer: a safe-integer number, or a bigint that fits int64 or uint64;  I  the same, or undefined for 0
   *   s    string: NUL-terminated UTF-8 (a NUL inside is a TypeError);  S  the same, or null for NULL
   *   b    Uint8Array: its address, then (next register) its byteLength;  B  the same, null gives NULL, 0
   *   pN   Uint8Array of at least N bytes: its address only;  PN  the same, or null for NULL
   *   nN   Uint8Array: number of its N-byte elements, then (next register) its address
   *   NN   Uint8Array: its address, then the number of its N-byte elements
   *   r    Refs: address of the struct;  R  address of the struct, then its size
   *   v    string[]: address of a NULL-terminated char *[]
   *
   * At most six registers. `bytes` of a Refs are copied back after the call, except at the pointer offsets.
   */
  bind(nr: number, signature: string, failed?: Failed): SystemCall;

  /**
   * clone3(2) without a new stack, as fork. `args` is struct clone_args (its size is the length).
   * Returns the child's pid, 0 in the child, or -errno.
   */
  clone3(args: Uint8Array): number;

  /** UTF-8. `decode` turns invalid sequences into U+FFFD. */
  encode(text: string): Uint8Array;
  decode(bytes: Uint8Array): string;

  /**
   * One JSON document (RFC 8259), exactly: integers beyond 2^53-1 become bigint, every name is an own property
   * (`__proto__` too). Throws JsonError-shaped errors `{ message, pointer, line, column }` for: bad syntax, invalid UTF-8,
   * trailing bytes, duplicate names, nesting deeper than 512, a NUL character (\u0000) in a string, a lone surrogate.
   */
  parseJson(bytes: Uint8Array): unknown;

  /** Command line without argv[0], and the environment as `NAME=value`. */
  argv(): string[];
  environ(): string[];
  readonly arch: 'x64' | 'arm64';

  /**
   * 0 when nobody inside of a container can write to the running image (CVE-2019-5736); -errno of what has failed;
   * -ECANCELED when the command line did not ask for it.
   */
  sealed(): number;

  /** Evaluates an embedded bytecode blob by name and returns its exports (executable only). */
  load(name: string): unknown;
}
