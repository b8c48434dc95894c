// Verbs at the same time, and verbs that are killed: no hang, no leak, no wrong exit code.

import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { baseConfig, writeConfig } from '../harness/bundle.ts';
import { useCase } from '../harness/case.ts';
import { expectNothingLeft } from '../harness/leftovers.ts';
import { TIMES } from '../harness/rounds.ts';
import { deviates } from '../harness/runtime.ts';
import { until } from '../harness/until.ts';

const LANES = 8;
const LIMIT = 120_000 * TIMES;

interface Ended {
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stderr: string;
}

const pause = (milliseconds: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, milliseconds));

describe('races', () => {
  const c = useCase();
  let count = 0;

  /** A verb that goes on by itself. A container holds its stderr, so that is a file. */
  function begin(args: readonly string[]): { child: ChildProcess; ended: Promise<Ended> } {
    const [program, words] = c.runtime.line(args);
    const path = join(dirname(c.runtime.root), `stderr-${++count}`);
    const fd = openSync(path, 'w');
    const child = spawn(program, words, { stdio: ['ignore', 'ignore', fd], timeout: 30_000, killSignal: 'SIGABRT' });
    closeSync(fd);
    const ended = new Promise<Ended>((resolve, reject) => {
      child.on('error', reject);
      child.on('exit', (status, signal) => resolve({ status, signal, stderr: readFileSync(path, 'utf8') }));
    });
    return { child, ended };
  }

  const verb = (...args: string[]): Promise<Ended> => begin(args).ended;

  const create = (id: string): string[] => ['create', '--bundle', c.bundle.dir, id];

  const configure = (script: string): void => writeConfig(c.bundle, baseConfig(c.bundle, script));

  async function untilStopped(id: string): Promise<void> {
    for (let tries = 0; tries < 1000; tries++) {
      if (c.runtime.state(id).status === 'stopped') return;
      await pause(5);
    }
    throw new Error(`${id} does not stop`);
  }

  async function live(id: string): Promise<void> {
    expect(await verb(...create(id)), `create ${id}`).to.include({ status: 0 });
    expect(await verb('start', id), `start ${id}`).to.include({ status: 0 });
    await untilStopped(id);
    expect(await verb('delete', id), `delete ${id}`).to.include({ status: 0 });
  }

  it('lets many containers live at once', async function () {
    this.timeout(LIMIT);
    // Without cgroupsPath each container has a cgroup named by its id.
    const config = baseConfig(c.bundle, 'sleep 0.05');
    delete config.linux.cgroupsPath; // each container's cgroup is named by its id
    writeConfig(c.bundle, config);
    const lanes = Array.from({ length: LANES }, async (_, lane) => {
      for (let round = 0; round < 5 * TIMES; round++) {
        const id = `${c.bundle.id}-${lane}-${round}`;
        await live(id);
        expectNothingLeft({ ...c.bundle, id, cgroup: `/${id}` }, c.runtime);
      }
    });
    await Promise.all(lanes);
  });

  it('gives an id to one of those that ask for it', async function () {
    this.timeout(LIMIT);
    configure('exec sleep 100');
    for (let round = 0; round < 3 * TIMES; round++) {
      const all = await Promise.all(Array.from({ length: 4 }, () => verb(...create(c.bundle.id))));
      expect(all.filter(({ status }) => status === 0)).to.have.length(1);
      for (const { status, stderr } of all) if (status !== 0) expect(stderr).to.match(/exist/);
      expect(c.runtime.state(c.bundle.id).status).to.equal('created');
      expect(c.verb('delete').status).to.equal(0);
    }
  });

  it('starts once', async function () {
    deviates(this, 'crun', 'the second start waits for the FIFO');
    this.timeout(LIMIT);
    configure('exec sleep 100');
    for (let round = 0; round < 3 * TIMES; round++) {
      expect(await verb(...create(c.bundle.id))).to.include({ status: 0 });
      const all = await Promise.all(Array.from({ length: 3 }, () => verb('start', c.bundle.id)));
      expect(all.filter(({ status }) => status === 0)).to.have.length(1);
      expect(c.runtime.state(c.bundle.id).status).to.equal('running');
      expect(c.verb('delete', '--force').status).to.equal(0);
    }
  });

  it('deletes what is killed at the same time', async function () {
    this.timeout(LIMIT);
    configure('exec sleep 100');
    for (let round = 0; round < 5 * TIMES; round++) {
      expect(await verb(...create(c.bundle.id))).to.include({ status: 0 });
      expect(await verb('start', c.bundle.id)).to.include({ status: 0 });
      const [deleted, ...killed] = await Promise.all([
        verb('delete', '--force', c.bundle.id),
        verb('kill', c.bundle.id, 'KILL'),
        verb('kill', c.bundle.id, 'TERM'),
      ]);
      expect(deleted, 'delete').to.include({ status: 0 });
      for (const { status, stderr } of killed) {
        expect(status).to.be.oneOf([0, 1]);
        if (status === 1) expect(stderr).to.match(/not running|does not exist|no such process/);
      }
      expectNothingLeft(c.bundle, c.runtime);
    }
  });

  for (const name of ['create', 'start', 'run', 'delete']) {
    it(`cleans up after a ${name} that was killed`, async function () {
      deviates(this, 'runc', 'its cgroup stays when it is killed before it has written its state');
      deviates(this, 'crun', 'its cgroup stays when it is killed before it has written its state');
      this.timeout(LIMIT);
      configure('exec sleep 100');
      for (let round = 0; round < 12 * TIMES; round++) {
        if (name === 'start' || name === 'delete') expect(await verb(...create(c.bundle.id))).to.include({ status: 0 });
        const args = { create: create(c.bundle.id), run: ['run', ...create(c.bundle.id).slice(1)] }[name];
        const { child, ended } = begin(args ?? [name, c.bundle.id]);
        await pause(1 + (round % 12));
        child.kill('SIGKILL');
        await ended;
        expect(await verb('delete', '--force', c.bundle.id), `round ${round}`).to.include({ status: 0 });
        // The process that was being made ends when its parent's end of their socket is closed.
        until(() => c.runtime.run(['state', c.bundle.id]).status !== 0, 'the deletion');
        expectNothingLeft(c.bundle, c.runtime);
      }
    });
  }
});
