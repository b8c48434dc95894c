import { enterBundle } from '../../runtime/bundle.ts';
import { type CreateOptions, closeInherited, createContainer } from '../../runtime/create.ts';
import { type Arguments, integer, isSet, text } from '../arguments.ts';
import { absolutePath, type Cli } from '../context.ts';

/** What `create` and `run` have in common; enters the bundle. */
export function createOptions(args: Arguments, cli: Cli, starter: CreateOptions['starter']): CreateOptions {
  const pidFile = absolutePath(text(args, 'pid-file'));
  const consoleSocket = absolutePath(text(args, 'console-socket'));
  return {
    root: cli.root,
    id: args.positional[0] as string,
    bundle: enterBundle(text(args, 'bundle')),
    pidFile,
    consoleSocket,
    noPivot: isSet(args, 'no-pivot'),
    noNewKeyring: isSet(args, 'no-new-keyring'),
    preserveFds: integer(args, 'preserve-fds'),
    rootless: cli.rootless,
    systemdCgroup: cli.systemdCgroup,
    starter,
    warn: cli.log.warn,
  };
}

export function create(args: Arguments, cli: Cli): number {
  closeInherited(integer(args, 'preserve-fds'));
  createContainer(createOptions(args, cli, 'later'));
  return 0;
}
