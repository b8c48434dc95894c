// `kill` and `delete`: which processes a signal reaches, and that a container can be got rid of whatever is left of it.

import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import type { Config } from '../harness/bundle.ts';
import { useCase } from '../harness/case.ts';
import { leftovers } from '../harness/leftovers.ts';
import { deviates } from '../harness/runtime.ts';
import { until } from '../harness/until.ts';

const NEEDS_ALL = 'version 1.1 kills the first process alone, but for --all';

describe('kill', () => {
  const c = useCase();

  const status = () => c.runtime.state(c.bundle.id).status;

  /** Without a pid namespace of its own, so that nothing but its cgroup knows which processes it has. */
  const shared = (config: Config): void => {
    config.linux.namespaces = config.linux.namespaces.filter(({ type }: { type: string }) => type !== 'pid');
  };

  const has = (file: string): boolean => existsSync(join(c.bundle.rootfs, 'tmp', file));

  const lines = (file: string): string => readFileSync(join(c.bundle.rootfs, 'tmp', file), 'utf8');

  const processes = (): string[] => leftovers(c.bundle, c.runtime).filter((left) => left.startsWith('process'));

  /** A first process with two children; on return all three are there. */
  function family(change: (config: Config) => void = () => {}): void {
    const script = 'sleep 100 & sleep 100 & : > /tmp/ready; wait; wait; exec sleep 100';
    expect(c.create(script, change)).to.include({ status: 0 });
    expect(c.verb('start')).to.include({ status: 0 });
    until(() => has('ready') && processes().length === 3, 'three processes');
  }

  /** The same, of which the first has ended. */
  function orphans(): void {
    family(shared);
    process.kill(c.runtime.state(c.bundle.id).pid, 'SIGKILL');
    until(() => status() === 'stopped', 'the end of the first process');
    expect(processes()).to.have.length(2);
  }

  for (const signal of ['TERM', 'INT', 'HUP']) {
    it(`ends a container that waits for its start, by ${signal}`, function () {
      deviates(this, 'crun', 'its first process is spared by all signals but KILL');
      expect(c.create('true')).to.include({ status: 0 });
      expect(c.verb('kill', signal)).to.include({ status: 0 });
      until(() => status() === 'stopped', 'the end');
      c.verb('delete');
    });
  }

  it('ends all processes without a pid namespace', function () {
    deviates(this, 'runc', NEEDS_ALL);
    deviates(this, 'crun', 'it needs --all for that');
    family(shared);
    expect(c.verb('kill', 'KILL')).to.include({ status: 0 });
    until(() => processes().length === 0, 'the end of all');
    c.verb('delete');
  });

  it('ends all processes without a pid namespace when the first is gone', function () {
    deviates(this, 'runc', NEEDS_ALL);
    deviates(this, 'crun', 'it needs --all for that');
    orphans();
    expect(c.verb('kill', 'KILL')).to.include({ status: 0 });
    until(() => processes().length === 0, 'the end of all');
    const late = c.verb('kill', 'KILL');
    expect(late.status).to.equal(1);
    expect(late.stderr).to.match(/container not running/);
    c.verb('delete');
  });

  it('ends them with --all too', () => {
    family(shared);
    expect(c.runtime.run(['kill', '--all', c.bundle.id, 'KILL'])).to.include({ status: 0 });
    until(() => processes().length === 0, 'the end of all');
    c.verb('delete');
  });

  it('reaches the first process alone by other signals', function () {
    deviates(this, 'crun', 'its delete leaves the others running');
    family(shared);
    expect(c.verb('kill', 'TERM')).to.include({ status: 0 });
    until(() => status() === 'stopped', 'the end of the first process');
    expect(processes()).to.have.length(2);
    c.verb('delete', '--force');
  });

  it('reaches each process by --all, and once', () => {
    const wait = ': > /tmp/ready-$0; while [ ! -e /tmp/end ]; do sleep 0.05; done';
    const trap = `trap 'echo got >> /tmp/got-$0' USR1; ${wait}`;
    writeFileSync(join(c.bundle.rootfs, 'trap'), trap);
    expect(c.create('sh /trap & sh -c "$(cat /trap)" child & exec sh -c "$(cat /trap)" first')).to.include({
      status: 0,
    });
    c.verb('start');
    until(() => has('ready-child') && has('ready-first'), 'the traps');
    expect(c.runtime.run(['kill', '--all', c.bundle.id, 'USR1'])).to.include({ status: 0 });
    until(() => has('got-child') && has('got-first'), 'the signal');
    writeFileSync(join(c.bundle.rootfs, 'tmp/end'), '');
    until(() => status() === 'stopped', 'the end');
    expect(lines('got-first')).to.equal('got\n');
    expect(lines('got-child')).to.equal('got\n');
    c.verb('delete');
  });

  it('is no error with --all when the container does not run', () => {
    c.create('true');
    c.verb('start');
    until(() => status() === 'stopped', 'the end of the container');
    expect(c.runtime.run(['kill', '--all', c.bundle.id, 'TERM'])).to.include({ status: 0 });
    c.verb('delete');
  });

  it('leaves a paused container paused, but for SIGKILL', function () {
    deviates(this, 'crun', 'with cgroup v1 a frozen process does not get its SIGKILL');
    family();
    if (c.verb('pause').status !== 0) this.skip();
    expect(c.verb('kill', 'TERM')).to.include({ status: 0 });
    expect(status()).to.equal('paused');
    expect(c.verb('kill', 'KILL')).to.include({ status: 0 });
    until(() => status() === 'stopped', 'the end of the container');
    c.verb('delete');
  });

  it('deletes what is left in a paused container without a pid namespace', function () {
    deviates(this, 'runc', 'version 1.1 leaves frozen processes, and fails');
    deviates(this, 'crun', 'it waits for frozen processes');
    family(shared);
    const { pid } = c.runtime.state(c.bundle.id);
    if (c.verb('pause').status !== 0) this.skip();
    process.kill(pid, 'SIGKILL');
    expect(c.verb('delete', '--force')).to.include({ status: 0, stderr: '' });
    expect(processes()).to.deep.equal([]);
  });

  it('deletes what is left when the first process has ended', function () {
    deviates(this, 'runc', 'version 1.1 kills them after it has tried to remove their cgroup');
    deviates(this, 'crun', 'it leaves them running');
    orphans();
    expect(c.verb('delete')).to.include({ status: 0, stderr: '' });
  });

  it('sends SIGTERM for an empty word', function () {
    deviates(this, 'crun', 'an empty word is no signal');
    c.create('trap "echo got > /tmp/got; exit" TERM; : > /tmp/ready; while :; do sleep 0.05; done');
    c.verb('start');
    until(() => has('ready'), 'the trap');
    expect(c.verb('kill', '')).to.include({ status: 0 });
    until(() => status() === 'stopped', 'the end of the container');
    expect(lines('got')).to.equal('got\n');
    c.verb('delete');
  });

  it('asks by signal 0 whether the container runs', function () {
    deviates(this, 'crun', 'signal 0 to an unknown container is no error');
    c.create('exec sleep 100');
    expect(c.verb('kill', '0')).to.include({ status: 0 });
    c.verb('delete', '--force');
    expect(c.verb('kill', '0').status).to.equal(1);
  });

  for (const word of ['FOO', 'SIGSIGTERM', 'SIG9', '9.0', '0x9', '1e0', ' 9', '-1', '65']) {
    it(`refuses the signal ${JSON.stringify(word)}`, function () {
      deviates(this, 'crun', 'it takes what begins with a number');
      c.create('exec sleep 100');
      const result = c.verb('kill', word);
      expect(result.status).to.equal(1);
      expect(result.stderr).to.match(/unknown signal|invalid argument/);
      expect(status()).to.equal('created');
      c.verb('delete', '--force');
    });
  }

  for (const [flags, code] of [
    [[], 1],
    [['--force'], 0],
  ] as const) {
    it(`removes a state folder without a state (delete ${flags.join(' ')})`, function () {
      deviates(this, 'crun', 'it leaves the folder');
      const folder = join(c.runtime.root, c.bundle.id);
      mkdirSync(folder, { recursive: true });
      const result = c.runtime.run(['delete', ...flags, c.bundle.id]);
      expect(result.status).to.equal(code);
      expect(result.stderr).to.match(code === 0 ? /^$/ : /container does not exist/);
      expect(existsSync(folder)).to.equal(false);
    });
  }

  it('refuses a wrong id, also with --force', function () {
    deviates(this, 'crun', 'it deletes the folder above its root, by the id ..');
    for (const id of ['..', 'a/b', '']) expect(c.runtime.run(['delete', '--force', id]).status, id).to.equal(1);
  });
});
