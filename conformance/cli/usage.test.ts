// How a command line is read: verbs, flags, numbers of arguments; help and the version.

import { expect } from 'chai';
import { describe, it } from 'mocha';
import { useCase } from '../harness/case.ts';
import { program, readText } from '../harness/log.ts';
import { deviates, isTsoci } from '../harness/runtime.ts';
import { until } from '../harness/until.ts';

const VERBS = [
  ...['create', 'delete', 'events', 'exec', 'features', 'kill', 'list', 'pause'],
  ...['ps', 'resume', 'run', 'spec', 'start', 'state', 'update'],
];
const WORDS = 'its words are others';

describe('usage', () => {
  const c = useCase();
  const run = (...args: string[]) => c.runtime.run(args);

  it('tells its version in lines that dockerd reads, and nothing beside', () => {
    for (const flag of ['--version', '-v', '-version']) {
      const { status, stdout, stderr } = run(flag);
      expect({ status, stderr }, flag).to.deep.equal({ status: 0, stderr: '' });
      expect(stdout, flag).to.match(/^\w+ version \S+\n/);
      expect(stdout, flag).to.match(/^commit: \S+$/m);
      expect(stdout, flag).to.match(/^spec: 1\.\d+\.\d+/m);
    }
  });

  it('helps, and exits with 0', function () {
    deviates(this, 'crun', WORDS);
    const asked = VERBS.flatMap((verb) => [
      [verb, '--help'],
      [verb, '-h'],
      ['help', verb],
    ]);
    for (const args of [[], ['--help'], ['-h'], ['help'], ['h'], ...asked]) {
      const { status, stdout, stderr } = run(...args);
      expect({ status, stderr }, args.join(' ')).to.deep.equal({ status: 0, stderr: '' });
      expect(stdout, args.join(' ')).to.include('USAGE:');
    }
  });

  it('helps, or tells its version, whatever follows', function () {
    deviates(this, 'crun', WORDS);
    for (const args of [
      ['--help', 'frob'],
      ['-h', 'kill', 'x'],
      ['-v', '-h'],
      ['--log-format', 'x', '-h', 'run'],
      ['help', '-h'],
    ]) {
      const { status, stdout, stderr } = run(...args);
      expect({ status, stderr }, args.join(' ')).to.deep.equal({ status: 0, stderr: '' });
      expect(stdout, args.join(' ')).to.include('USAGE:');
    }
    expect(run('--version', 'frob')).to.include({ status: 0, stderr: '' });
  });

  it('names every verb in its help, and every flag in the help of the verb', function () {
    deviates(this, 'crun', WORDS);
    const help = run('--help').stdout;
    for (const verb of VERBS) expect(help).to.match(new RegExp(`^ +${verb}\\b`, 'm'));
    for (const flag of ['debug', 'log', 'log-format', 'root', 'systemd-cgroup', 'rootless']) {
      expect(help).to.match(new RegExp(`--${flag}\\b`));
    }
    const flags = {
      create: 'bundle console-socket pid-file no-pivot no-new-keyring preserve-fds',
      run: 'bundle console-socket pid-file no-pivot no-new-keyring preserve-fds detach keep no-subreaper',
      exec: `console-socket cwd env tty user additional-gids process detach pid-file process-label apparmor
        no-new-privs cap preserve-fds cgroup ignore-paused`,
      delete: 'force',
      events: 'interval stats',
      list: 'format quiet',
      ps: 'format',
      spec: 'bundle rootless',
      update: `resources blkio-weight cpu-period cpu-quota cpu-share cpu-rt-period cpu-rt-runtime cpuset-cpus
        cpuset-mems memory memory-reservation memory-swap pids-limit l3-cache-schema mem-bw-schema`,
    };
    for (const [verb, names] of Object.entries(flags)) {
      const text = run(verb, '--help').stdout;
      for (const name of names.split(/\s+/)) expect(text, verb).to.match(new RegExp(`--${name}\\b`));
    }
  });

  it('refuses a verb that it does not know, by exit code 3', function () {
    deviates(this, 'crun', WORDS);
    for (const args of [['frob'], ['frob', '--help'], ['help', 'frob']]) {
      const { status, stderr } = run(...args);
      expect(status, args.join(' ')).to.equal(3);
      expect(readText(stderr).map(({ msg }) => msg.trim())).to.deep.equal(["No help topic for 'frob'"]);
    }
  });

  it('tells how many arguments a verb takes, with its help', function () {
    deviates(this, 'crun', WORDS);
    const counts: [string[], string][] = [
      [['create'], 'exactly 1'],
      [['create', 'a', 'b'], 'exactly 1'],
      [['run'], 'exactly 1'],
      [['start'], 'exactly 1'],
      [['state', 'a', 'b'], 'exactly 1'],
      [['delete'], 'exactly 1'],
      [['events'], 'exactly 1'],
      [['pause'], 'exactly 1'],
      [['resume'], 'exactly 1'],
      [['update'], 'exactly 1'],
      [['kill'], 'a minimum of 1'],
      [['kill', 'a', '9', 'c'], 'a maximum of 2'],
      [['exec'], 'a minimum of 1'],
      [['ps'], 'a minimum of 1'],
      [['list', 'a'], 'exactly 0'],
      [['spec', 'a'], 'exactly 0'],
      [['features', 'a'], 'exactly 0'],
    ];
    for (const [args, rule] of counts) {
      const { status, stdout, stderr } = run(...args);
      expect(status, args.join(' ')).to.equal(1);
      expect(stdout, args.join(' '))
        .to.match(/^Incorrect Usage/)
        .and.include('USAGE:');
      const [entry, ...others] = readText(stderr);
      expect(others).to.deep.equal([]);
      expect(entry?.msg).to.equal(`${program}: "${args[0]}" requires ${rule} argument(s)`);
    }
  });

  it('tells what is wrong with a flag, with the help', function () {
    deviates(this, 'crun', WORDS);
    const faults: [string[], RegExp][] = [
      [['create', '--nosuch', 'x'], /^flag provided but not defined: -nosuch$/],
      [['--nosuch', 'list'], /^flag provided but not defined: -nosuch$/],
      [['create', '--bundle'], /^flag needs an argument: -+bundle$/],
      [['--root'], /^flag needs an argument: -+root$/],
      [['create', '-b'], /^flag needs an argument: -+b$/],
      [['delete', '-f=x', 'y'], /^invalid boolean value "x" for -f: parse error$/],
      [['create', '--preserve-fds', 'x', 'y'], /^invalid value "x" for flag -preserve-fds: parse error$/],
      [['events', '--interval', 'abc', 'x'], /^invalid value "abc" for flag -interval: parse error$/],
    ];
    for (const [args, words] of faults) {
      const { status, stdout, stderr } = run(...args);
      expect(status, args.join(' ')).to.equal(1);
      const [entry, ...others] = readText(stderr);
      expect(others).to.deep.equal([]);
      expect(entry?.msg).to.match(words);
      // What takes a value as a word and reads it later prints no help.
      if (args[0] !== 'events') expect(stdout).to.match(/^Incorrect Usage[.:] flag|^Incorrect Usage[.:] invalid/);
    }
  });

  it('takes flags with one dash and with two, with = and without, after the id too, the last of several', function () {
    deviates(this, 'crun', 'it reads flags by GNU rules');
    expect(c.create('sleep 100')).to.include({ status: 0 });
    const { id } = c.bundle;
    for (const args of [
      ['list', '-quiet'],
      ['list', '--quiet=true'],
      ['list', '-q', '--format', 'json'],
    ]) {
      expect(run(...args).stdout, args.join(' ')).to.equal(`${id}\n`);
    }
    expect(run('list', '--format=json', '-format', 'table').stdout).to.match(/^ID /);
    expect(run('list', '-f', 'table', '--quiet=false', '-f=json').stdout).to.match(/^\[/);
    expect(run('--rootless=0', 'list', '--quiet=T', '--format', 'unread').stdout).to.equal(`${id}\n`);
    expect(run('delete', id, '--force')).to.deep.equal({ status: 0, stdout: '', stderr: '' });
  });

  it('takes the flag of kill before, between and after the id and the signal', function () {
    deviates(this, 'crun', 'it reads flags by GNU rules');
    const { id } = c.bundle;
    const lines = [
      ['--all', id, 'KILL'],
      [id, 'KILL', '--all'],
      [id, 'KILL', '-a'],
      ...(isTsoci ? [[id, '--all', 'KILL']] : []), // runc takes "KILL" for the id
    ];
    for (const words of lines) {
      expect(c.create('sleep 100')).to.include({ status: 0 });
      expect(run('kill', ...words), words.join(' ')).to.deep.equal({ status: 0, stdout: '', stderr: '' });
      until(() => c.runtime.state(id).status === 'stopped', 'the end');
      c.verb('delete', '--force');
    }
  });

  it('leaves what follows the id of exec and ps to the program and to ps(1)', function () {
    deviates(this, 'crun', 'its ps is another');
    expect(c.create('sleep 100')).to.include({ status: 0 });
    const { id } = c.bundle;
    expect(run('exec', id, '/bin/echo', '--tty', '-e', 'x').stdout).to.equal('--tty -e x\n');
    expect(run('ps', id, '-o', 'pid').stdout).to.match(/^ *PID\n *\d+\n$/);
    c.verb('delete', '--force');
  });

  it('separates nothing at a comma', function () {
    deviates(this, 'crun', 'it takes the environment of the configuration away');
    expect(c.create('sleep 100')).to.include({ status: 0 });
    const { stdout } = run('exec', '-e', 'A=1,B=2', '-e', 'C=3', c.bundle.id, '/bin/sh', '-c', 'echo $A/$B/$C');
    expect(stdout).to.equal('1,B=2//3\n');
    c.verb('delete', '--force');
  });

  it('accepts what older callers send along: --criu', function () {
    deviates(this, 'crun', 'it has no such flag');
    expect(run('--criu', '/usr/sbin/criu', 'list', '-q')).to.deep.equal({ status: 0, stdout: '', stderr: '' });
  });
});
