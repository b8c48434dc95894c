// What a test may leave behind: nothing. Looked for by the id that every container of the suite carries.

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import type { Bundle } from './bundle.ts';
import { ofProcesses } from './processes.ts';
import type { Runtime } from './runtime.ts';

const CGROUPS = '/sys/fs/cgroup';

const mountsBelow = (dir: string): string[] =>
  readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .map((line) => line.split(' ')[4] ?? '')
    .filter((target) => target === dir || target.startsWith(`${dir}/`));

/** Folders of a cgroup in each hierarchy. */
export function cgroupDirs(path: string): string[] {
  const trees = readdirSync(CGROUPS).map((name) => join(CGROUPS, name));
  return [CGROUPS, ...trees].map((tree) => join(tree, path)).filter((dir) => existsSync(dir));
}

/** Living processes whose cgroup is the container's, as "process PID" with its name and state. */
function processesOf(bundle: Bundle): string[] {
  return ofProcesses((pid, read) => {
    const status = read('status');
    // A zombie, or a dead one that is just being buried, has ended: it is its new parent's.
    if (/^State:\t[ZX]/m.test(status)) return [];
    return read('cgroup').includes(bundle.id) ? [`process ${pid}: ${status.match(/^(Name|State):.*$/gm)}`] : [];
  });
}

/** Names of what a container left: `[]` is as it should be. */
export function leftovers(bundle: Bundle, runtime: Runtime): string[] {
  const state = join(runtime.root, bundle.id);
  return [
    ...processesOf(bundle),
    ...mountsBelow(bundle.dir).map((target) => `mount ${target}`),
    ...cgroupDirs(bundle.cgroup).map((dir) => `cgroup ${dir}`),
    ...(existsSync(state) ? [`state ${state}`] : []),
  ];
}

export function expectNothingLeft(bundle: Bundle, runtime: Runtime): void {
  expect(leftovers(bundle, runtime)).to.deep.equal([]);
}
