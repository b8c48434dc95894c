// runtime.md: the state of a container, and which operation it allows when.

import { existsSync, mkdirSync, readdirSync, readFileSync, readlinkSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { baseConfig, writeConfig } from '../harness/bundle.ts';
import { useCase } from '../harness/case.ts';
import { cgroupDirs } from '../harness/leftovers.ts';
import { deviates, onlyTsoci } from '../harness/runtime.ts';
import { until } from '../harness/until.ts';

describe('lifecycle', () => {
  const c = useCase();
  const status = () => c.runtime.state(c.bundle.id).status;

  it('goes created, running, stopped, deleted', () => {
    expect(c.create('exec sleep 100')).to.include({ status: 0 });
    const state = c.runtime.state(c.bundle.id);
    expect(state).to.include({ id: c.bundle.id, status: 'created', bundle: c.bundle.dir });
    expect(state['ociVersion']).to.match(/^1\.\d+\.\d+/);
    expect(existsSync(`/proc/${state.pid}`)).to.equal(true);
    expect(c.verb('start')).to.include({ status: 0 });
    expect(status()).to.equal('running');
    expect(c.verb('kill', 'KILL')).to.include({ status: 0 });
    until(() => status() === 'stopped', 'the end of the container');
    expect(c.verb('delete')).to.include({ status: 0 });
    expect(c.verb('state').status).to.equal(1);
  });

  it('does not run the program before start', () => {
    c.create('echo ran > /ran');
    expect(existsSync(join(c.bundle.rootfs, 'ran'))).to.equal(false);
    c.verb('start');
    until(() => status() === 'stopped', 'the end of the container');
    expect(readFileSync(join(c.bundle.rootfs, 'ran'), 'utf8')).to.equal('ran\n');
    c.verb('delete');
  });

  it('holds nothing of the host open until it is started', function () {
    onlyTsoci(this);
    c.create('true');
    const { pid } = c.runtime.state(c.bundle.id);
    const links = readdirSync(`/proc/${pid}/fd`)
      .filter((fd) => Number(fd) > 2)
      .map((fd) => readlinkSync(`/proc/${pid}/fd/${fd}`));
    // Where it waits for `start`, and for a signal that ends it.
    expect(links.map((link) => link.replace(/:\[[0-9]+\]$/, '')).sort()).to.deep.equal([
      'anon_inode:[signalfd]',
      'socket',
    ]);
    c.verb('delete', '--force');
  });

  it('lets every signal through to the program', () => {
    const script = 'grep SigBlk /proc/self/status > /told';
    const told = () => readFileSync(join(c.bundle.rootfs, 'told'), 'utf8');
    expect(c.run(script)).to.include({ status: 0 });
    expect(told()).to.equal('SigBlk:\t0000000000000000\n');
    writeFileSync(join(c.bundle.rootfs, 'told'), '');
    c.create(script);
    c.verb('start');
    until(() => status() === 'stopped', 'the end of the container');
    expect(told()).to.equal('SigBlk:\t0000000000000000\n');
    c.verb('delete');
  });

  it('takes no note of a config.json changed after create', () => {
    c.create('echo first > /who');
    writeConfig(c.bundle, baseConfig(c.bundle, 'echo second > /who'));
    c.verb('start');
    until(() => status() === 'stopped', 'the end of the container');
    expect(readFileSync(join(c.bundle.rootfs, 'who'), 'utf8')).to.equal('first\n');
    c.verb('delete');
  });

  it('refuses an id in use, and leaves the container that has it alone', () => {
    c.create('exec sleep 100');
    const { pid } = c.runtime.state(c.bundle.id);
    expect(c.create('true').status).to.equal(1);
    expect(c.runtime.state(c.bundle.id)).to.include({ pid, status: 'created' });
    c.verb('delete', '--force');
  });

  it('lets an id be used again', () => {
    for (let round = 0; round < 3; round++) {
      expect(c.create('true').status).to.equal(0);
      expect(c.verb('delete').status).to.equal(0);
    }
  });

  for (const id of ['', '.', '..', 'a/b', '../x', 'a b', 'ä', 'a\nb']) {
    it(`refuses the id ${JSON.stringify(id)}`, function () {
      if (id === 'ä' || id === 'a b' || id === 'a\nb') deviates(this, 'crun', 'any name without a slash is an id');
      writeConfig(c.bundle, baseConfig(c.bundle, 'true'));
      expect(c.runtime.run(['create', '--bundle', c.bundle.dir, id], { detached: true }).status).to.equal(1);
    });
  }

  it('refuses start of a running container', () => {
    c.create('exec sleep 100');
    c.verb('start');
    expect(c.verb('start').status).to.equal(1);
    expect(status()).to.equal('running');
    c.verb('delete', '--force');
  });

  it('refuses start and kill of a stopped one', () => {
    c.create('true');
    c.verb('start');
    until(() => status() === 'stopped', 'the end of the container');
    expect(c.verb('start').status).to.equal(1);
    const killed = c.verb('kill', 'TERM');
    expect(killed.status).to.equal(1);
    expect(killed.stderr).to.match(/container not running|is not running|no such process/i);
    c.verb('delete');
  });

  it('refuses delete of a running one, which runs on', () => {
    c.create('exec sleep 100');
    c.verb('start');
    expect(c.verb('delete').status).to.equal(1);
    expect(status()).to.equal('running');
    c.verb('delete', '--force');
  });

  for (const verb of ['state', 'start', 'kill', 'delete']) {
    it(`${verb} errors on an unknown id, and without one`, function () {
      deviates(this, 'crun', 'its words are others');
      const unknown = c.verb(verb);
      expect(unknown.status).to.equal(1);
      expect(unknown.stderr).to.match(/does not exist/);
      expect(c.runtime.run([verb]).status).to.not.equal(0);
    });
  }

  it('delete --force of an unknown id is no error', function () {
    deviates(this, 'crun', 'it is one');
    expect(c.verb('delete', '--force').status).to.equal(0);
  });

  it('kills by name, by name without SIG, by number', function () {
    deviates(this, 'crun', 'it knows signals by capitals alone');
    for (const signal of ['SIGUSR1', 'usr1', '10']) {
      c.create('trap "echo got > /got; exit 0" USR1; echo > /ready; while :; do sleep 0.05; done');
      c.verb('start');
      until(() => existsSync(join(c.bundle.rootfs, 'ready')), 'the trap');
      expect(c.verb('kill', signal).status, signal).to.equal(0);
      until(() => status() === 'stopped', `the end by ${signal}`);
      expect(readFileSync(join(c.bundle.rootfs, 'got'), 'utf8')).to.equal('got\n');
      c.verb('delete');
      c.runtime.run(['state', c.bundle.id]);
      for (const file of ['ready', 'got']) writeFileSync(join(c.bundle.rootfs, file), '');
    }
  });

  it('puts the container into its cgroup in each hierarchy', () => {
    c.create('exec sleep 100');
    const { pid } = c.runtime.state(c.bundle.id);
    const memory = readFileSync(`/proc/${pid}/cgroup`, 'utf8').split('\n');
    const own = memory.filter((line) => line !== '' && !line.endsWith(c.bundle.cgroup));
    expect(own.filter((line) => !line.startsWith('0:') && !/:(misc|rdma|name=)/.test(line))).to.deep.equal([]);
    expect(cgroupDirs(c.bundle.cgroup)).to.not.have.length(0);
    c.verb('delete', '--force');
  });

  it('writes the pid file', () => {
    writeConfig(c.bundle, baseConfig(c.bundle, 'exec sleep 100'));
    const file = join(c.bundle.dir, 'pid');
    const args = ['create', '--bundle', c.bundle.dir, '--pid-file', file, c.bundle.id];
    expect(c.runtime.run(args, { detached: true }).status).to.equal(0);
    expect(Number(readFileSync(file, 'utf8'))).to.equal(c.runtime.state(c.bundle.id).pid);
    c.verb('delete', '--force');
  });

  it('keeps annotations in the state', () => {
    c.create('true', (config) => {
      config.annotations = { 'org.example.key': 'value' };
    });
    expect(c.runtime.state(c.bundle.id)['annotations']).to.include({ 'org.example.key': 'value' });
    c.verb('delete');
  });

  it('leaves a cgroup that was there before', function () {
    deviates(this, 'runc', 'removes the cgroup, whoever made it');
    deviates(this, 'crun', 'removes the cgroup, whoever made it');
    const tree = existsSync('/sys/fs/cgroup/pids') ? '/sys/fs/cgroup/pids' : '/sys/fs/cgroup';
    const before = join(tree, c.bundle.cgroup);
    mkdirSync(before, { recursive: true });
    try {
      expect(c.run('exit 0').status).to.equal(0);
      expect(cgroupDirs(c.bundle.cgroup)).to.deep.equal([before]);
    } finally {
      rmdirSync(before);
    }
  });
});
