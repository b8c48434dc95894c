// containerd and ctr: `ctr run --runc-binary`. `ctr task` has no update (that is the CRI's, see cri.test.ts), and its
// checkpoint needs criu.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { after, afterEach, before, beforeEach, describe, it } from 'mocha';
import { cgroupDirs } from '../harness/leftovers.ts';
import { ofProcesses } from '../harness/processes.ts';
import { deviates, runtimePath } from '../harness/runtime.ts';
import { Containerd, skipWithoutContainerd } from './containerd.ts';
import { DRIVERS, parentOf, pathOf, propertyOf } from './drivers.ts';
import {
  cgroupFile,
  command,
  eventually,
  expectThrough,
  isFrozen,
  must,
  needs,
  onTerminal,
  PATIENCE,
  SCRIPT,
} from './engine.ts';
import { IMAGE, writeImage } from './image.ts';
import { pageCommand } from './page.ts';

/** Pids of the processes in whose `file` below /proc/PID `words` all are. */
const pidsWith = (file: 'cmdline' | 'cgroup', ...words: string[]): number[] =>
  ofProcesses((pid, read) => {
    const text = read(file);
    return words.every((word) => text.includes(word)) ? [pid] : [];
  });

const FLAGS = ['--snapshotter', 'native', '--runc-binary', runtimePath];

