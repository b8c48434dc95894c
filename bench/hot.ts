// npm run hot
//
// Writes native/hot.ld: the functions that the verbs call, in the order in which they do. The linker lays them side by side,
// so that a verb has few pages of the executable to read and to map; where one is missing, or one too many, nothing breaks.
// To be run after a change that makes the verbs call others, with root and on x86-64.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { bundleNames, writeBundle, writeRootfs } from './bundles.ts';
import { compile, removeCgroup } from './meter.ts';

const executable = resolve('dist/tsoci-symbols');
const work = mkdtempSync(join(tmpdir(), 'tsoci-hot.'));
const cgroup = `/tsoci-hot-${process.pid}`;

/** What lies where in the executable, as the linker tells it. */
interface Section {
  readonly name: string;
  readonly file: string;
  readonly begin: number;
  readonly end: number;
}

function sections(): Section[] {
  const map = readFileSync('dist/obj/tsoci-symbols.map', 'utf8');
  return [...map.matchAll(/^ (\.text\S*)\s+0x([0-9a-f]+)\s+0x([0-9a-f]+) (\S+)$/gm)].map(
    ([, name = '', address = '', size = '', file = '']) => {
      const begin = Number.parseInt(address, 16);
      return { name, file, begin, end: begin + Number.parseInt(size, 16) };
    },
  );
}

/** Offsets of all functions, a line each, in hexadecimal. */
const functions = (): string =>
  execFileSync('nm', [executable], { encoding: 'utf8' })
    .split('\n')
    .map((line) => line.split(' '))
    .filter(([, kind = '']) => /^[tTiW]$/.test(kind))
    .map(([offset]) => offset)
    .join('\n');

/** A shell script of all verbs, in the order of a container's life. */
function verbs(): string {
  writeRootfs(work);
  const verb = `${executable} --root ${work}/state`;
  const lines = [`${executable} --version`];
  for (const name of bundleNames) {
    const [sleeping, ending] = ['sleep', 'true'].map((program) => {
      const dir = join(work, `${name}-${program}`);
      writeBundle(dir, name, [`/bin/${program}`, '600'], `${cgroup}/c`);
      return dir;
    });
    lines.push(
      ...[`${verb} create --bundle ${sleeping} c </dev/null`, `${verb} state c`, `${verb} start c`],
      ...[`${verb} kill c KILL`, `${verb} delete --force c`, `${verb} run --bundle ${ending} c`],
      ...[`${verb} create --bundle ${sleeping} c </dev/null`, `${verb} start c`, `${verb} exec c /bin/true`],
      ...[`${verb} list`, `${verb} ps c`, `${verb} events --stats c`, `${verb} update --pids-limit 200 c`],
      ...[`${verb} pause c`, `${verb} resume c`, `${verb} delete --force c`],
    );
  }
  return `set -e\nexec >/dev/null\n${lines.join('\n')}`;
}

/** A pattern of the linker's language: our files' sections have a name for each function, a library's one for each member. */
function pattern({ name, file }: Section): string | undefined {
  const [, archive, member] = /([^/]+\.a)\(([^)]+)\)$/.exec(file) ?? [];
  if (archive !== undefined) return `*${archive.replace(/-[0-9.]+\.a$/, '*.a')}:${member}(${name})`;
  return /^\.text\.(?!unlikely$|startup$|hot$)/.test(name) ? `*(${name})` : undefined;
}

function called(): string[] {
  const calls = compile('bench/calls.c', 'calls');
  const offsets = execFileSync(calls, [executable, '/bin/sh', '-c', verbs()], {
    input: functions(),
    encoding: 'utf8',
  });
  return offsets.trim().split('\n');
}

function order(): string[] {
  const all = sections();
  const patterns = called().map((offset) => {
    const at = Number.parseInt(offset, 16);
    const section = all.find(({ begin, end }) => begin <= at && at < end);
    return section === undefined ? undefined : pattern(section);
  });
  return [...new Set(patterns)].filter((line) => line !== undefined);
}

const script = (
  lines: readonly string[],
): string => `/* Written by \`npm run hot\`: the functions that the verbs call, side by side. */
SECTIONS
{
  .text.hot :
  {
${lines.map((line) => `    ${line}`).join('\n')}
  }
}
INSERT BEFORE .text;
`;

try {
  execFileSync(process.execPath, ['--import', 'tsx', 'scripts/build.ts', '--symbols'], { stdio: 'inherit' });
  const lines = order();
  writeFileSync('native/hot.ld', script(lines));
  console.log(`native/hot.ld: ${lines.length} sections`);
} finally {
  removeCgroup(cgroup);
  rmSync(work, { recursive: true, force: true });
}
