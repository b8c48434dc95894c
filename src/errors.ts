// The one error class of tsoci: a stable code, a message whose cause comes last, and the facts as fields.

export type ErrorCode =
  | 'ERR_USAGE'
  | 'ERR_SPEC_JSON'
  | 'ERR_SPEC_SCHEMA'
  | 'ERR_SPEC_CHECK'
  | 'ERR_UNSUPPORTED'
  | 'ERR_HOST'
  | 'ERR_STEP'
  | 'ERR_HOOK'
  | 'ERR_CGROUP'
  | 'ERR_EXEC'
  | 'ERR_CONTAINER_ID'
  | 'ERR_CONTAINER_EXISTS'
  | 'ERR_CONTAINER_NOT_FOUND'
  | 'ERR_CONTAINER_STATUS'
  | 'ERR_CONSOLE'
  | 'ERR_INTERNAL';

export interface ErrorFacts {
  /** Place in the JSON document, RFC 6901: `/process/user/uid`. */
  readonly pointer?: string;
  /** What the user can do about it, one sentence. */
  readonly hint?: string;
  /** Kernel error number, positive. */
  readonly errno?: number;
  /** One line a fault, where there are several. */
  readonly faults?: readonly string[];
  readonly cause?: unknown;
}

export class TsociError extends Error {
  readonly code: ErrorCode;
  readonly pointer: string | undefined;
  readonly hint: string | undefined;
  readonly errno: number | undefined;
  readonly faults: readonly string[];

  constructor(code: ErrorCode, message: string | undefined, facts: ErrorFacts = {}) {
    super(message);
    this.code = code;
    this.pointer = facts.pointer;
    this.hint = facts.hint;
    this.errno = facts.errno;
    this.faults = facts.faults ?? [];
    if (facts.cause !== undefined) this.cause = facts.cause;
  }

  override get name(): string {
    return 'TsociError';
  }
}
