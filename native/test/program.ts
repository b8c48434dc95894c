// Runs in the engine: answers to the cases of the two tests beside it, one JSON line each.

import type { Argument, Door } from '../../src/linux/sys/door.ts';
import { runCases } from './cases.ts';

declare const host: Door;

const out = (text: string): void => {
  const bytes = host.encode(`${text}\n`);
  for (let at = 0; at < bytes.length; ) at += host.syscall(1, 'ib', 1, bytes.subarray(at));
};

function readFile(path: string): Uint8Array {
  const fd = host.syscall(257, 'isii', -100, path, 0, 0);
  const parts: number[] = [];
  const buffer = new Uint8Array(65_536);
  for (let count = 1; count > 0; ) {
    count = host.syscall(0, 'ib', fd, buffer);
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

const [mode, path = ''] = host.argv;
if (mode === 'json') for (const document of documents(readFile(path))) out(readDocument(document));
else for (const line of runCases(host)) out(line);
host.syscall(231, 'i', 0 as Argument);

function readDocument(document: Uint8Array): string {
  try {
    return canonical(host.parseJson(document));
  } catch (error) {
    const { message, pointer, line, column } = error as Record<string, unknown>;
    return JSON.stringify({ message, pointer, line, column });
  }
}

function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, inner) => (typeof inner === 'bigint' ? `${inner}n` : inner));
}
