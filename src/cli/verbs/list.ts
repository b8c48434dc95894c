import { TsociError } from '../../errors.ts';
import * as sys from '../../linux/sys/index.ts';
import { type ContainerView, listContainers } from '../../runtime/list.ts';
import { type Arguments, isSet, text } from '../arguments.ts';
import type { Cli } from '../context.ts';
import { printJson } from '../json.ts';

/** Names of users by uid, from passwd(5). */
function userNames(): (uid: number) => string {
  const lines = sys.exists('/etc/passwd') ? sys.readText('/etc/passwd').split('\n') : [];
  return (uid) => lines.find((line) => line.split(':')[2] === String(uid))?.split(':')[0] ?? `#${uid}`;
}

/** Columns with three spaces between, at least twelve wide (the look of runc's tables). */
function table(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(9, ...rows.map((row) => (row[column] ?? '').length)) + 3);
  return rows
    .map((row) =>
      row.map((cell, column) => (column === row.length - 1 ? cell : cell.padEnd(widths[column] ?? 0))).join(''),
    )
    .map((line) => `${line}\n`)
    .join('');
}

export function list(args: Arguments, cli: Cli): number {
  const format = text(args, 'format') ?? 'table';
  const isQuiet = isSet(args, 'quiet');
  if (!isQuiet && format !== 'table' && format !== 'json') throw new TsociError('ERR_USAGE', 'invalid format option');
  // COMPAT: plain, also where there is a log: what is broken is no failure of this call.
  const views = listContainers(cli.root, (words) => cli.err(`${words}\n`));
  if (isQuiet) {
    for (const view of views) cli.out(`${view.id}\n`);
    return 0;
  }
  const nameOf = userNames();
  const owned = views.map((view) => ({ ...view, owner: nameOf(view.owner) }));
  // COMPAT: an empty list is `null`, as Go prints a slice that is not there.
  if (format === 'json') cli.out(`${owned.length === 0 ? 'null' : printJson(owned)}\n`);
  else cli.out(table([['ID', 'PID', 'STATUS', 'BUNDLE', 'CREATED', 'OWNER'], ...owned.map(rowOf)]));
  return 0;
}

const rowOf = (view: Omit<ContainerView, 'owner'> & { owner: string }): string[] => [
  view.id,
  String(view.pid),
  view.status,
  view.bundle,
  view.created,
  view.owner,
];
