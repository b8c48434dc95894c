// Builds dist/tsoci: the engine, the C host, and the program, in one static executable. The program is compiled to
// bytecode and evaluated while building: the executable holds the engine's heap as it is then (native/heap.c).
//
//   node --import tsx scripts/build.ts [--inject] [--symbols] [--asan] [--program NAME=ENTRY]
//
//   --inject   dist/tsoci-inject: step k fails when TSOCI_FAIL_STEP=k (tests of the clean-up)
//   --symbols  dist/tsoci-symbols: with symbols, and what the linker put where in dist/obj/tsoci-symbols.map (bench/hot.ts)
//   --asan     dist/tsoci-asan: with AddressSanitizer and UndefinedBehaviorSanitizer, dynamic, with symbols
//   --program  another program by the same tool chain: dist/NAME, from one TypeScript entry
//
// QUICKJS_DIR names the engine's sources (default: those of the npm package @scriptc/runtime).

import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, resolve } from 'node:path';
import { build } from 'esbuild';
import { lineTable } from './line-table.ts';

/** Words of the command line that ask for an image that nobody can write to (native/seal.c): the verbs that enter containers. */
const SEALED = ['create', 'run', 'exec'];

const options = process.argv.slice(2);
const variant = ['asan', 'inject', 'symbols'].find((one) => options.includes(`--${one}`));
const asan = variant === 'asan';
const program = options[options.indexOf('--program') + 1]?.split('=');
const isProgram = options.includes('--program') && program?.length === 2;

const name = `${isProgram ? program?.[0] : 'tsoci'}${variant === undefined ? '' : `-${variant}`}`;
const entry = isProgram ? (program?.[1] as string) : 'bin/tsoci.ts';

const engine = resolve(process.env['QUICKJS_DIR'] ?? 'node_modules/@scriptc/runtime/vendor/quickjs-ng');
const version = (JSON.parse(readFileSync('package.json', 'utf8')) as { version: string }).version;

const COMMON = ['-std=gnu11', '-D_GNU_SOURCE', `-ffile-prefix-map=${resolve('.')}=.`, '-fno-strict-aliasing'];
const HARDENED = [
  ...['-O2', '-fPIE', '-fstack-protector-strong', '-fstack-clash-protection', '-fcf-protection=full'],
  ...['-D_FORTIFY_SOURCE=2', '-ffunction-sections', '-fdata-sections', '-DNDEBUG'],
].filter((flag) => process.arch === 'x64' || flag !== '-fcf-protection=full');
const SANITIZED = ['-O1', '-g', '-fsanitize=address,undefined', '-fno-omit-frame-pointer'];
const FLAGS = [...COMMON, ...(asan ? SANITIZED : HARDENED)];
const LINK = asan
  ? ['-fsanitize=address,undefined']
  : [
      '-static-pie',
      '-Wl,--wrap=gettimeofday',
      '-Wl,-z,relro,-z,now,-z,noexecstack',
      '-Wl,--gc-sections',
      '-Wl,--build-id=none',
      '-Wl,-T,native/hot.ld',
      variant === 'symbols' ? `-Wl,-Map=dist/obj/${name}.map` : '-s',
    ];
const OWN = ['-Wall', '-Wextra', '-Werror'];

const obj = 'dist/obj';
mkdirSync(obj, { recursive: true });

const gcc = (args: readonly string[]): void => void execFileSync('gcc', args, { stdio: 'inherit' });

/** Compiles when sources or flags are others than last time: the object's name says what it was made of. */
function object(source: string, flags: readonly string[], also: readonly string[] = []): string {
  const hash = createHash('sha256').update(flags.join('\0'));
  for (const file of [source, ...also]) hash.update(readFileSync(file));
  const path = `${obj}/${basename(source)}-${hash.digest('hex').slice(0, 16)}.o`;
  if (!existsSync(path)) {
    gcc([...flags, `-I${engine}`, '-c', source, '-o', `${path}.new`]);
    renameSync(`${path}.new`, path);
  }
  return path;
}

/** What native/counts.h changes in the engine: a reference is counted, memory is given back. */
const CHANGES = [
  ['#define JS_REF_COUNT(p) (js_rc(p)->ref_count)', '#define JS_REF_COUNT(p) COUNT_OF(js_rc(p))'],
  [
    'static void js_arena_free(JSRuntime *rt, void *ptr)\n{',
    'static void js_arena_free(JSRuntime *rt, void *ptr)\n{\n    if (IS_KEPT(ptr)) return;',
  ],
] as const;

function quickjs(): string {
  let source = readFileSync(`${engine}/quickjs.c`, 'utf8');
  for (const [from, to] of CHANGES) {
    if (source.split(from).length !== 2) throw new Error(`this engine has no one place for: ${from}`);
    source = source.replace(from, to);
  }
  writeFileSync(`${obj}/quickjs.c`, source);
  return `${obj}/quickjs.c`;
}

const engineObjects = (flags: readonly string[]): string[] => [
  object(quickjs(), [...flags, '-w', '-include', 'native/counts.h'], ['native/counts.h']),
  ...['libregexp', 'libunicode', 'dtoa'].map((file) => object(`${engine}/${file}.c`, [...flags, '-w'])),
];

/** The bytecode compiler: the same engine, run while building. */
function compiler(): string {
  const objects = [
    ...engineObjects([...COMMON, ...HARDENED]),
    object('native/compile.c', [...COMMON, ...HARDENED, ...OWN]),
  ];
  const path = `${obj}/compile-${createHash('sha256').update(objects.join()).digest('hex').slice(0, 16)}`;
  if (!existsSync(path)) gcc([...objects, '-pie', '-lm', '-o', path]);
  return path;
}

