// Compiles schema/ with ajv to standalone code below dist/gen:
//
//   validate-fast.js   is it valid? The first fault ends it, and no words are made: the hot path
//   validate-full.js   every fault, with its place: loaded when the fast one says no
//
// Integers of the JSON may be bigint, and their ranges hold exactly: `minimum` and `maximum` of an integer become one
// keyword that compares in both kinds of number. The schemas themselves stay plain JSON Schema.

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import type { CodeKeywordDefinition, KeywordCxt } from 'ajv';
import { _, Ajv } from 'ajv';
import { _Code } from 'ajv/dist/compile/codegen/code.js';
import standaloneModule from 'ajv/dist/standalone/index.js';

const standalone = standaloneModule.default;

type Json = null | boolean | number | bigint | string | Json[] | { [name: string]: Json };

/** Exact bounds: JSON.parse would round those of 64-bit integers. */
function readSchema(name: string): Json {
  const text = readFileSync(`schema/${name}.json`, 'utf8').replace(/(?<=[:\s])-?\d{16,}(?=[,\s}])/g, '"$&n"');
  return JSON.parse(text) as Json;
}

/** `{type: integer, minimum, maximum}` becomes `{integerIn: ["min", "max"]}`. */
function transform(schema: Json): Json {
  if (Array.isArray(schema)) return schema.map(transform);
  if (schema === null || typeof schema !== 'object') return schema;
  const { type, minimum, maximum, $schema: _dialect, ...rest } = schema;
  const others = Object.fromEntries(Object.entries(rest).map(([key, value]) => [key, transform(value)]));
  if (type !== 'integer') return { ...(type === undefined ? {} : { type }), ...others };
  return { ...others, integerIn: [minimum as Json, maximum as Json].map((bound) => String(bound).replace('n', '')) };
}

const literal = (bound: string): _Code => new _Code(Number.isSafeInteger(Number(bound)) ? bound : `${bound}n`);

const integerIn: CodeKeywordDefinition = {
  keyword: 'integerIn',
  schemaType: 'array',
  error: { message: 'integer out of range', params: (cxt) => _`{range: ${JSON.stringify(cxt.schema)}}` },
  code(cxt: KeywordCxt): void {
    const { data, schema } = cxt;
    const [minimum, maximum] = schema as [string, string];
    cxt.fail(
      _`!((typeof ${data} === "bigint" || Number.isInteger(${data})) && ${data} >= ${literal(minimum)} && ${data} <= ${literal(maximum)})`,
    );
  },
};

/** Regular expressions as literals, which the bytecode holds compiled. */
const withLiterals = (code: string): string =>
  code.replace(/new RegExp\("((?:[^"\\]|\\.)*)", "u"\)/g, (_all, source: string) =>
    `/${JSON.parse(`"${source}"`)}/u`.replace(/\n/g, '\\n'),
  );

/**
 * In the fast validator the first fault is the verdict: nobody reads errors, nor counts them, nor needs their places.
 * What ajv keeps for that is taken out, statement by statement; validators.test.ts holds the two against each other.
 */
const withoutErrors = (code: string): string =>
  [
    [/validate\d+\.errors = (\[\{.*?\}\]|vErrors);/g, ''],
    [/(validate\d+\([^,{}]+), \{instancePath:.*?,rootData\}/g, '$1'],
    [/, \{instancePath="", parentData, parentDataProperty, rootData=data\}=\{\}/g, ''],
    [
      /vErrors = vErrors === null \? validate\d+\.errors : vErrors\.concat\(validate\d+\.errors\);errors = vErrors\.length;/g,
      'return false;',
    ],
    [/let vErrors = null;let errors = 0;/g, ''],
    [/const _errs\d+ = errors;/g, ''],
    [/var valid\d+ = (_errs\d+ === errors|true);/g, ''],
    [/if\(!valid\d+\)\{break;\}/g, ''],
    [/else \{\}/g, ''],
    [/if\((valid\d+|errors === (0|_errs\d+))\)\{/g, '{'],
    [/let missing\d+;/g, ''],
    [/\((data\d*\.\w+ === undefined)\) && \(missing\d+ = "\w+"\)/g, '$1'],
    [/return errors === 0;/g, 'return true;'],
  ].reduce((text, [pattern, replacement]) => text.replace(pattern as RegExp, replacement as string), code);

/** Other platforms' objects are seldom there: whether they are right, the full validator says. */
const OTHER_PLATFORMS = ['vm', 'solaris', 'windows', 'zos', 'freebsd', 'jailMode'];

function withoutOtherPlatforms(schema: { [name: string]: Json }): Json {
  const keep = (members: Json): Json =>
    Object.fromEntries(Object.entries(members as object).filter(([name]) => !OTHER_PLATFORMS.includes(name)));
  const refused = Object.fromEntries(OTHER_PLATFORMS.map((name) => [name, false]));
  return {
    ...schema,
    properties: { ...(keep(schema['properties'] as Json) as object), ...refused },
    $defs: keep(schema['$defs'] as Json),
  };
}

function compile(all: boolean): string {
  const ajv = new Ajv({
    allErrors: all,
    verbose: all,
    inlineRefs: false,
    messages: false,
    strict: true,
    strictTypes: false,
    code: { source: true, esm: true, lines: false, optimize: 2 },
  });
  ajv.addKeyword(integerIn);
  const ids: Record<string, string> = {};
  for (const name of all ? ['config', 'state', 'features'] : ['config']) {
    const schema = readSchema(name);
    const wanted = all ? schema : withoutOtherPlatforms(schema as { [name: string]: Json });
    ajv.addSchema({ ...(transform(wanted) as object), $id: name });
    ids[name] = name;
  }
  const code = withLiterals(standalone(ajv, ids));
  return all ? code : withoutErrors(code);
}

mkdirSync('dist/gen', { recursive: true });
writeFileSync('dist/gen/validate-fast.js', compile(false));
writeFileSync('dist/gen/validate-fast.d.ts', 'export declare function config(value: unknown): boolean;\n');
writeFileSync('dist/gen/validate-full.js', compile(true));
writeFileSync(
  'dist/gen/validate-full.d.ts',
  `export interface Fault {
  readonly instancePath: string;
  readonly keyword: string;
  readonly params: Readonly<Record<string, unknown>>;
  readonly schema: unknown;
  readonly parentSchema: Readonly<Record<string, unknown>>;
  readonly data: unknown;
}
export interface Validator {
  (value: unknown): boolean;
  errors?: readonly Fault[] | null;
}
export declare const config: Validator;
export declare const state: Validator;
export declare const features: Validator;
`,
);
