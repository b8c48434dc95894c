// Files that the caller names.

import { TsociError } from '../errors.ts';
import * as sys from '../linux/sys/index.ts';

/** What `use` gives of the file at `path`. Throws ERR_USAGE with what the kernel says of it. */
export function opening<T>(path: string, use: () => T): T {
  try {
    return use();
  } catch (error) {
    if (!(error instanceof sys.SyscallError)) throw error;
    throw new TsociError('ERR_USAGE', `open ${path}: ${error.reason}`, { cause: error });
  }
}
