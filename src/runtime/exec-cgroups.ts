// `exec --cgroup`: a cgroup below the container's, which it has made itself.

import { TsociError } from '../errors.ts';
import type { CgroupPaths } from '../linux/cgroups/steps.ts';
import { cleanPath, isAtOrBelow } from '../linux/names.ts';
import * as sys from '../linux/sys/index.ts';

/** The directories to join: the container's, or for the controllers named in `wanted` those below them. */
export function selectCgroups(paths: CgroupPaths, wanted: readonly string[]): string[] {
  const selected: Record<string, string> = { ...paths };
  for (const text of wanted) {
    const colon = text.indexOf(':');
    const names = colon < 0 ? Object.keys(paths) : text.slice(0, colon).split(',');
    for (const name of names) {
      const dir = paths[name];
      if (dir === undefined) throw new TsociError('ERR_USAGE', `unknown controller ${name} in SUBSYSTEM:PATH: ${text}`);
      selected[name] = below(dir, text.slice(colon + 1));
    }
  }
  return Object.values(selected);
}

function below(dir: string, path: string): string {
  const whole = cleanPath(`${dir}/${path}`);
  if (!isAtOrBelow(whole, dir)) {
    throw new TsociError('ERR_USAGE', `${path} is not a sub cgroup path`);
  }
  // COMPAT: what runc says when it is too late.
  if (!sys.exists(whole)) {
    throw new TsociError('ERR_USAGE', `adding pid to ${whole}/cgroup.procs: no such file or directory`);
  }
  return whole;
}
