import { TsociError } from '../../errors.ts';
import { loadBundle } from '../../runtime/bundle.ts';
import { execInContainer, recordToEnter } from '../../runtime/exec.ts';
import { closeInherited } from '../../runtime/inherited.ts';
import { parseProcess, validProcess } from '../../spec/process.ts';
import type { LinuxCapabilities, Process, User } from '../../spec/types.ts';
import { type Arguments, integer, isSet, list, text } from '../arguments.ts';
import { absolutePath, type Cli, readDocument } from '../context.ts';

/** CVE-2026-30892: the whole text, as a number that fits; nothing is narrowed. */
function idOf(text: string): number {
  const id = /^[0-9]+$/.test(text) ? Number(text) : Number.NaN;
  if (id <= 0xfffffffe) return id;
  throw new TsociError('ERR_USAGE', `"${text}" is no user or group: expected an integer from 0 to 4294967294`);
}

/** The container's own user, changed by `--user UID[:GID]` and `--additional-gids`. */
function userOf(args: Arguments, user: User = { uid: 0, gid: 0 }): User {
  const given = text(args, 'user') ?? '';
  const colon = given.indexOf(':');
  const uid = colon < 0 ? given : given.slice(0, colon);
  return {
    ...user,
    ...(uid === '' ? {} : { uid: idOf(uid) }),
    ...(colon < 0 ? {} : { gid: idOf(given.slice(colon + 1)) }),
    additionalGids: [...(user.additionalGids ?? []), ...list(args, 'additional-gids').map(idOf)],
  };
}

/** CVE-2022-29162: nothing is inheritable that the configuration has not made so, and ambient only with that. */
function capabilitiesOf(args: Arguments, sets: LinuxCapabilities = {}): LinuxCapabilities {
  const more = list(args, 'cap');
  if (more.length === 0) return sets;
  const withMore = (names: readonly string[] = []) => [...names, ...more];
  return {
    ...sets,
    bounding: withMore(sets.bounding),
    effective: withMore(sets.effective),
    permitted: withMore(sets.permitted),
    ...((sets.inheritable ?? []).length > 0 ? { ambient: withMore(sets.ambient) } : {}),
  };
}

/** COMPAT: the process of the bundle's configuration, with what the flags say. */
function processByFlags(args: Arguments, bundle: string): Process {
  const words = args.positional.slice(1);
  if (words.length === 0) throw new TsociError('ERR_USAGE', 'exec args cannot be empty');
  const process = loadBundle(bundle).spec.process;
  if (process === undefined) throw new TsociError('ERR_USAGE', 'process property must not be empty');
  const { terminal: _terminal, consoleSize: _size, ...base } = process;
  const given = (name: string) => text(args, name) ?? '';
  return validProcess({
    ...base,
    terminal: isSet(args, 'tty'),
    args: words,
    env: [...(process.env ?? []), ...list(args, 'env')],
    user: userOf(args, process.user),
    capabilities: capabilitiesOf(args, process.capabilities),
    ...(given('cwd') === '' ? {} : { cwd: given('cwd') }),
    ...(given('apparmor') === '' ? {} : { apparmorProfile: given('apparmor') }),
    ...(given('process-label') === '' ? {} : { selinuxLabel: given('process-label') }),
    ...(text(args, 'no-new-privs') === undefined ? {} : { noNewPrivileges: isSet(args, 'no-new-privs') }),
  });
}

export function exec(args: Arguments, cli: Cli): number {
  const id = args.positional[0] as string;
  const file = text(args, 'process') ?? '';
  const options = {
    root: cli.root,
    id,
    pidFile: absolutePath(text(args, 'pid-file')),
    consoleSocket: absolutePath(text(args, 'console-socket')),
    pidfdSocket: absolutePath(text(args, 'pidfd-socket')),
    detach: isSet(args, 'detach'),
    preserveFds: integer(args, 'preserve-fds'),
    cgroups: list(args, 'cgroup'),
    ignorePaused: isSet(args, 'ignore-paused'),
    rootless: cli.rootless,
    warn: cli.log.warn,
    debug: cli.log.debug,
  };
  const record = recordToEnter(options);
  const process = file === '' ? processByFlags(args, record.bundle) : parseProcess(readDocument(file));
  // ORDER: the document may have come by a descriptor.
  closeInherited(options.preserveFds);
  return execInContainer(record, process, options);
}
