import { enterBundle } from '../../runtime/bundle.ts';
import { type CreateOptions, createContainer } from '../../runtime/create.ts';
import { takeInherited } from '../../runtime/inherited.ts';
import { type Arguments, integer, isSet, text } from '../arguments.ts';
import { absolutePath, type Cli, notifySocket } from '../context.ts';

/** What `create` and `run` have in common; enters the bundle. */
export function createOptions(args: Arguments, cli: Cli, starter: CreateOptions['starter']): CreateOptions {
  // ORDER: before anything of ours is open.
  const inherited = takeInherited(integer(args, 'preserve-fds'));
  const pidFile = absolutePath(text(args, 'pid-file'));
  const consoleSocket = absolutePath(text(args, 'console-socket'));
  const pidfdSocket = absolutePath(text(args, 'pidfd-socket'));
  return {
    root: cli.root,
    id: args.positional[0] as string,
    bundle: enterBundle(text(args, 'bundle')),
    pidFile,
    consoleSocket,
    pidfdSocket,
    notifySocket: notifySocket(),
    noPivot: isSet(args, 'no-pivot'),
    noNewKeyring: isSet(args, 'no-new-keyring'),
    inherited,
    rootless: cli.rootless,
    systemdCgroup: cli.systemdCgroup,
    starter,
    warn: cli.log.warn,
    debug: cli.log.debug,
  };
}

export function create(args: Arguments, cli: Cli): number {
  createContainer(createOptions(args, cli, 'later'));
  return 0;
}
