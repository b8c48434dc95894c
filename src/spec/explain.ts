// Every fault of a configuration against the schema, with its place, what was found and what was expected. Run
// when the fast validator has said no.

import { config, type Fault } from '../../dist/gen/validate-full.js';

const SHOWN = 60;

function found(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'an array';
  if (typeof value === 'object') return 'an object';
  const text = typeof value === 'string' ? JSON.stringify(value) : String(value);
  const short = text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text;
  return typeof value === 'string' ? `${short} (string)` : short;
}

const ARTICLES: Readonly<Record<string, string>> = {
  array: 'an array',
  boolean: 'true or false',
  object: 'an object',
  string: 'a string',
};

function expected(fault: Fault): string {
  const schema = fault.parentSchema;
  switch (fault.keyword) {
    case 'type':
      return ARTICLES[String(fault.params['type'])] ?? String(fault.params['type']);
    case 'integerIn': {
      const [minimum, maximum] = schema['integerIn'] as [string, string];
      return `an integer from ${minimum} to ${maximum}`;
    }
    case 'enum':
      return `one of ${(schema['enum'] as string[]).join(', ')}`;
    case 'pattern':
      return `a string that matches ${schema['pattern']}`;
    case 'minItems':
      return 'at least one item';
    default:
      return fault.keyword;
  }
}

function line(fault: Fault): string {
  if (fault.keyword === 'required') {
    return `${fault.instancePath}/${fault.params['missingProperty']}: missing`;
  }
  return `${fault.instancePath || '/'}: found ${found(fault.data)}, expected ${expected(fault)}`;
}

/** One line a fault; none when `value` is valid. */
export function explain(value: unknown): string[] {
  return config(value) ? [] : [...new Set((config.errors ?? []).map(line))];
}
