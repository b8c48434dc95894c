// Builds dist/tsoci: the engine, the C host, and the program as bytecode, in one static executable.
//
//   node --import tsx scripts/build.ts [--inject] [--asan] [--program NAME=ENTRY]
//
//   --inject   dist/tsoci-inject: step k fails when TSOCI_FAIL_STEP=k (tests of the clean-up)
//   --asan     dist/tsoci-asan: with AddressSanitizer and UndefinedBehaviorSanitizer, dynamic, with symbols
//   --program  another program by the same tool chain: dist/NAME, from one TypeScript entry
//
// QUICKJS_DIR names the engine's sources (default: those of the npm package @scriptc/runtime).

import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, resolve } from 'node:path';
import { build } from 'esbuild';
import { lineTable } from './line-table.ts';

/** Bytecode of its own, loaded when it is asked for: name → entry. */
const BLOBS: Readonly<Record<string, string>> = {
  create: 'src/cli/blobs/create.ts',
  explain: 'src/spec/explain.ts',
  rare: 'src/cli/blobs/rare.ts',
  seccomp: 'src/linux/seccomp/compile.ts',
  syscalls: 'src/linux/seccomp/tables/others.ts',
};

const options = process.argv.slice(2);
const inject = options.includes('--inject');
const asan = options.includes('--asan');
const program = options[options.indexOf('--program') + 1]?.split('=');
const isProgram = options.includes('--program') && program?.length === 2;

const name = isProgram
  ? `${program?.[0]}${asan ? '-asan' : ''}`
  : asan
    ? 'tsoci-asan'
    : inject
      ? 'tsoci-inject'
      : 'tsoci';
const entries: Record<string, string> = isProgram
  ? { main: program?.[1] as string }
  : { main: 'bin/tsoci.ts', ...BLOBS };

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
  : ['-static-pie', '-Wl,-z,relro,-z,now,-z,noexecstack', '-Wl,--gc-sections', '-Wl,--build-id=none', '-s'];
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

const engineObjects = (flags: readonly string[]): string[] =>
  ['quickjs', 'libregexp', 'libunicode', 'dtoa'].map((file) => object(`${engine}/${file}.c`, [...flags, '-w']));

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
async function bundle(blob: string, entry: string): Promise<string> {
  const path = `${obj}/${name}-${blob}.js`;
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
    // Names of locals are looked up one by one when bytecode is loaded: short ones are few.
    minifyIdentifiers: true,
    sourcemap: 'external',
    define: {
      __ARCH__: JSON.stringify(process.arch),
      __INJECT__: String(inject),
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

/** An assembly file that holds the blobs, and the host's table of them. */
function embed(blobs: Readonly<Record<string, string>>): string {
  const names = Object.keys(blobs);
  const data = names.map(
    (blob) => `blob_${blob}:\n  .incbin "${blobs[blob]}"\nblob_${blob}_end:\nname_${blob}:\n  .asciz "${blob}"\n`,
  );
  const rows = names.map((blob) => `  .quad name_${blob}, blob_${blob}, blob_${blob}_end\n`);
  const path = `${obj}/${name}-blobs.S`;
  writeFileSync(
    path,
    `.section .rodata\n${data.join('')}.section .data.rel.ro, "aw"\n.balign 8\n.globl blobs\nblobs:\n${rows.join('')}` +
      '  .quad 0, 0, 0\n.section .note.GNU-stack, "", %progbits\n',
  );
  return path;
}

const scripts: Record<string, string> = {};
for (const [blob, entry] of Object.entries(entries)) scripts[blob] = await bundle(blob, entry);
// Where a line of the bytecode comes from, for the stack of an internal error.
const lines = `${obj}/${name}-lines.js`;
writeFileSync(lines, lineTable(scripts));
scripts['lines'] = lines;

const blobs = Object.fromEntries(Object.entries(scripts).map(([blob, script]) => [blob, bytecode(script, blob)]));
const assembly = embed(blobs);
const embedded = `${obj}/${name}-blobs.o`;
gcc(['-c', assembly, '-o', embedded]);
const own = ['host.c', 'json.c'].map((file) => object(`native/${file}`, [...FLAGS, ...OWN], ['native/host.h']));
rmSync(`dist/${name}`, { force: true });
gcc([...FLAGS, ...own, embedded, ...engineObjects(FLAGS), ...LINK, '-lm', '-o', `dist/${name}`]);
