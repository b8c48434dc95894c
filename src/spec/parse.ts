// From the bytes of config.json to a checked Spec: JSON, schema, then what a schema cannot say.

import { config as isValid } from '../../dist/gen/validate-fast.js';
import { type ErrorCode, TsociError } from '../errors.ts';
import { door } from '../linux/sys/current.ts';
import { checkSpec } from './checks/index.ts';
import { explain } from './explain.ts';
import { withoutNulls } from './nulls.ts';
import type { Spec } from './types.ts';
import { warningsOf } from './warnings.ts';

export interface ParsedSpec {
  readonly spec: Spec;
  readonly warnings: readonly string[];
}

interface JsonFault {
  readonly message: string;
  readonly pointer: string;
  readonly line: number;
  readonly column: number;
}

/** Exact and strict (sys/door.ts). Throws ERR_SPEC_JSON with the place in the document called `name`. */
export function parseJson(bytes: Uint8Array, name = 'config.json'): unknown {
  try {
    return door().parseJson(bytes);
  } catch (error) {
    const { message, pointer, line, column } = error as JsonFault;
    if (line === undefined) throw error;
    throw new TsociError(
      'ERR_SPEC_JSON',
      `${name}:${line}:${column}: ${pointer}${pointer === '' ? '' : ': '}${message}`,
      {
        pointer,
      },
    );
  }
}

function refuse(code: ErrorCode, faults: readonly string[]): never {
  throw new TsociError(code, faults.join('; '), { faults });
}

/**
 * Throws ERR_SPEC_JSON, ERR_SPEC_SCHEMA or ERR_SPEC_CHECK; the latter two with one line a fault:
 * its JSON pointer, what was found, what was expected.
 */
export function parseSpec(bytes: Uint8Array): ParsedSpec {
  const document = parseJson(bytes);
  if (!isValid(document)) {
    // The fast validator knows nothing of other platforms' objects, nor of null: a configuration with some may be valid all
    // the same.
    const faults = explain(withoutNulls(document));
    if (faults.length > 0) refuse('ERR_SPEC_SCHEMA', faults);
  }
  const spec = document as Spec;
  const problems = checkSpec(spec);
  if (problems.length > 0)
    refuse(
      'ERR_SPEC_CHECK',
      problems.map(({ pointer, message }) => `${pointer}: ${message}`),
    );
  return { spec, warnings: warningsOf(spec) };
}