describe('engine: containerd', function () {
  this.timeout(10 * PATIENCE);
  let engine: Containerd | undefined;
  let count = 0;
  const ctr = (...words: string[]) => engine?.ctr(...words) ?? [];
  const input = () => join(engine?.dir ?? '', 'input');
  const fifos = () => ['--fifo-dir', join(engine?.dir ?? '', 'fifo')];
  const tasks = (id: string) => new RegExp(`^${id}\\s+(\\d+)\\s+(\\w+)`, 'm').exec(must(ctr('task', 'ls'))) ?? [];

  before(async function () {
    skipWithoutContainerd(this);
    engine = new Containerd(`tsoci_ctr_${process.pid}`);
    await engine.start('version = 2\ndisabled_plugins = ["io.containerd.grpc.v1.cri"]\n');
    await writeImage(join(engine.dir, 'image.tar'));
    engine.import(join(engine.dir, 'image.tar'));
    writeFileSync(input(), 'through\n');
  });

  after(async () => {
    await engine?.end();
    engine?.removeState();
  });

  it('runs busybox: standard input, output, error and exit code come through', () => {
    const words = ctr('run', '--rm', ...FLAGS, ...fifos(), IMAGE, 'through', '/bin/sh', '-c', SCRIPT);
    expectThrough(command(words, { input: input() }));
  });

  it('runs the command of docs/engines.md', () => {
    const flags = ['--snapshotter', 'native', ...fifos()];
    expect(must(pageCommand('ctr', ctr(), flags))).to.equal('hello');
  });

  it('gives a terminal', async () => {
    const words = ctr('run', '--rm', '--tty', ...FLAGS, ...fifos(), IMAGE, 'terminal', '/bin/sh', '-c', 'tty');
    expect(await onTerminal(words))
      .to.contain('/dev/pts/0')
      .and.not.contain('not a tty');
  });

  it('says that a program is not there', () => {
    const run = command(ctr('run', '--rm', ...FLAGS, ...fifos(), IMAGE, 'missing', '/bin/missing'));
    expect(run.status).to.equal(1);
    expect(run.stderr).to.contain('exec: "/bin/missing": stat /bin/missing: no such file or directory');
  });

  it('tells the code of a container that was killed', async () => {
    const [program = '', ...words] = ctr('run', '--rm', '--null-io', ...FLAGS, IMAGE, 'doomed', '/bin/sleep', '1000');
    const run = spawn(program, words, { stdio: 'ignore' });
    await eventually('the start of the task', () => tasks('doomed')[2] === 'RUNNING');
    must(ctr('task', 'kill', '--signal', 'SIGKILL', 'doomed'));
    const [code] = await once(run, 'close');
    expect(code).to.equal(137);
  });

  async function remove(id: string): Promise<void> {
    command(ctr('task', 'kill', '--all', '--signal', 'SIGKILL', id));
    await eventually('the end of the task', () => (tasks(id)[2] ?? 'STOPPED') === 'STOPPED');
    command(ctr('task', 'delete', id));
    must(ctr('container', 'delete', id));
  }

  if (DRIVERS.includes('systemd')) {
    it('makes a unit of systemd where it is told to', async () => {
      const slice = parentOf('systemd', engine?.space ?? '');
      const place = ['--runc-systemd-cgroup', '--cgroup', `${slice}:ctr:unit`, '--memory-limit', String(64 << 20)];
      must(ctr('run', '--detach', '--null-io', ...place, ...FLAGS, IMAGE, 'unit', '/bin/sleep', '1000'));
      const [, pid = ''] = tasks('unit');
      expect(pathOf(pid)).to.match(new RegExp(`^/${slice}/ctr-unit.scope`));
      expect(propertyOf(pid, 'MemoryMax'))
        .to.equal(cgroupFile(pid, 'memory', '', 'memory.max'))
        .and.equal(String(64 << 20));
      await remove('unit');
      expect(must(['systemctl', 'list-units', '--all', '--no-legend', 'ctr-unit.scope'])).to.equal('');
    });
  }

  describe('a shim that is killed', () => {
    const state = (id: string) => `/run/containerd/runc/${engine?.space}/${id}`;
    const left = (id: string) => [
      ...pidsWith('cgroup', `/${engine?.space}/${id}`),
      ...cgroupDirs(`${engine?.space}/${id}`),
      ...(existsSync(state(id)) ? ['its state'] : []),
    ];

    /** Starts a container and kills its shim when it has been there for `delay` ms. */
    async function orphan(id: string, delay: number): Promise<void> {
      const shims = () => pidsWith('cmdline', 'containerd-shim', `\0-id\0${id}\0`);
      const [program = '', ...words] = ctr('run', '--detach', '--null-io', ...FLAGS, IMAGE, id, '/bin/sleep', '1000');
      const run = spawn(program, words, { stdio: 'ignore' });
      const closed = once(run, 'close');
      while (shims().length === 0 && run.exitCode === null) await sleep(1);
      await sleep(delay);
      for (const pid of shims()) process.kill(pid, 'SIGKILL');
      await closed;
    }

    it('is cleaned up after by containerd', async () => {
      await orphan('running', 2000);
      await eventually('its end', () => left('running').length === 0 && tasks('running').length === 0);
      must(ctr('container', 'delete', 'running'));
    });

    // containerd 1.6 forgets a shim that dies while its task is made, with any runtime: then delete does it, and while
    // containerd does, too.
    for (const delay of [0, 10, 20, 40, 80, 160]) {
      it(`leaves nothing that delete does not find, ${delay} ms after its start`, async function () {
        deviates(this, 'runc', 'a create that was killed leaves its cgroups');
        const id = `orphan${delay}`;
        await orphan(id, delay);
        await eventually('its end', () => {
          must([runtimePath, '--root', dirname(state(id)), 'delete', '--force', id]);
          return left(id).length === 0;
        });
        must(ctr('container', 'delete', id));
      });
    }
  });

  describe('a container that runs', () => {
    let id = '';
    let pid = '';

    beforeEach(() => {
      id = `long${++count}`;
      must(ctr('run', '--detach', '--null-io', ...FLAGS, IMAGE, id, '/bin/sleep', '1000'));
      pid = tasks(id)[1] ?? '';
    });

    afterEach(() => remove(id));

    it('is killed with all its processes, and its processes are told', async function () {
      needs(this, 'exec');
      const words = ['/bin/sh', '-c', 'sleep 1000 & echo ready; wait'];
      must(ctr('task', 'exec', '--detach', ...fifos(), '--exec-id', 'more', id, ...words));
      await eventually('three processes', () => must(ctr('task', 'ps', id)).split('\n').length === 4);
      expect(must(ctr('task', 'ps', id))).to.contain(pid);
      must(ctr('task', 'kill', '--all', '--signal', 'SIGKILL', id));
      await eventually('the end of the task', () => tasks(id)[2] === 'STOPPED');
      expect(() => isFrozen(pid)).to.throw();
    });

    it('stands still when paused, and goes on', function () {
      needs(this, 'pause');
      must(ctr('task', 'pause', id));
      expect({ frozen: isFrozen(pid), told: tasks(id)[2] }).to.deep.equal({ frozen: true, told: 'PAUSED' });
      must(ctr('task', 'resume', id));
      expect({ frozen: isFrozen(pid), told: tasks(id)[2] }).to.deep.equal({ frozen: false, told: 'RUNNING' });
    });

    it('is measured', () => {
      const metrics = JSON.parse(must(ctr('task', 'metrics', '--format', 'json', id)));
      expect(metrics.pids.current).to.equal(1);
      const { usage } = metrics.memory; // a number of cgroup v2, an object of v1
      expect(usage.usage ?? usage).to.be.above(0);
    });

    it('lets a program in: its streams, exit code, user and folder', async function () {
      needs(this, 'exec');
      const inside = (name: string, ...words: string[]) => ctr('task', 'exec', ...fifos(), '--exec-id', name, ...words);
      expectThrough(command(inside('e1', id, '/bin/sh', '-c', SCRIPT), { input: input() }));
      expect(must(inside('e2', '--user', '1000:1000', id, '/bin/id', '-u'))).to.equal('1000');
      expect(must(inside('e3', '--cwd', '/tmp', id, '/bin/pwd'))).to.equal('/tmp');
      expect(await onTerminal(inside('e4', '--tty', id, '/bin/tty'))).to.contain('/dev/pts/0');
    });
  });
});