/** TypeScript to one script, whose value is what its entry exports. */
async function bundle(): Promise<string> {
  const path = `${obj}/${name}-main.js`;
  await build({
    entryPoints: [entry],
    outfile: path,
    bundle: true,
    format: 'iife',
    globalName: '__exports',
    footer: { js: '__exports;' },
    target: 'es2023',
    platform: 'neutral',
    mainFields: ['module', 'main'],
    minifySyntax: true,
    sourcemap: 'external',
    define: {
      __ARCH__: JSON.stringify(process.arch),
      __INJECT__: String(variant === 'inject'),
      __VERSION__: JSON.stringify(version),
      __COMMIT__: JSON.stringify(commit()),
    },
    logLevel: 'warning',
  });
  return path;
}

function commit(): string {
  try {
    return execFileSync('git', ['rev-parse', '--short=12', 'HEAD'], { encoding: 'utf8', stdio: 'pipe' }).trim();
  } catch {
    return 'unknown';
  }
}

function bytecode(script: string, blob: string): string {
  const path = script.replace(/\.js$/, '.bytecode');
  execFileSync(compiler(), [script, path, blob], { stdio: 'inherit' });
  return path;
}

const PAGE = 4096;
/** native/host.h */
const RECORD_AGAIN = 75;

/**
 * An assembly file that holds the blobs with the host's table of them, the words that ask for a sealed image, and a
 * section of `pages` for the snapshot, whose first word says whether one is wanted.
 */
function embed(blobs: Readonly<Record<string, string>>, pages: number): string {
  const names = Object.keys(blobs);
  const words = isProgram ? [] : SEALED;
  const text = `
.section .rodata
${names.map((blob) => `blob_${blob}: .incbin "${blobs[blob]}"\nblob_${blob}_end:\nname_${blob}: .asciz "${blob}"`).join('\n')}
.globl seal_words
seal_words: ${words.map((word) => `.asciz "${word}"`).join('; ')}
.byte 0
.section .data.rel.ro, "aw"
.balign 8
.globl blobs
blobs:
${names.map((blob) => `.quad name_${blob}, blob_${blob}, blob_${blob}_end`).join('\n')}
.quad 0, 0, 0
.section .snapshot, "aw"
.balign ${PAGE}
.globl snapshot
snapshot: .quad ${pages > 0 ? 1 : 0}
.zero ${(pages + 1) * PAGE - 8}
.section .note.GNU-stack, "", %progbits
`;
  writeFileSync(`${obj}/${name}-blobs.S`, text);
  gcc(['-c', `${obj}/${name}-blobs.S`, '-o', `${obj}/${name}-blobs.o`]);
  return `${obj}/${name}-blobs.o`;
}

const SOURCES = ['host.c', 'door.c', 'heap.c', 'json.c'];

/** What runs before the C library is there (native/seal.c). */
const EARLY = [...COMMON, '-O2', '-fPIE', '-ffreestanding', '-fno-stack-protector'];

function link(blobs: Readonly<Record<string, string>>, pages: number): void {
  const own = SOURCES.map((file) => object(`native/${file}`, [...FLAGS, ...OWN], ['native/host.h']));
  rmSync(`dist/${name}`, { force: true });
  own.push(object('native/seal.c', [...EARLY, ...OWN], ['native/host.h']));
  gcc([
    ...FLAGS,
    ...own,
    embed(blobs, pages),
    ...engineObjects(FLAGS),
    ...LINK,
    '-Wl,--entry=seal_start',
    '-lm',
    '-o',
    `dist/${name}.new`,
  ]);
}

/** The heap, as the executable writes it; where it was loaded to an unsuitable address (one in 60), once more. */
function record(): Buffer {
  for (let tries = 0; tries < 30; tries++) {
    const { status, stdout, error } = spawnSync(resolve(`dist/${name}.new`), {
      maxBuffer: 1 << 28,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    if (error !== undefined) throw error;
    if (status === 0) return stdout;
    if (status !== RECORD_AGAIN) break;
  }
  throw new Error('the executable does not record its heap');
}

/** Puts what the executable says of itself into its section of `pages`. */
function writeSnapshot(pages: number): void {
  const [snapshot, again] = [record(), record()];
  if (!snapshot.equals(again)) throw new Error('two recordings of the heap differ');
  if (snapshot.length > (pages + 1) * PAGE) throw new Error('the snapshot does not fit into its section');
  const file = readFileSync(`dist/${name}.new`);
  const sections = execFileSync('readelf', ['-SW', `dist/${name}.new`], { encoding: 'utf8' });
  const offset = /\.snapshot +PROGBITS +[0-9a-f]+ ([0-9a-f]+)/.exec(sections)?.[1];
  if (offset === undefined) throw new Error('the executable has no section for the snapshot');
  snapshot.copy(file, Number.parseInt(offset, 16));
  writeFileSync(`dist/${name}.new`, file);
}

const main = await bundle();
// Where a line of the bytecode comes from, for the stack of an internal error.
const lines = `${obj}/${name}-lines.js`;
writeFileSync(lines, lineTable({ main }));
const blobs = { main: bytecode(main, 'main'), lines: bytecode(lines, 'lines') };

if (asan) link(blobs, 0);
else {
  // Once to learn the size, once with the section that the snapshot has: its addresses are the final ones.
  link(blobs, 1);
  const pages = Math.ceil(record().length / PAGE) + 1;
  link(blobs, pages);
  writeSnapshot(pages);
}
chmodSync(`dist/${name}.new`, 0o755);
renameSync(`dist/${name}.new`, `dist/${name}`);
