// Runs in the engine: answers to the cases of the two tests beside it, one JSON line each.

import type { Argument, Door } from '../../src/linux/sys/door.ts';
import { runCases } from './cases.ts';

declare const host: Door;

const out = (text: string): void => {
  const bytes = host.encode(`${text}\n`);
  for (let at = 0; at < bytes.length; ) at += host.bind(1, 'ib')(1, bytes.subarray(at));
};

function readFile(path: string): Uint8Array {
  const fd = host.bind(257, 'isii')(-100, path, 0, 0);
  const parts: number[] = [];
  const buffer = new Uint8Array(65_536);
  for (let count = 1; count > 0; ) {
    count = host.bind(0, 'ib')(fd, buffer);
    for (let index = 0; index < count; index++) parts.push(buffer[index] as number);
  }
  return Uint8Array.from(parts);
}

/** Documents, each behind its length in four bytes. */
function* documents(bytes: Uint8Array): Generator<Uint8Array> {
  const view = new DataView(bytes.buffer);
  for (let at = 0; at < bytes.length; ) {
    const length = view.getUint32(at, true);
    yield bytes.subarray(at + 4, at + 4 + length);
    at += 4 + length;
  }
}

export function run(): number {
  const [mode, path = ''] = host.argv();
  if (mode === 'fuzz') for (const document of documents(readFile(path))) fuzz(document);
  else if (mode === 'json') for (const document of documents(readFile(path))) out(readDocument(document));
  else for (const line of runCases(host)) out(line);
  return 0;
}

function readDocument(document: Uint8Array): string {
  try {
    return canonical(host.parseJson(document));
  } catch (error) {
    const { message, pointer, line, column } = error as Record<string, unknown>;
    return JSON.stringify({ message, pointer, line, column });
  }
}

/**
 * One call with a signature and values taken from `bytes`: whatever they are, the border refuses them or the kernel does.
 * getpid(2) looks at no register, so nothing can come of what passes.
 */
function fuzz(bytes: Uint8Array): void {
  let at = 0;
  const next = (limit: number): number => (bytes[at++] ?? 0) % limit;
  let signature = '';
  const args: Argument[] = [];
  for (let count = next(8); count > 0; count--) {
    signature += 'isSbBpPnNrRvx'[next(13)];
    if (next(3) === 0) signature += String(next(200));
    args.push(junk(next, 0));
  }
  try {
    host.bind(39, signature)(...args);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
  }
}

function junk(next: (limit: number) => number, depth: number): Argument {
  const bytes = new Uint8Array(next(64));
  const values: (() => unknown)[] = [
    () => next(256) - 128,
    () => 2 ** next(70) * (next(2) - 0.5),
    () => BigInt(next(256)) ** BigInt(next(12)),
    () => 'x'.repeat(next(99)) + (next(4) === 0 ? '\0' : '\ud800'),
    () => bytes,
    () => bytes.subarray(next(64)),
    () => null,
    () => undefined,
    () => ['a', next(2) === 0 ? 'b' : next(9)],
    () => (depth > 6 ? {} : { bytes, refs: [[next(80) - 8, junk(next, depth + 1)]] }),
    () => ({ bytes: next(9), refs: next(9) }),
    () => ({ bytes, refs: [next(3), [], [next(70)]] }),
  ];
  return (values[next(values.length)] as () => unknown)() as Argument;
}

function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, inner) => (typeof inner === 'bigint' ? `${inner}n` : inner));
}
