import { TsociError } from '../../errors.ts';
import { pidsOfContainer, processTable } from '../../runtime/ps.ts';
import { type Arguments, text } from '../arguments.ts';
import type { Cli } from '../context.ts';

/** COMPAT: none are `null`, as Go prints a slice that is not there. */
const jsonOf = (pids: readonly number[]): string => (pids.length === 0 ? 'null' : JSON.stringify(pids));

export function ps(args: Arguments, cli: Cli): number {
  const [id = '', ...options] = args.positional;
  const format = text(args, 'format') ?? 'table';
  if (format === 'json') cli.out(`${jsonOf(pidsOfContainer(cli.root, id))}\n`);
  else if (format === 'table') cli.out(`${processTable(cli.root, id, options).join('\n')}\n`);
  else throw new TsociError('ERR_USAGE', 'invalid format option');
  return 0;
}
