// CRI-O's and podman's way to a container: conmon calls create and exec, the engine the rest. CRI-O itself is not to be had
// as a Debian package; its calls are these.

import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { afterEach, before, beforeEach, describe, it } from 'mocha';
import { baseConfig, type Config, writeConfig } from '../harness/bundle.ts';
import { useCase } from '../harness/case.ts';
import { isUnified } from '../harness/cgroup.ts';
import { runtimeName } from '../harness/runtime.ts';
import { skipSuite } from '../harness/skip.ts';
import { Conmon } from './conmon.ts';
import { DRIVERS, pathOf } from './drivers.ts';
import { eventually, obstacle, PATIENCE } from './engine.ts';

for (const driver of DRIVERS) {
  describe(`conmon, cgroups by ${driver}`, function () {
    this.timeout(10 * PATIENCE);
    before(function () {
      const reason =
        runtimeName === 'crun' && !isUnified
          ? 'crun needs a namespace of its own on a hybrid host'
          : obstacle('conmon', 'perl');
      skipSuite(this, 'conmon', reason);
    });
    const c = useCase();
    let conmon: Conmon;
    beforeEach(() => {
      conmon = new Conmon(c.bundle, c.runtime, driver);
    });
    afterEach(() => conmon.end());

    const state = () => c.runtime.state(c.bundle.id);
    const ended = (): Promise<void> => eventually('the exit file', () => conmon.exitCode() !== undefined);
    const logged = (line: string, name?: string) => eventually(line, () => conmon.log(name).includes(line));

    const configure = (script: string, change: (config: Config) => void = () => {}): void => {
      const config = baseConfig(c.bundle, script);
      if (driver === 'systemd') config.linux.cgroupsPath = `system.slice:crio:${c.bundle.id}`;
      change(config);
      writeConfig(c.bundle, config);
    };

    async function start(script: string, change?: (config: Config) => void, ...flags: string[]): Promise<void> {
      configure(script, change);
      const { data, message } = await conmon.create(...flags);
      expect(data, message).to.be.greaterThan(0);
      expect(conmon.read('pidfile')).to.equal(String(data));
      expect(state()).to.include({ status: 'created', pid: data });
      if (driver === 'systemd') expect(pathOf(data)).to.equal(`/system.slice/crio-${c.bundle.id}.scope`);
      expect(c.runtime.run(['start', c.bundle.id])).to.deep.equal({ status: 0, stdout: '', stderr: '' });
    }

    function document(...args: string[]): string {
      const file = conmon.path('process.json');
      writeFileSync(file, JSON.stringify({ cwd: '/', user: { uid: 0, gid: 0 }, args, env: ['PATH=/bin'] }));
      return file;
    }

    const remove = (): void => {
      expect(c.runtime.run(['delete', '--force', c.bundle.id])).to.deep.equal({ status: 0, stdout: '', stderr: '' });
    };

    it('sees a container from its creation to its exit code, and logs both of its streams', async () => {
      await start('echo out; echo err >&2; while [ ! -e /tmp/end ]; do sleep 0.05; done; exit 42');
      expect(state().status).to.equal('running');
      await logged('stdout F out');
      await logged('stderr F err');
      expect(conmon.exitCode()).to.equal(undefined);
      writeFileSync(join(c.bundle.rootfs, 'tmp/end'), '');
      await ended();
      expect(conmon.exitCode()).to.equal(42);
      expect(state().status).to.equal('stopped');
      remove();
    });

    it('is told why there is no container', async () => {
      configure('');
      const cases: [(config: Config) => void, RegExp][] = [
        [(config) => (config.process.args = ['nosuch']), /exec: \\?"nosuch\\?": executable file not found in \$PATH/],
        [(config) => (config.process.args = ['/etc/passwd']), /permission denied/],
        [(config) => config.mounts.push({ destination: '/x', source: '/nosuch', options: ['bind'] }), /no such file/],
      ];
      for (const [change, words] of cases) {
        configure('true', change);
        const { data, message } = await conmon.create();
        expect(data).to.be.lessThan(0);
        expect(message).to.match(words);
        expect(existsSync(conmon.path('pidfile'))).to.equal(false);
        remove();
      }
    });

    it('has the terminal, and gives it the size that is asked for', async () => {
      const script = 'tty; trap "stty size" WINCH; echo ready; while [ ! -e /tmp/end ]; do sleep 0.05; done';
      const terminal = (config: Config): void => {
        config.process.terminal = true;
      };
      await start(script, terminal, '--terminal');
      await logged('stdout F ready');
      expect(conmon.log()[0]).to.match(/^stdout F \/dev\/(pts\/0|console)$/);
      writeFileSync(conmon.path('ctl'), '1 33 44\n');
      await logged('stdout F 33 44');
      writeFileSync(join(c.bundle.rootfs, 'tmp/end'), '');
      await ended();
      remove();
    });

    for (const stays of [false, true]) {
      it(`is attached to, and its standard input ${stays ? 'stays open' : 'ends'} afterwards`, async () => {
        const flags = ['--stdin', ...(stays ? ['--leave-stdin-open'] : [])];
        await start('while read line; do echo "heard $line"; done; exit 7', undefined, ...flags);
        expect(conmon.attach('one\n', 'heard one')).to.include('heard one');
        if (stays) {
          await sleep(100);
          expect(state().status).to.equal('running');
          expect(conmon.attach('two\n', 'heard two')).to.include('heard two');
          c.runtime.run(['kill', c.bundle.id, 'KILL']);
        }
        await ended();
        expect(conmon.exitCode()).to.equal(stays ? 137 : 7);
        remove();
      });
    }

    it('execs, and is told the exit code, or why not', async () => {
      await start('exec sleep 100');
      expect(await conmon.exec('exec1', document('/bin/sh', '-c', 'echo in; exit 9'))).to.include({ data: 9 });
      expect(conmon.log('exec1')).to.include('stdout F in');
      const pid = Number(conmon.read('exec1.pid'));
      expect(pid).to.be.greaterThan(1).and.not.equal(state().pid);
      const missing = await conmon.exec('exec2', document('nosuch'));
      expect(missing.data).to.be.lessThan(0);
      expect(missing.message).to.match(/executable file not found in \$PATH/);
      remove();
      await ended();
    });

    it('ends an exec that takes too long', async () => {
      await start('exec sleep 100');
      const late = await conmon.exec('exec', document('/bin/sh', '-c', 'exec sleep 50'), '--timeout', '1');
      expect(late.data).to.be.lessThan(0);
      expect(late.message).to.match(/timed out/);
      const pid = conmon.read('exec.pid');
      await eventually('its end', () => !existsSync(`/proc/${pid}`));
      expect(state().status).to.equal('running');
      remove();
      await ended();
    });

    for (const [signal, code] of [
      ['15', 15],
      ['TERM', 15],
      ['KILL', 137],
      ['9', 137],
    ] as const) {
      it(`tells the exit code after \`kill ID ${signal}\`, which is an error later`, async () => {
        await start('trap "exit 15" TERM; echo ready; while :; do sleep 0.05; done');
        await logged('stdout F ready');
        expect(c.runtime.run(['kill', c.bundle.id, signal])).to.deep.equal({ status: 0, stdout: '', stderr: '' });
        await ended();
        expect(conmon.exitCode()).to.equal(code);
        const late = c.runtime.run(['kill', c.bundle.id, signal]);
        expect(late.status).to.equal(1);
        expect(late.stderr).to.match(/no such process|container not running|invalid process/);
        expect(c.runtime.run(['kill', '-a', c.bundle.id, '9']).status).to.equal(0);
        remove();
      });
    }

    it('passes its own SIGTERM on', async () => {
      await start('trap "exit 9" TERM; echo ready; while :; do sleep 0.05; done');
      await logged('stdout F ready');
      process.kill(conmon.pid(), 'SIGTERM');
      await ended();
      expect(conmon.exitCode()).to.equal(9);
      remove();
    });

    it('finds the cgroup in which memory runs out', async () => {
      // The container outlives the hog: its cgroup is there until conmon has looked. conmon waits while memory runs out, since on
      // cgroup v2 its first look is its last: it stops looking if by then the limit has been met and nobody has been killed yet.
      const hog = 'dd if=/dev/zero of=/dev/null bs=200M count=1';
      await start(
        `cd /tmp; until [ -e go ]; do sleep 0.05; done; ${hog}; : >gone; until [ -e end ]; do sleep 0.05; done`,
        (config) => {
          config.linux.resources.memory = { limit: 32 << 20, swap: 32 << 20 };
        },
      );
      const inside = (name: string) => join(c.bundle.rootfs, 'tmp', name);
      process.kill(conmon.pid(), 'SIGSTOP');
      writeFileSync(inside('go'), '');
      await eventually('the end of the hog', () => existsSync(inside('gone')));
      process.kill(conmon.pid(), 'SIGCONT');
      await eventually(
        'the file `oom`',
        () => existsSync(conmon.path('persist/oom')) || existsSync(conmon.path('oom')),
      );
      writeFileSync(inside('end'), '');
      await ended();
      remove();
    });

    it('runs what is to be run after the end', async () => {
      const done = conmon.path('done');
      const after = ['--exit-command', '/bin/sh', '--exit-command-arg=-c', `--exit-command-arg=echo after > ${done}`];
      await start('true', undefined, ...after);
      await ended();
      await eventually('the command', () => existsSync(done) && readFileSync(done, 'utf8') === 'after\n');
      remove();
    });

    it('is killed between create and start: the engine can start what waits, and remove it', async () => {
      configure('exec sleep 100');
      await conmon.create();
      process.kill(conmon.pid(), 'SIGKILL');
      await eventually('the death of conmon', () => !existsSync(`/proc/${conmon.pid()}/exe`));
      expect(state().status).to.equal('created');
      expect(c.runtime.run(['start', c.bundle.id])).to.include({ status: 0 });
      expect(state().status).to.equal('running');
      remove();
    });

    it('stays the child of its caller with --sync, and is killed with all that it has made', async () => {
      await start('exec sleep 100', undefined, '--sync');
      const { pid } = state();
      const parentOf = (of: number): number =>
        Number(/^PPid:\t(\d+)$/m.exec(readFileSync(`/proc/${of}/status`, 'utf8'))?.[1]);
      expect(parentOf(pid)).to.equal(conmon.pid());
      expect(parentOf(conmon.pid())).to.equal(process.pid);
      process.kill(conmon.pid(), 'SIGKILL');
      await eventually('the death of conmon', () => parentOf(pid) !== conmon.pid());
      expect(state().status).to.equal('running'); // as with any runtime: the engine's clean-up is what ends it
      remove();
    });
  });
}
