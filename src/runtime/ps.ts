// `ps`: the container's processes, by their pids on the host.

import { TsociError } from '../errors.ts';
import { runProgram } from '../hooks/spawn.ts';
import { pidsOf } from '../linux/cgroups/members.ts';
import { variableOf } from '../linux/environment.ts';
import * as sys from '../linux/sys/index.ts';
import { readRecord } from './record.ts';

/** Room for the table of all processes of a host. */
const TABLE_BYTES = 64 << 20;

/** Also of a container that has ended, which has none. */
export const pidsOfContainer = (root: string, id: string): number[] => pidsOf(readRecord(root, id).cgroupPaths);

function pathOf(program: string): string {
  const folders = (variableOf(sys.door().environ(), 'PATH') ?? '/usr/bin:/bin').split(':');
  const found = folders.map((folder) => `${folder}/${program}`).find((file) => sys.isAccessible(file, sys.X_OK));
  if (found !== undefined) return found;
  throw new TsociError('ERR_HOST', `exec: "${program}": executable file not found in $PATH`);
}

const fieldsOf = (line: string): string[] => line.split(' ').filter((field) => field !== '');

/** Of the host's table its header, and the lines of the container's processes. Throws ERR_USAGE without a column PID. */
export function containerLines(table: string, pids: readonly number[]): string[] {
  const [header = '', ...lines] = table.split('\n');
  const column = fieldsOf(header).indexOf('PID');
  if (column < 0) throw new TsociError('ERR_USAGE', "couldn't find PID field in ps output");
  return [header, ...lines.filter((line) => pids.includes(Number(fieldsOf(line)[column])))];
}

/** Runs the host's ps(1) with `options` and returns the lines of the container's processes. */
export function processTable(root: string, id: string, options: readonly string[]): string[] {
  const pids = pidsOfContainer(root, id);
  const { status, stdout, stderr } = runProgram({
    path: pathOf('ps'),
    args: ['ps', ...(options.length === 0 ? ['-ef'] : options)],
    env: sys.door().environ(),
    stdin: '',
    keptBytes: TABLE_BYTES,
  });
  if (status !== 0) throw new TsociError('ERR_USAGE', `exit status ${status}: ${stdout}${stderr}`.trimEnd());
  return containerLines(stdout, pids);
}
