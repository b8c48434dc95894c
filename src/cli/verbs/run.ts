import { runContainer } from '../../runtime/run.ts';
import { type Arguments, isSet } from '../arguments.ts';
import type { Cli } from '../context.ts';
import { createOptions } from './create.ts';

export function run(args: Arguments, cli: Cli): number {
  return runContainer({
    ...createOptions(args, cli, isSet(args, 'detach') ? 'caller' : 'attached'),
    keep: isSet(args, 'keep'),
    noSubreaper: isSet(args, 'no-subreaper'),
  });
}
