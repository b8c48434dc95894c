// Which door is in use: the host's, which is there before the program starts, or the one that Node or a test has opened.

import type { Door } from './door.ts';

declare const host: Door | undefined;

let current: Door | undefined = typeof host === 'undefined' ? undefined : host;

export function useDoor(door: Door): void {
  current = door;
}

export function door(): Door {
  if (current === undefined) throw new Error('no door to the kernel is open');
  return current;
}
