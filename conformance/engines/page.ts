// The engines are set up as docs/engines.md tells: what is fenced there is what the tests use, so that the page cannot go stale.

import { readFileSync } from 'node:fs';
import { runtimeFile } from './engine.ts';
import { IMAGE } from './image.ts';

const page = readFileSync('docs/engines.md', 'utf8');

/** What is fenced under `name`: the words after the fence, a language and a file. `runtime` takes the place of tsoci's path. */
export function fenced(name: string, runtime: string = runtimeFile()): string {
  const [, rest] = page.split(`\n\`\`\`${name}\n`);
  const [text] = rest?.split('\n```\n') ?? [];
  if (text === undefined) throw new Error(`docs/engines.md: nothing is fenced as ${name}`);
  return `${text.replaceAll('/usr/local/bin/tsoci', runtime)}\n`;
}

/**
 * The command that is fenced as `name`, as the tests can run it: `engine` takes the place of its first word, the image of the tests
 * that of busybox, and `flags` come after `run`.
 */
export function pageCommand(
  name: string,
  engine: readonly string[],
  flags: readonly string[],
  runtime?: string,
): string[] {
  const [, ...words] = fenced(`sh ${name}`, runtime).trim().split(' ');
  const own = (word: string): string[] => {
    if (word === 'run') return [word, ...flags];
    return [/busybox(:latest)?$/.test(word) ? IMAGE : word];
  };
  return [...engine, ...words.flatMap(own)];
}
