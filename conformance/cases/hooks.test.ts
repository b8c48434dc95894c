// config.md#posix-platform-hooks: the six kinds, their order, what they are given, and what their failure means.

import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import type { Config } from '../harness/bundle.ts';
import { useCase } from '../harness/case.ts';
import { deviates } from '../harness/runtime.ts';

const HOST_KINDS = ['prestart', 'createRuntime', 'createContainer', 'poststart', 'poststop'] as const;

describe('hooks', () => {
  const c = useCase();
  const file = (name: string) => join(c.bundle.dir, name);
  const hook = (script: string, more: Config = {}) => ({ path: '/bin/sh', args: ['sh', '-c', script], ...more });
  const read = (name: string) => readFileSync(file(name), 'utf8');

  it('run in the order of the lifecycle, the container program between them', () => {
    const result = c.run('echo program >> /order', (config) => {
      const note = (kind: string) => [hook(`cat >/dev/null; echo ${kind} >> ${c.bundle.rootfs}/order`)];
      config.hooks = Object.fromEntries(HOST_KINDS.map((kind) => [kind, note(kind)]));
      config.hooks.startContainer = [hook('cat >/dev/null; echo startContainer >> /order')];
    });
    expect(result).to.include({ status: 0 });
    const order = readFileSync(join(c.bundle.rootfs, 'order'), 'utf8').trim().split('\n');
    // The program and poststart run at the same time.
    expect(order.filter((kind) => kind !== 'poststart')).to.deep.equal([
      ...['prestart', 'createRuntime', 'createContainer', 'startContainer', 'program', 'poststop'],
    ]);
    expect(order).to.include('poststart');
  });

  it('read the state on their standard input', () => {
    const result = c.run('true', (config) => {
      config.hooks = Object.fromEntries(HOST_KINDS.map((kind) => [kind, [hook(`cat > ${file(kind)}`)]]));
      config.annotations = { key: 'value' };
    });
    expect(result).to.include({ status: 0 });
    for (const kind of HOST_KINDS) {
      const state = JSON.parse(read(kind));
      expect(state, kind).to.include({ id: c.bundle.id, bundle: c.bundle.dir });
      expect(state.annotations, kind).to.include({ key: 'value' });
    }
    expect(JSON.parse(read('createRuntime')).pid).to.be.greaterThan(1);
    expect(JSON.parse(read('poststop')).status).to.equal('stopped');
  });

  it('get exactly their args and env', () => {
    c.run('true', (config) => {
      config.hooks = {
        createRuntime: [{ path: '/bin/sh', args: ['name', '-c', `env > ${file('env')}; echo $0 > ${file('zero')}`] }],
      };
      config.hooks.createRuntime[0].env = ['A=1', 'B=two words'];
    });
    const env = read('env').split('\n');
    expect(env).to.include.members(['A=1', 'B=two words']);
    expect(env.filter((line) => line.startsWith('HOME='))).to.deep.equal([]);
    expect(read('zero')).to.equal('name\n');
  });

  for (const kind of ['prestart', 'createRuntime', 'createContainer'] as const) {
    it(`${kind} that fails stops the creation, and says what the hook said`, () => {
      const result = c.create('true', (config) => {
        config.hooks = { [kind]: [hook('echo sorry >&2; exit 3')] };
      });
      expect(result.status).to.equal(1);
      expect(result.stderr).to.contain('exit status 3');
      expect(result.stderr).to.contain('sorry');
    });
  }

  it('createContainer finds the root file system where it is', () => {
    const result = c.run('cat /found', (config) => {
      config.hooks = { createContainer: [hook('pwd > found')] };
    });
    expect(result).to.include({ status: 0, stdout: `${c.bundle.rootfs}\n` });
  });

  it("startContainer is under the container's seccomp profile", function () {
    deviates(this, 'crun', '1.8 runs it before');
    const result = c.run('true', (config) => {
      config.hooks = { startContainer: [hook('mkdir /made')] };
      config.linux.seccomp = {
        defaultAction: 'SCMP_ACT_ALLOW',
        syscalls: [{ names: ['mkdir', 'mkdirat'], action: 'SCMP_ACT_KILL' }],
      };
      config.process.rlimits = [{ type: 'RLIMIT_CORE', soft: 0, hard: 0 }];
    });
    expect(result.status).to.not.equal(0);
    expect(result.stderr)
      .to.match(/error running .*hook/)
      .and.to.contain('bad system call');
    expect(existsSync(join(c.bundle.rootfs, 'made'))).to.equal(false);
  });

  it('startContainer that fails keeps the program from running', () => {
    const result = c.run('echo ran > /ran', (config) => {
      config.hooks = { startContainer: [hook('exit 3')] };
    });
    expect(result.status).to.not.equal(0);
    expect(existsSync(join(c.bundle.rootfs, 'ran'))).to.equal(false);
  });

  it('poststop that fails is told, and the others run', function () {
    deviates(this, 'runc', 'skips the remaining poststop hooks');
    c.create('true', (config) => {
      config.hooks = { poststop: [hook('exit 3'), hook(`touch ${file('second')}`)] };
    });
    c.verb('delete', '--force');
    expect(existsSync(file('second'))).to.equal(true);
  });

  it('that take longer than their timeout are killed, and what they started', function () {
    deviates(this, 'runc', 'waits for what the killed hook has started');
    const started = Date.now();
    const result = c.create('true', (config) => {
      config.hooks = { createRuntime: [hook('sleep 30', { timeout: 1 })] };
    });
    expect(result.status).to.equal(1);
    expect(Date.now() - started).to.be.lessThan(10_000);
  });

  it('inherit no descriptors of the runtime', function () {
    deviates(this, 'runc', 'gives createContainer hooks its own descriptors');
    writeFileSync(file('fds'), '');
    c.run('true', (config) => {
      config.hooks = { createContainer: [hook(`ls /proc/self/fd > ${file('fds')}`)] };
    });
    // 3 is the folder that ls itself reads.
    expect(read('fds').trim().split('\n')).to.deep.equal(['0', '1', '2', '3']);
  });
});
