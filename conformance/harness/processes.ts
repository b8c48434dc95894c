// Processes as the kernel lists them.

import { readdirSync, readFileSync } from 'node:fs';

/** What one says of itself in a file below /proc/PID. */
type Read = (file: string) => string;

/** What `tell` makes of each process; one that ends meanwhile is none. */
export const ofProcesses = <T>(tell: (pid: number, read: Read) => T[]): T[] =>
  readdirSync('/proc')
    .filter((name) => /^[0-9]+$/.test(name))
    .flatMap((name) => {
      try {
        return tell(Number(name), (file) => readFileSync(`/proc/${name}/${file}`, 'utf8'));
      } catch {
        return [];
      }
    });
