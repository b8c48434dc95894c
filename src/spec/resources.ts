// A LinuxResources document alone, as `update --resources` takes it.

import { config as isValid } from '../../dist/gen/validate-fast.js';
import { TsociError } from '../errors.ts';
import { explain } from './explain.ts';
import { withoutNulls } from './nulls.ts';
import { parseJson } from './parse.ts';
import type { LinuxResources } from './types.ts';
import { OCI_VERSION } from './versions.ts';

/**
 * `null` asks for nothing, as Go reads it. Throws ERR_SPEC_JSON, or ERR_SPEC_SCHEMA with one line a fault; pointers are
 * those of a whole configuration.
 */
export function parseResources(bytes: Uint8Array): LinuxResources {
  const resources = withoutNulls(parseJson(bytes, 'resources') ?? {}) as LinuxResources;
  checkResources(resources);
  return resources;
}

/** Throws ERR_SPEC_SCHEMA. The schema is that of a configuration that has nothing else. */
export function checkResources(resources: LinuxResources): void {
  const document = { ociVersion: OCI_VERSION, linux: { resources } };
  if (isValid(document)) return;
  const faults = explain(document);
  throw new TsociError('ERR_SPEC_SCHEMA', faults.join('; '), { faults });
}
