// argv → command → exit code.

import { TsociError } from '../errors.ts';
import * as sys from '../linux/sys/index.ts';
import { OCI_VERSION } from '../spec/versions.ts';
import { type Arguments, isSet, isWord, parseArguments, text } from './arguments.ts';
import { COMMANDS, type Command, GLOBAL_FLAGS } from './commands.ts';
import { type Cli, rootlessCgroups, rootOf, type Verb } from './context.ts';
import { commandHelp, programHelp } from './help.ts';
import { checkLog, type Logger, type LogOptions, openLog } from './log.ts';
import { create } from './verbs/create.ts';
import { events } from './verbs/events.ts';
import { exec } from './verbs/exec.ts';
import { features } from './verbs/features.ts';
import { kill, remove, start, state } from './verbs/lifecycle.ts';
import { list } from './verbs/list.ts';
import { pause, resume } from './verbs/pause.ts';
import { plan } from './verbs/plan.ts';
import { ps } from './verbs/ps.ts';
import { run } from './verbs/run.ts';
import { spec } from './verbs/spec.ts';
import { update } from './verbs/update.ts';

declare const __VERSION__: string;
declare const __COMMIT__: string;

const VERBS: Readonly<Record<string, Verb>> = {
  create,
  delete: remove,
  events,
  exec,
  features,
  kill,
  list,
  pause,
  plan,
  ps,
  resume,
  run,
  spec,
  start,
  state,
  update,
};

const write = (fd: number, words: string): void => sys.writeAll(fd, sys.door().encode(words));

const out = (words: string): void => write(1, words);

const versionText = (): string => `tsoci version ${__VERSION__}\ncommit: ${__COMMIT__}\nspec: ${OCI_VERSION}\n`;

const logOptions = (global: Arguments | undefined): LogOptions => ({
  file: global === undefined ? undefined : text(global, 'log'),
  format: global === undefined ? 'text' : (text(global, 'log-format') ?? 'text'),
  debug: global !== undefined && isSet(global, 'debug'),
});

const logOf = (global: Arguments | undefined): Logger => openLog(logOptions(global));

/** What a failure of the verb is told with. */
function prefixOf(name: string, error: TsociError): string {
  if (name !== 'create' && name !== 'run' && name !== 'exec') return '';
  const inside = error.code === 'ERR_STEP' || error.code === 'ERR_EXEC' || error.code === 'ERR_HOOK';
  const verb = name === 'exec' ? 'exec' : `tsoci ${name}`;
  return `${verb} failed: ${inside ? 'unable to start container process: ' : ''}`;
}

function tell(name: string, error: TsociError, global: Arguments | undefined): number {
  const log = logOf(global);
  const messages = error.faults.length > 0 ? error.faults : [error.message];
  const hint = error.hint === undefined ? '' : ` (${error.hint})`;
  for (const message of messages) log.error(`${prefixOf(name, error)}${message}${hint}`);
  // COMPAT: a status that the program in the container seldom has.
  return name === 'exec' ? 255 : 1;
}

interface Begun {
  /** The verb that is at work; none while arguments are parsed: what is wrong with those is told without its prefix. */
  verb: string;
  /** The global flags, once it is known that there is a log to be had by them. */
  global: Arguments | undefined;
}

const COUNTS = (command: Command, count: number): string | undefined => {
  const { minArguments: min, maxArguments: max } = command;
  if (count >= min && count <= max) return undefined;
  const rule = min === max ? `exactly ${min}` : count < min ? `a minimum of ${min}` : `a maximum of ${max}`;
  return `tsoci: "${command.name}" requires ${rule} argument(s)`;
};

/** What was asked of a command; undefined when help was. Throws ERR_USAGE, with the command's help printed. */
function parseCommand(command: Command, rest: readonly string[]): Arguments | undefined {
  try {
    const args = parseArguments(rest, { ...command, flags: [...command.flags, HELP] });
    if (isSet(args, 'help')) return undefined;
    const fault = COUNTS(command, args.positional.length);
    if (fault !== undefined) throw new TsociError('ERR_USAGE', fault);
    return args;
  } catch (error) {
    if (error instanceof TsociError) out(`Incorrect Usage: ${error.message}\n\n${commandHelp(command)}`);
    throw error;
  }
}

function runCommand(command: Command, rest: readonly string[], global: Arguments, begun: Begun): number {
  const args = parseCommand(command, rest);
  if (args === undefined) return help(command.name, global);
  const cli: Cli = {
    root: rootOf(global),
    rootless: rootlessCgroups(global),
    systemdCgroup: isSet(global, 'systemd-cgroup'),
    log: logOf(global),
    out,
    err: (words) => write(2, words),
  };
  begun.verb = command.name;
  const status = (VERBS[command.name] as Verb)(args, cli);
  cli.log.debug?.(`${command.name}: exit status ${status}`);
  return status;
}

const HELP = GLOBAL_FLAGS.find((flag) => flag.name === 'help') as (typeof GLOBAL_FLAGS)[number];

function parseGlobal(argv: readonly string[]): Arguments {
  try {
    return parseArguments(argv, { flags: GLOBAL_FLAGS, maxArguments: Number.POSITIVE_INFINITY, stopEarly: true });
  } catch (error) {
    if (error instanceof TsociError) out(`Incorrect Usage. ${error.message}\n\n${programHelp()}`);
    throw error;
  }
}

function dispatch(global: Arguments, begun: Begun): number {
  const [name, ...rest] = global.positional;
  // COMPAT: the flags go before all else, as runc has it: what follows is not looked at.
  if (isSet(global, 'help')) return help(undefined, global);
  if (isSet(global, 'version')) {
    out(versionText());
    return 0;
  }
  checkLog(logOptions(global));
  begun.global = global;
  if (name === undefined) return help(undefined, global);
  if (name === 'help' || name === 'h') return help(rest.find(isWord), global);
  const command = COMMANDS.find((candidate) => candidate.name === name);
  return command === undefined ? unknown(name, global) : runCommand(command, rest, global, begun);
}

function help(name: string | undefined, global: Arguments): number {
  const command = COMMANDS.find((candidate) => candidate.name === name);
  if (name !== undefined && command === undefined) return unknown(name, global);
  out(command === undefined ? programHelp() : commandHelp(command));
  return 0;
}

/** COMPAT: runc's words and its exit code for a verb that it does not know. */
function unknown(name: string, global: Arguments): number {
  logOf(global).error(`No help topic for '${name}'`);
  return 3;
}

/** Runs the command line `argv` (without the program's name) and returns the exit code. Internal errors are thrown. */
export function main(argv: readonly string[]): number {
  const begun: Begun = { verb: '', global: undefined };
  try {
    return dispatch(parseGlobal(argv), begun);
  } catch (error) {
    if (!(error instanceof TsociError)) throw error;
    return tell(begun.verb, error, begun.global);
  }
}
