// The manual page dist/tsoci.8, rendered from the command table.

import { writeFileSync } from 'node:fs';
import { COMMANDS, type Command, type Flag, GLOBAL_FLAGS } from '../src/cli/commands.ts';

/** roff(7): a backslash, a hyphen that is to be copied as one, and a line that begins like a request. */
const escaped = (text: string): string =>
  text
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replace(/^([.'])/gm, '\\&$1');

function flagText(flag: Flag): string {
  const value = flag.type === 'boolean' ? '' : ` \\fI${flag.value ?? 'VALUE'}\\fR`;
  const names = [`--${flag.name}`, ...(flag.alias === undefined ? [] : [`-${flag.alias}`])];
  const fallback = flag.default === undefined ? '' : ` (default: ${flag.default})`;
  return `.TP\n${names.map((name) => `\\fB${escaped(name)}\\fR`).join(', ')}${value}\n${escaped(`${flag.description}${fallback}`)}.\n`;
}

const flagTexts = (flags: readonly Flag[]): string =>
  flags
    .filter((flag) => flag.hidden !== true)
    .map(flagText)
    .join('');

function commandText({ name, summary, usage, flags }: Command): string {
  const options = flags.length === 0 ? '' : ' [\\fIoptions\\fR]';
  return `.SS \\fBtsoci ${name}\\fR${options} ${escaped(usage)}\n${escaped(summary)}.\n${flagTexts(flags)}`;
}

export function manPage(): string {
  return `.\\" Rendered by scripts/man.ts from the command table.
.TH TSOCI 8 "" "tsoci" "System Administration"
.SH NAME
tsoci \\- an OCI container runtime
.SH SYNOPSIS
.B tsoci
[\\fIglobal options\\fR] \\fIcommand\\fR [\\fIoptions\\fR] [\\fIarguments\\fR]
.SH DESCRIPTION
.B tsoci
makes and drives containers as the Open Container Initiative's runtime specification describes them.
A container is made of a \\fIbundle\\fR: a folder with the file \\fIconfig.json\\fR and a root file system.
Container engines call it in the place of
.BR runc (8):
commands, options, exit codes and output are the same.
.PP
Options may be written with one dash or two, and their values behind a space or an equals sign. Of an option that is given twice
the last one counts, but for those that may be repeated.
.SH GLOBAL OPTIONS
${flagTexts(GLOBAL_FLAGS)}.SH COMMANDS
${COMMANDS.map(commandText).join('')}.SH EXIT STATUS
.TP
.B 0
Success.
.TP
.B 1
A failure; the last line of the log, or of standard error, says of what.
.TP
.B 3
There is no such command.
.TP
.B 255
\\fBexec\\fR has failed before the program ran.
.PP
\\fBrun\\fR and \\fBexec\\fR in the foreground exit with the program's status, or with 128 and the number of the signal that ended it.
.SH FILES
.TP
.I /run/tsoci/ID/state.json
What is kept of a container. Without privileges: below \\fI$XDG_RUNTIME_DIR/tsoci\\fR.
.SH ENVIRONMENT
.TP
.B XDG_RUNTIME_DIR
Where the state lies without privileges.
.TP
.B PATH
Where
.BR ps (1)
is looked for.
.SH SEE ALSO
.BR runc (8),
.BR crun (1),
.BR cgroups (7),
.BR namespaces (7),
.BR capabilities (7),
.BR seccomp (2)
`;
}

if (process.argv[1]?.endsWith('man.ts')) writeFileSync('dist/tsoci.8', manPage());
