// Which door is in use: set once at the start of the program, or by a test.

import type { Door } from './door.ts';

let current: Door | undefined;

export function useDoor(door: Door): void {
  current = door;
}

export function door(): Door {
  if (current === undefined) throw new Error('no door to the kernel is open');
  return current;
}
