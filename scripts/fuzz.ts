// Fuzzes the executable's border under AddressSanitizer and UBSan: mutated JSON documents, and calls with random signatures
// and values. The same seed gives the same run.
//
//   node --import tsx scripts/fuzz.ts [ROUNDS] [SEED]      (`node --import tsx scripts/build.ts --asan --program door-test=native/test/program.ts` first)

import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const PROGRAM = 'dist/door-test-asan';
const rounds = Number(process.argv[2] ?? 20_000);
let seed = Number(process.argv[3] ?? 1);

/** xorshift32. */
function random(limit: number): number {
  seed ^= seed << 13;
  seed ^= seed >>> 17;
  seed ^= seed << 5;
  return (seed >>> 0) % limit;
}

const WORDS = [
  '{',
  '}',
  '[',
  ']',
  ',',
  ':',
  '"',
  '"a"',
  '"\\u0041"',
  '"\\ud83d\\ude00"',
  '1',
  '-9223372036854775808',
  '1e9',
  '0.5',
];
const MORE = [
  'true',
  'null',
  ' ',
  '\n',
  '"\\',
  '\\u12',
  '99999999999999999999',
  '"ü"',
  '{"a":[{"b":null}]}',
  '\0',
  '[[[[[[[[',
];

function document(): Buffer {
  const words = [...WORDS, ...MORE];
  const text = Array.from({ length: random(24) }, () => words[random(words.length)]).join('');
  const bytes = Buffer.from(text);
  for (let count = random(4); count > 0 && bytes.length > 0; count--) bytes[random(bytes.length)] = random(256);
  return bytes;
}

const noise = (): Buffer => Buffer.from(Array.from({ length: random(96) }, () => random(256)));

function run(mode: string, make: () => Buffer): void {
  const directory = mkdtempSync(join(tmpdir(), 'fuzz-'));
  const parts = Array.from({ length: rounds }, make).flatMap((bytes) => {
    const length = Buffer.alloc(4);
    length.writeUInt32LE(bytes.length);
    return [length, bytes];
  });
  writeFileSync(join(directory, 'inputs'), Buffer.concat(parts));
  const env = { ...process.env, ASAN_OPTIONS: 'detect_leaks=0', UBSAN_OPTIONS: 'halt_on_error=1' };
  const { status, stderr } = spawnSync(PROGRAM, [mode, join(directory, 'inputs')], {
    env,
    maxBuffer: 1 << 28,
    encoding: 'utf8',
  });
  rmSync(directory, { recursive: true });
  console.log(`${mode}: ${rounds} inputs, exit status ${status}`);
  if (status === 0) return;
  console.error(stderr.slice(0, 8000));
  process.exitCode = 1;
}

if (!existsSync(PROGRAM)) {
  console.error(`fuzz: ${PROGRAM} is not built`);
  process.exit(1);
}
run('json', document);
run('fuzz', noise);
