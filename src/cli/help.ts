// Help, rendered from the command table.

import { COMMANDS, type Command, type Flag, GLOBAL_FLAGS } from './commands.ts';

function flagLine(flag: Flag): string {
  const names = [`--${flag.name}`, ...(flag.alias === undefined ? [] : [`-${flag.alias}`])].join(', ');
  const value = flag.type === 'boolean' ? '' : ` ${flag.value ?? 'VALUE'}`;
  const fallback = flag.default === undefined ? '' : ` (default: ${flag.default})`;
  return `   ${`${names}${value}`.padEnd(28)} ${flag.description}${fallback}\n`;
}

const flagLines = (flags: readonly Flag[]): string =>
  flags
    .filter((flag) => flag.hidden !== true)
    .map(flagLine)
    .join('');

export function programHelp(): string {
  const commands = COMMANDS.map((command) => `   ${command.name.padEnd(12)} ${command.summary}\n`).join('');
  return (
    'NAME:\n   tsoci - an OCI container runtime\n\nUSAGE:\n   tsoci [global options] command [command options] [arguments...]\n\n' +
    `COMMANDS:\n${commands}\nGLOBAL OPTIONS:\n${flagLines(GLOBAL_FLAGS)}`
  );
}

export function commandHelp(command: Command): string {
  const options = command.flags.length === 0 ? '' : `\nOPTIONS:\n${flagLines(command.flags)}`;
  const usage =
    `tsoci ${command.name}${command.flags.length === 0 ? '' : ' [command options]'} ${command.usage}`.trimEnd();
  return `NAME:\n   tsoci ${command.name} - ${command.summary}\n\nUSAGE:\n   ${usage}\n${options}`;
}
