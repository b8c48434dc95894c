// From the bytes of config.json to a checked Spec.

import { TsociError } from '../errors.ts';
import { door } from '../linux/sys/current.ts';
import type { Spec } from './types.ts';

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

export function parseJson(bytes: Uint8Array): unknown {
  try {
    return door().parseJson(bytes);
  } catch (error) {
    const { message, pointer, line, column } = error as JsonFault;
    throw new TsociError('ERR_SPEC_JSON', `${pointer || '/'}: ${message} (line ${line}, column ${column})`, { pointer });
  }
}

export function parseSpec(bytes: Uint8Array): ParsedSpec {
  return { spec: parseJson(bytes) as Spec, warnings: [] };
}
