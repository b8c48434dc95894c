// runtime.md, "Create": the container's id. Checked in every verb before a path is built from it.

import { TsociError } from '../errors.ts';

const isAllowed = (c: string): boolean =>
  (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || '_+-.'.includes(c);

/** Throws ERR_CONTAINER_ID unless `id` is made of letters, digits, `_`, `+`, `-` and `.`, and names no folder. */
export function checkId(id: string): void {
  if (id === '') throw new TsociError('ERR_CONTAINER_ID', 'container id cannot be empty');
  if (id === '.' || id === '..' || id.length > 1024 || ![...id].every(isAllowed)) {
    throw new TsociError('ERR_CONTAINER_ID', 'invalid container ID format');
  }
}
