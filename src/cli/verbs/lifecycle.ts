// start, state, kill, delete: one operation of runtime.md each.

import { deleteContainer } from '../../runtime/delete.ts';
import { killContainer, parseSignal } from '../../runtime/kill.ts';
import { viewContainer } from '../../runtime/list.ts';
import { startContainer } from '../../runtime/start.ts';
import { type Arguments, isSet } from '../arguments.ts';
import { type Cli, notifySocket } from '../context.ts';
import { printJson } from '../json.ts';

const idOf = (args: Arguments): string => args.positional[0] as string;

export function start(args: Arguments, cli: Cli): number {
  const { warn, debug } = cli.log;
  startContainer({ root: cli.root, id: idOf(args), notifySocket: notifySocket(), warn, debug });
  return 0;
}

export function state(args: Arguments, cli: Cli): number {
  // COMPAT: as runc, the owner's name is for `list` alone, and no newline ends the document.
  cli.out(printJson({ ...viewContainer(cli.root, idOf(args)), owner: '' }, 2));
  return 0;
}

export function kill(args: Arguments, cli: Cli): number {
  const word = args.positional[1] ?? '';
  const signal = parseSignal(word === '' ? 'SIGTERM' : word); // COMPAT: an empty word is none
  killContainer({ root: cli.root, id: idOf(args), signal, all: isSet(args, 'all') });
  return 0;
}

export function remove(args: Arguments, cli: Cli): number {
  deleteContainer({ root: cli.root, id: idOf(args), force: isSet(args, 'force'), warn: cli.log.warn });
  return 0;
}
