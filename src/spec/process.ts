// A Process document alone, as `exec --process` takes it.

import { config as isValid } from '../../dist/gen/validate-fast.js';
import { TsociError } from '../errors.ts';
import { checkProcess } from './checks/index.ts';
import { explain } from './explain.ts';
import { withoutNulls } from './nulls.ts';
import { parseJson } from './parse.ts';
import type { Process } from './types.ts';
import { OCI_VERSION } from './versions.ts';

/** Throws ERR_SPEC_JSON, ERR_SPEC_SCHEMA or ERR_SPEC_CHECK; pointers are those of a whole configuration. */
export function parseProcess(bytes: Uint8Array): Process {
  return validProcess(withoutNulls(parseJson(bytes, 'process') as Process));
}

/** The same for one that is a value already. A program is needed. */
export function validProcess(process: Process): Process {
  const document = { ociVersion: OCI_VERSION, process };
  const faults = isValid(document)
    ? checkProcess(document).map(({ pointer, message }) => `${pointer}: ${message}`)
    : explain(document);
  if (faults.length > 0) throw new TsociError('ERR_SPEC_CHECK', faults.join('; '), { faults });
  if ((process.args ?? []).length === 0) throw new TsociError('ERR_USAGE', 'args must not be empty');
  return process;
}
