// The exit codes: of verbs 0 and 1, of `exec` 255 for what is not the program's, in the foreground the program's own.

import { expect } from 'chai';
import { describe, it } from 'mocha';
import { useCase } from '../harness/case.ts';
import { deviates } from '../harness/runtime.ts';
import { until } from '../harness/until.ts';

describe('exit codes', () => {
  const c = useCase();
  const run = (...args: string[]) => c.runtime.run(args);

  for (const code of [0, 1, 3, 125, 126, 127, 128, 137, 255]) {
    it(`run: the program's ${code}`, () => {
      expect(c.run(`exit ${code}`).status).to.equal(code);
    });
  }

  for (const signal of [1, 2, 6, 9, 11, 15]) {
    it(`run: 128 and signal ${signal}`, () => {
      // The first process of a pid namespace gets no signal from inside that it has no handler for: only from outside.
      const result = c.run('kill -$SIGNAL $$; exit 99', (config) => {
        config.process.env.push(`SIGNAL=${signal}`);
        config.process.capabilities = {};
        config.process.rlimits = [{ type: 'RLIMIT_CORE', soft: 0, hard: 0 }];
        config.linux.namespaces = config.linux.namespaces.filter(({ type }: { type: string }) => type !== 'pid');
      });
      expect(result.status).to.equal(128 + signal);
    });
  }

  it('0 for what succeeds, with nothing said', () => {
    const { id } = c.bundle;
    expect(c.create('exec sleep 100')).to.deep.equal({ status: 0, stdout: '', stderr: '' });
    for (const args of [
      ['start', id],
      ['kill', id, '0'],
      ['update', '--pids-limit', '90', id],
      ['delete', '-f', id],
    ]) {
      expect(run(...args), args.join(' ')).to.deep.equal({ status: 0, stdout: '', stderr: '' });
    }
  });

  it('1 for what fails, 0 for what --force and --all excuse', function () {
    deviates(this, 'crun', 'kill of a container that has ended is no error');
    const { id } = c.bundle;
    for (const verb of ['state', 'start', 'kill', 'delete', 'pause', 'resume', 'ps', 'events', 'update']) {
      expect(run(verb, 'nosuch').status, verb).to.equal(1);
    }
    expect(run('delete', '--force', 'nosuch')).to.deep.equal({ status: 0, stdout: '', stderr: '' });
    expect(c.create('true').status).to.equal(0);
    c.verb('start');
    until(() => c.runtime.state(id).status === 'stopped', 'the end');
    expect(run('kill', id, '9').status).to.equal(1);
    expect(run('kill', '--all', id, '9')).to.deep.equal({ status: 0, stdout: '', stderr: '' });
    expect(run('kill', '-a', id, 'KILL').status).to.equal(0);
    expect(run('delete', id).status).to.equal(0);
  });

  it('255 for an exec that fails, 1 where its arguments are wrong', function () {
    deviates(this, 'crun', 'its exit code is 1');
    expect(run('exec', 'nosuch', 'true').status).to.equal(255);
    expect(run('exec').status).to.equal(1);
    expect(run('exec', '--nosuch', 'x', 'true').status).to.equal(1);
    expect(c.create('exec sleep 100').status).to.equal(0);
    for (const args of [['nosuch'], ['/nosuch'], ['/etc/passwd'], []]) {
      expect(run('exec', c.bundle.id, ...args).status, args.join(' ')).to.equal(255);
    }
    expect(run('exec', '--cwd', '/nosuch', c.bundle.id, 'true').status).to.equal(255);
    expect(run('exec', '--process', '/nosuch', c.bundle.id).status).to.equal(255);
    c.verb('delete', '--force');
  });

  it('of a detached run and exec: whether the program was started', function () {
    deviates(this, 'crun', 'its exit code for exec is 1');
    const { id, dir } = c.bundle;
    expect(c.create('exec sleep 100').status).to.equal(0); // writes the configuration
    c.verb('delete', '--force');
    const detached = c.runtime.run(['run', '--detach', '--bundle', dir, id], { detached: true });
    expect(detached).to.include({ status: 0 });
    for (const [program, status] of [
      ['false', 0],
      ['nosuch', 255],
    ] as const) {
      expect(c.runtime.run(['exec', '--detach', id, program], { detached: true }).status).to.equal(status);
    }
    c.verb('delete', '--force');
  });
});
