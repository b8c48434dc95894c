import { pauseContainer, resumeContainer } from '../../runtime/pause.ts';
import type { Arguments } from '../arguments.ts';
import type { Cli } from '../context.ts';

function warnRootless(cli: Cli, verb: string): void {
  if (cli.rootless) cli.log.warn(`${verb} may fail without full access to cgroups`);
}

export function pause(args: Arguments, cli: Cli): number {
  warnRootless(cli, 'pause');
  pauseContainer(cli.root, args.positional[0] as string);
  return 0;
}

export function resume(args: Arguments, cli: Cli): number {
  warnRootless(cli, 'resume');
  resumeContainer(cli.root, args.positional[0] as string);
  return 0;
}
