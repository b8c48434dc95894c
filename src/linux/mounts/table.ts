// The mount table of this process's mount namespace: proc(5), /proc/PID/mountinfo.

import * as sys from '../sys/index.ts';

export interface MountEntry {
  readonly point: string;
  readonly type: string;
  /** `shared:1`, `master:2`, `unbindable`, nothing … */
  readonly optional: string;
}

/** proc(5), mountinfo: the fifth field is the mount point (octal escapes), the seventh on up to a dash are optional. */
export function readMountTable(): MountEntry[] {
  const lines = sys.readText('/proc/self/mountinfo').split('\n');
  return lines
    .filter((line) => line !== '')
    .map((line) => {
      const fields = line.split(' ');
      const dash = fields.indexOf('-');
      const point = (fields[4] ?? '').replace(/\\([0-7]{3})/g, (_, octal: string) =>
        String.fromCharCode(Number.parseInt(octal, 8)),
      );
      return { point, type: fields[dash + 1] ?? '', optional: fields.slice(6, dash).join(' ') };
    });
}
