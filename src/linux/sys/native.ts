// The door of the executable: the C host puts it there before the program starts (native/host.c).

import type { Door } from './door.ts';

declare const host: Door;

export const openNativeDoor = (): Door => host;
