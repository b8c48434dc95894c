// Three judges of the same documents: the fast validator, the full one, and the specification's own schema, on its examples,
// on what engines generate, and on mutations of both.

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv } from 'ajv';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { expect } from 'chai';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { config as isFastValid } from '../../dist/gen/validate-fast.js';
import { features, config as isValid, state } from '../../dist/gen/validate-full.js';
import { parseJson } from '../linux/sys/json.ts';
import { explain } from './explain.ts';

const OFFICIAL = '../shared/reference/runtime-spec-schema';
const CONFIGS = ['conformance/fixtures/configs', '../shared/reference/configs'].find((path) => existsSync(path));

/**
 * Where we differ from the specification's schema, and why. Its own text, and engines, are on our side.
 * Draft 4 has no exact 64-bit bounds either: they are compared in number-sized steps.
 */
const EXCEPTIONS: readonly { readonly pointer: RegExp; readonly reason: string }[] = [
  { pointer: /\/fileMode$/, reason: 'engines send the type bits of st_mode along' },
  { pointer: /\/rootfsPropagation$/, reason: 'engines send rslave and its like, and the empty word' },
  { pointer: /\/hooks\/\w+\/\d+\/timeout$/, reason: 'a timeout of more than 2^31 seconds is nobody’s wish' },
  { pointer: /\/process\/oomScoreAdj$/, reason: 'an integer that the kernel cannot take is refused at once' },
  {
    pointer: /^\/(annotations|linux\/sysctl|linux\/resources\/unified)/,
    reason: 'their patternProperties let an empty name have any value',
  },
];

function officialValidators() {
  const ajv = new Ajv({ strict: false, validateSchema: false, logger: false });
  for (const file of readdirSync(OFFICIAL).filter((name) => name.endsWith('.json'))) {
    const schema = JSON.parse(readFileSync(join(OFFICIAL, file), 'utf8')) as Record<string, unknown>;
    ajv.addSchema({ ...schema, $schema: undefined, $id: file } as object);
  }
  return (file: string) => ajv.getSchema(file) as (value: unknown) => boolean;
}

const read = (path: string): unknown => JSON.parse(readFileSync(path, 'utf8'));

/** Every place of a document: its pointer, its parent, its name there. */
function* places(value: unknown, pointer = ''): Generator<[string, Record<string, unknown>, string]> {
  if (value === null || typeof value !== 'object') return;
  for (const name of Object.keys(value)) {
    const inner = `${pointer}/${name}`;
    yield [inner, value as Record<string, unknown>, name];
    yield* places((value as Record<string, unknown>)[name], inner);
  }
}

const JUNK: readonly unknown[] = [
  null,
  true,
  0,
  -1,
  1.5,
  2 ** 40,
  -(2 ** 40),
  '',
  'x',
  'MB:x',
  [],
  ['x'],
  [1],
  {},
  { path: 1 },
];

describe('the validators', function () {
  this.timeout(120_000);

  it('are made of schemas that are valid themselves', () => {
    const ajv = new Ajv2020({ strict: true, strictTypes: false });
    for (const name of ['config', 'state', 'features'])
      expect(ajv.validateSchema(read(`schema/${name}.json`) as object)).to.equal(true);
  });

  it('take what engines generate', function () {
    if (CONFIGS === undefined) {
      console.log('    skipped: no configurations of engines are here');
      this.skip();
    }
    for (const file of readdirSync(CONFIGS).filter((name) => name.endsWith('config.json'))) {
      const document = parseJson(readFileSync(join(CONFIGS, file)));
      expect(explain(document), file).to.deep.equal([]);
      expect(isFastValid(document), file).to.equal(true);
    }
  });

  it("agree with the specification's schema on its own examples", function () {
    if (!existsSync(OFFICIAL)) {
      console.log("    skipped: the specification's schema is not here");
      this.skip();
    }
    const validators = officialValidators();
    const kinds = { config: isValid, state, features };
    for (const [kind, ours] of Object.entries(kinds)) {
      for (const verdict of ['good', 'bad']) {
        for (const file of readdirSync(join(OFFICIAL, 'test', kind, verdict))) {
          const text = readFileSync(join(OFFICIAL, 'test', kind, verdict, file));
          if (file === 'invalid-json.json') expect(() => parseJson(text)).to.throw();
          else {
            expect(ours(parseJson(text)), `${kind}/${file}`).to.equal(verdict === 'good');
            expect(validators(`${kind}-schema.json`)(JSON.parse(text.toString())), file).to.equal(verdict === 'good');
          }
        }
      }
    }
  });

  it('agree with each other, and with the specification, on mutations', function () {
    if (CONFIGS === undefined || !existsSync(OFFICIAL)) {
      console.log("    skipped: the specification's schema, or configurations to change, are not here");
      this.skip();
    }
    const official = officialValidators()('config-schema.json');
    const example = read(join(OFFICIAL, 'test/config/good/spec-example.json'));
    const bases = [
      example,
      ...readdirSync(CONFIGS)
        .filter((name) => name.endsWith('default.config.json'))
        .map((name) => read(join(CONFIGS, name))),
    ];
    fc.assert(
      fc.property(
        fc.constantFrom(...bases),
        fc.nat(),
        fc.constantFrom(...JUNK),
        fc.boolean(),
        (base, choice, junk, remove) => {
          const document = structuredClone(base);
          const all = [...places(document)];
          const [pointer, parent, name] = all[choice % all.length] as (typeof all)[number];
          if (remove && !Array.isArray(parent)) delete parent[name];
          else parent[name] = junk;
          const verdict = isValid(document) as boolean;
          expect(isFastValid(document), `${pointer} ${JSON.stringify(junk)}: fast and full`).to.equal(verdict);
          expect(explain(document).length > 0).to.equal(!verdict);
          if (EXCEPTIONS.some((exception) => exception.pointer.test(pointer))) return;
          expect(verdict, `${pointer} ${JSON.stringify(junk)}: ours and the specification's`).to.equal(
            official(document),
          );
        },
      ),
      { numRuns: 4000 },
    );
  });

  it('hold 64-bit bounds exactly', () => {
    const withLimit = (limit: string) =>
      parseJson(
        new TextEncoder().encode(
          `{"ociVersion":"1.0.0","linux":{"resources":{"memory":{"limit":${limit}},"hugepageLimits":[{"pageSize":"2MB","limit":${limit.replace('-', '')}}]}}}`,
        ),
      );
    for (const good of ['9223372036854775807', '-9223372036854775808', '0']) {
      expect(isFastValid(withLimit(good)), good).to.equal(true);
      expect(explain(withLimit(good)), good).to.deep.equal([]);
    }
    for (const bad of ['9223372036854775808', '-9223372036854775809', '1.5', '1e30']) {
      expect(isFastValid(withLimit(bad)), bad).to.equal(false);
      expect(explain(withLimit(bad))[0], bad).to.match(/^\/linux\/resources\/memory\/limit: found /);
    }
  });

  it('name every fault with its place, what was found and what was expected', () => {
    const document = {
      ociVersion: 1,
      process: { args: [1], user: { uid: -1 } },
      linux: { namespaces: [{ type: 'foo' }] },
    };
    expect(explain(document)).to.have.members([
      '/ociVersion: found 1, expected a string',
      '/process/cwd: missing',
      '/process/user/uid: found -1, expected an integer from 0 to 4294967295',
      '/process/args/0: found 1, expected a string',
      '/linux/namespaces/0/type: found "foo" (string), expected one of mount, pid, network, uts, ipc, user, cgroup, time',
    ]);
  });
});
