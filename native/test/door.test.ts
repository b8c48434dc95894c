// The border between the language and the kernel: the executable's door, Node's door, and the two JSON readers.

import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { parseJson } from '../../src/linux/sys/json.ts';
import { openKoffiDoor } from '../../src/linux/sys/koffi.ts';
import { REFUSED_COUNT, runCases } from './cases.ts';

const run = (args: readonly string[]): string[] =>
  execFileSync('dist/door-test', args, { encoding: 'utf8', maxBuffer: 1 << 28 })
    .trimEnd()
    .split('\n');

function verdict(document: Uint8Array): string {
  try {
    const value = parseJson(document);
    return JSON.stringify(value, (_key, inner) => (typeof inner === 'bigint' ? `${inner}n` : inner));
  } catch (error) {
    const { message, pointer, line, column } = error as Record<string, unknown>;
    return JSON.stringify({ message, pointer, line, column });
  }
}

function verdictsOfExecutable(documents: readonly Uint8Array[]): string[] {
  const directory = mkdtempSync(join(tmpdir(), 'documents-'));
  const parts = documents.flatMap((document) => {
    const length = new Uint8Array(4);
    new DataView(length.buffer).setUint32(0, document.length, true);
    return [length, document];
  });
  writeFileSync(join(directory, 'all'), Buffer.concat(parts));
  try {
    return run(['json', join(directory, 'all')]);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

const text = (document: string): Uint8Array => new TextEncoder().encode(document);

const HAND_MADE = [
  ...[
    '',
    ' ',
    '{',
    '[1,]',
    '{"a":1,}',
    '{"a" 1}',
    '[1 2]',
    'tru',
    'nul',
    '"a',
    '"\\x"',
    '"\\u12"',
    '01',
    '-',
    '1.',
    '1e',
    '1e+',
  ],
  ...[
    '{"a":1,"a":2}',
    '{"a":{"b/~":[0,{"c":1,"c":1}]}}',
    '{"__proto__":{"x":1},"constructor":2}',
    '[1] x',
    '"\\u0000"',
  ],
  ...[
    '"\\ud800"',
    '"\\ud800\\u0041"',
    '"\\udc00"',
    '"\\ud83d\\ude00"',
    '"\t"',
    '18446744073709551615',
    '-9223372036854775808',
  ],
  ...[
    '9007199254740991',
    '9007199254740992',
    '-9007199254740993',
    '123456789012345678',
    '1234567890123456789',
    '-0',
    '1E400',
  ],
  ...[
    '1e-400',
    '0.1',
    '{"a":[[[[]]]]}',
    `${'['.repeat(512)}${']'.repeat(512)}`,
    `${'['.repeat(513)}${']'.repeat(513)}`,
  ],
  ...[`[${'1'.repeat(1025)}]`, '{"\\u0061":1,"a":2}', '\ufeff{}', '{"a":null,"b":true,"c":false}', '[1,\n\n  x]'],
].map(text);

const INVALID_UTF8 = [
  [0x22, 0xff, 0x22],
  [0x22, 0xc0, 0x80, 0x22],
  [0x22, 0xed, 0xa0, 0x80, 0x22],
  [0x22, 0xf4, 0x90, 0x80, 0x80, 0x22],
  [0x22, 0xe2, 0x82],
].map((bytes) => Uint8Array.from(bytes));

/** A valid document with some bytes exchanged, taken out or put in. */
const mutated = fc
  .tuple(fc.json({ maxDepth: 4 }), fc.array(fc.tuple(fc.nat(10_000), fc.nat(2), fc.nat(255)), { maxLength: 3 }))
  .map(([document, changes]) => {
    const bytes = [...text(document)];
    for (const [place, kind, byte] of changes) {
      const at = bytes.length === 0 ? 0 : place % bytes.length;
      bytes.splice(at, kind === 1 ? 0 : 1, ...(kind === 2 ? [] : [byte]));
    }
    return Uint8Array.from(bytes);
  });

describe('the door', function () {
  this.timeout(120_000);

  before(() => {
    const args = ['--import', 'tsx', 'scripts/build.ts', '--program', 'door-test=native/test/program.ts'];
    execFileSync(process.execPath, args, { stdio: 'pipe' });
  });

  it('does the same on Node and in the executable', () => {
    const native = run([]);
    expect(native).to.deep.equal([...runCases(openKoffiDoor())]);
    expect(native.filter((line) => line.endsWith(': TypeError'))).to.have.length(REFUSED_COUNT);
  });

  it('reads JSON exactly, and alike', () => {
    const documents = [...HAND_MADE, ...INVALID_UTF8];
    const verdicts = verdictsOfExecutable(documents);
    for (const [index, document] of documents.entries()) {
      const shown = new TextDecoder().decode(document.subarray(0, 60));
      expect(verdicts[index], shown).to.equal(verdict(document));
    }
    expect(verdicts).to.include('"18446744073709551615n"');
  });

  it('reads generated and mutated documents alike', () => {
    const documents = fc.sample(mutated, { numRuns: 4000, seed: 1 });
    const verdicts = verdictsOfExecutable(documents);
    for (const [index, document] of documents.entries()) {
      expect(verdicts[index], new TextDecoder().decode(document)).to.equal(verdict(document));
    }
  });
});
