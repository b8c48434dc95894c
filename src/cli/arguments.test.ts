// Our parser beside yargs-parser, over the command table: where both accept a command line they agree on it.

import { expect } from 'chai';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import yargsParser from 'yargs-parser';
import { type Arguments, isSet, list, parseArguments, text } from './arguments.ts';
import { COMMANDS, type Command, type Flag, GLOBAL_FLAGS } from './commands.ts';

const named = (flags: readonly Flag[], type: Flag['type']): string[] =>
  flags.filter((flag) => flag.type === type).map((flag) => flag.name);

/** yargs-parser with runc's rules. */
function parseWithYargs(args: readonly string[], { flags, stopEarly }: Pick<Command, 'flags' | 'stopEarly'>) {
  return yargsParser([...args], {
    boolean: named(flags, 'boolean'),
    string: [...named(flags, 'string'), ...named(flags, 'integer')],
    array: [...named(flags, 'strings'), ...named(flags, 'integers')],
    alias: Object.fromEntries(flags.flatMap((flag) => (flag.alias === undefined ? [] : [[flag.name, [flag.alias]]]))),
    configuration: {
      'boolean-negation': false,
      'camel-case-expansion': false,
      'dot-notation': false,
      'greedy-arrays': false,
      'halt-at-non-option': stopEarly === true,
      'parse-numbers': false,
      'parse-positional-numbers': false,
      'short-option-groups': false,
    },
  });
}

const word = fc.stringMatching(/^[a-z0-9/.]{1,6}$/);

/** A flag as people write it, with two dashes, or one for a single letter. */
function written(flag: Flag): fc.Arbitrary<string[]> {
  const names = [`--${flag.name}`, ...(flag.alias === undefined ? [] : [`-${flag.alias}`, `--${flag.alias}`])];
  const name = fc.constantFrom(...names);
  if (flag.type === 'boolean') {
    return fc.oneof(
      name.map((n) => [n]),
      fc.tuple(name, fc.boolean()).map(([n, value]) => [`${n}=${value}`]),
    );
  }
  const value = flag.type.startsWith('integer') ? fc.nat(99).map(String) : word;
  return fc.tuple(name, value, fc.boolean()).map(([n, v, joined]) => (joined ? [`${n}=${v}`] : [n, v]));
}

function commandLines(command: Command): fc.Arbitrary<string[]> {
  const flags = command.flags.map(written);
  const part =
    flags.length === 0
      ? word.map((w) => [w])
      : fc.oneof(
          word.map((w) => [w]),
          ...flags,
        );
  return fc.array(part, { maxLength: 6 }).map((parts) => parts.flat());
}

const parse = (args: readonly string[], flags: readonly Flag[]): Arguments =>
  parseArguments(args, { flags, maxArguments: Number.POSITIVE_INFINITY });

describe('parseArguments', () => {
  for (const command of COMMANDS) {
    it(`agrees with yargs-parser on ${command.name}`, () => {
      fc.assert(
        fc.property(commandLines(command), (args) => {
          const ours = parseArguments(args, command);
          const theirs = parseWithYargs(args, command);
          expect(ours.positional).to.deep.equal(theirs._.map(String));
          for (const flag of command.flags) {
            // Of a flag that is repeated yargs-parser gives all values; the last one wins.
            const all = theirs[flag.name] === undefined ? [] : [theirs[flag.name]].flat();
            const expected = all.at(-1);
            if (flag.type === 'boolean') expect(isSet(ours, flag.name), flag.name).to.equal(expected === true);
            else if (flag.type.endsWith('s')) expect(list(ours, flag.name), flag.name).to.deep.equal(all);
            else expect(text(ours, flag.name), flag.name).to.equal(expected);
          }
        }),
      );
    });
  }

  it('takes long flags with one dash, and the last of a flag that is repeated', () => {
    const args = parse(['-root', '/a', '--root=/b,c', '-debug'], GLOBAL_FLAGS);
    expect(text(args, 'root')).to.equal('/b,c');
    expect(isSet(args, 'debug')).to.equal(true);
  });

  it("refuses with runc's words", () => {
    expect(() => parse(['--nope'], GLOBAL_FLAGS)).to.throw('flag provided but not defined: -nope');
    expect(() => parse(['--root'], GLOBAL_FLAGS)).to.throw('flag needs an argument: -root');
    expect(() => parse(['--debug=x'], GLOBAL_FLAGS)).to.throw('invalid boolean value "x" for -debug');
    const create = COMMANDS.find((command) => command.name === 'create') as Command;
    expect(() => parse(['--preserve-fds', '1x'], create.flags)).to.throw('invalid value "1x" for flag -preserve-fds');
  });

  const commandOf = (name: string) => COMMANDS.find((command) => command.name === name) as Command;

  it('ends at --, and with the first argument where a verb wants that', () => {
    expect(parse(['--', '--debug'], GLOBAL_FLAGS).positional).to.deep.equal(['--debug']);
    expect(parseArguments(['id', 'ls', '--cwd'], commandOf('exec')).positional).to.deep.equal(['id', 'ls', '--cwd']);
  });

  it('takes an unknown flag for an argument where one may follow', () => {
    const words = parseArguments(['id', '-9', '--all'], commandOf('kill'));
    expect(words.positional).to.deep.equal(['id', '-9']);
    expect(isSet(words, 'all')).to.equal(true);
    expect(() => parseArguments(['-9', 'id'], commandOf('kill'))).to.throw('not defined: -9');
    expect(() => parseArguments(['id', '--forc'], commandOf('delete'))).to.throw('not defined: -forc');
  });
});
