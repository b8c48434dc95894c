import { type ContainerEvent, statsOfContainer, streamEvents } from '../../runtime/events.ts';
import { type Arguments, isSet, text } from '../arguments.ts';
import type { Cli } from '../context.ts';
import { parseDuration } from '../duration.ts';
import { printJson } from '../json.ts';

export function events(args: Arguments, cli: Cli): number {
  const id = args.positional[0] as string;
  const interval = parseDuration(text(args, 'interval') ?? '5s', 'interval');
  const tell = (event: ContainerEvent): void => cli.out(`${printJson(event)}\n`);
  if (isSet(args, 'stats')) tell(statsOfContainer(cli.root, id));
  else streamEvents(cli.root, id, interval, tell);
  return 0;
}
