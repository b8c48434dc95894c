// CVE-2019-5736: whatever enters a container runs from an image that nobody inside can write to. The host has seen to it
// before the engine started (native/seal.c); here it is made sure of.

import { TsociError } from '../errors.ts';
import * as sys from '../linux/sys/index.ts';

/** Throws ERR_HOST when the running image could be written to from inside of a container. */
export function checkExecutable(): void {
  const result = sys.door().sealed();
  if (result === 0) return;
  throw new TsociError('ERR_HOST', `the executable cannot be protected from containers: ${sys.errnoText(-result)}`, {
    errno: -result,
  });
}
