// A verb that stays with its program: the signals that it passes on, the terminal's size, orphans; and that a verb which
// does not stay holds nothing of its caller's.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { baseConfig, type Config, writeConfig } from '../harness/bundle.ts';
import { useCase } from '../harness/case.ts';
import { useReceiver } from '../harness/receiver.ts';
import { deviates, runtimeName } from '../harness/runtime.ts';
import { until } from '../harness/until.ts';

/** Nobody can catch SIGKILL and SIGSTOP; SIGCHLD, SIGURG and SIGWINCH are the runtime's own business. */
const KEPT = [9, 17, 19, 23, 28];
/** Those that C libraries keep for themselves, 32 to 34, are left out. */
const REALTIME = [35, 36, 40, 50, 63, 64];
const ALL = Array.from({ length: 31 }, (_, at) => at + 1);

/** Says the number of each signal that comes, but for SIGCHLD, which its own sleeps send; SIGTERM ends it. */
const TELL = `for n in ${[...ALL.filter((signal) => signal !== 17), ...REALTIME].join(' ')}; do trap "echo $n" $n 2>/dev/null; done
trap "echo 15; exit 5" 15; echo ready; while :; do sleep 0.02; done`;

describe('the foreground', function () {
  this.timeout(120_000);
  const c = useCase();
  const receiver = useReceiver();
  const inside = (name: string): string => join(c.bundle.rootfs, 'tmp', name);
  const read = (name: string): string => readFileSync(inside(name), 'utf8').trim();

  const configure = (script: string, change: (config: Config) => void = () => {}): void => {
    const config = baseConfig(c.bundle, script);
    change(config);
    writeConfig(c.bundle, config);
  };

  /** Without a pid namespace of its own: pids are the host's. */
  const shared = (config: Config): void => {
    config.linux.namespaces = config.linux.namespaces.filter(({ type }: { type: string }) => type !== 'pid');
  };

  function begin(args: readonly string[]): ChildProcess {
    const [program, words] = c.runtime.line(args);
    return spawn(program, words, { stdio: ['ignore', 'pipe', 'inherit'] });
  }

  /** Sends each signal when the one before has been told of, then SIGTERM: what was told, and the exit code. */
  async function signalled(child: ChildProcess, signals: readonly number[]) {
    const told: number[] = [];
    const left = [...signals, 15];
    const closed = once(child, 'close');
    for await (const line of createInterface({ input: child.stdout as NodeJS.ReadableStream })) {
      // What is written in Go gets SIGURG of itself all the time; runc 1.1 passes that on.
      if (line === '23' && runtimeName === 'runc') continue;
      if (line !== 'ready') told.push(Number(line));
      const next = left.shift();
      if (next !== undefined) process.kill(child.pid as number, next);
    }
    const [status] = await closed;
    return { told, status };
  }

  /** The runtime of its language keeps SIGPROF from runc. */
  const passed = ALL.filter((signal) => ![...KEPT, 15, ...(runtimeName === 'runc' ? [27] : [])].includes(signal));

  for (const verb of ['run', 'exec']) {
    it(`passes on every signal: ${verb}`, async function () {
      deviates(this, 'crun', 'it passes on what ends it alone');
      configure(TELL);
      if (verb === 'exec') {
        expect(c.create('exec sleep 100').status).to.equal(0);
        expect(c.verb('start').status).to.equal(0);
      }
      const words = verb === 'run' ? ['run', '--bundle', c.bundle.dir, c.bundle.id] : ['exec', c.bundle.id, '/bin/sh'];
      const child = begin([...words, ...(verb === 'run' ? [] : ['-c', TELL])]);
      const { told, status } = await signalled(child, [...passed, ...REALTIME]);
      expect(told).to.deep.equal([...passed, ...REALTIME, 15]);
      expect(status).to.equal(5);
      c.verb('delete', '--force');
    });
  }

  it('keeps what is its own: SIGCHLD, SIGURG, SIGWINCH', async function () {
    deviates(this, 'runc', '1.1 passes SIGURG on');
    deviates(this, 'crun', 'it passes on what ends it alone');
    configure(TELL);
    const child = begin(['run', '--bundle', c.bundle.dir, c.bundle.id]);
    const closed = once(child, 'close');
    const told: string[] = [];
    for await (const line of createInterface({ input: child.stdout as NodeJS.ReadableStream })) {
      told.push(line);
      // The kernel delivers in the order of sending where each is read before the next is sent: SIGUSR1 is told of last.
      if (line === 'ready') for (const signal of [17, 23, 28, 10]) process.kill(child.pid as number, signal);
      if (line === '10') process.kill(child.pid as number, 'SIGTERM');
    }
    expect((await closed)[0]).to.equal(5);
    expect(told).to.deep.equal(['ready', '10', '15']);
  });

  it('gives the terminal in the container the size of its own, also when that changes', async function () {
    deviates(this, 'crun', 'the size comes late');
    const script = 'trap "stty size > /tmp/second; exit 3" WINCH; stty size > /tmp/first; : > /tmp/ready; ';
    configure(`${script} while :; do sleep 0.02; done`, (config) => {
      config.process.terminal = true;
    });
    const [program, words] = c.runtime.line(['run', '--bundle', c.bundle.dir, c.bundle.id]);
    const line = [program, ...words].map((word) => `'${word}'`).join(' ');
    const change = `while [ ! -e ${inside('ready')} ]; do sleep 0.02; done; stty rows 33 cols 44 </dev/tty`;
    const terminal = spawn('script', ['-qec', `stty rows 11 cols 22; (${change}) & ${line}`, '/dev/null'], {
      stdio: ['pipe', 'ignore', 'inherit'],
    });
    const [status] = await once(terminal, 'close');
    expect(status).to.equal(3);
    expect(read('first')).to.equal('11 22');
    expect(read('second')).to.equal('33 44');
  });

  for (const [flags, adopts] of [
    [[], true],
    [['--no-subreaper'], false],
  ] as const) {
    it(`${adopts ? 'adopts orphans, and buries them' : 'leaves orphans to others'} (run ${flags.join(' ')})`, async function () {
      if (!adopts) deviates(this, 'crun', 'its option is without effect');
      const orphan = 'sh -c "sleep 100 & echo \\$! > /tmp/orphan"';
      configure(`${orphan}; : > /tmp/ready; while [ ! -e /tmp/end ]; do sleep 0.02; done`, shared);
      const child = begin(['run', ...flags, '--bundle', c.bundle.dir, c.bundle.id]);
      const closed = once(child, 'close');
      until(() => existsSync(inside('ready')), 'the orphan');
      const pid = Number(read('orphan'));
      const parent = Number(/^PPid:\t(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
      if (adopts) expect(parent).to.equal(child.pid);
      else expect(parent).to.not.equal(child.pid);
      process.kill(pid, 'SIGKILL');
      if (adopts) until(() => !existsSync(`/proc/${pid}`), 'the burial');
      writeFileSync(inside('end'), '');
      expect((await closed)[0]).to.equal(0);
    });
  }

  it('is not there for orphans of a pid namespace: they are the first process’s', async () => {
    const orphan = 'sh -c "sleep 100 & echo \\$! > /tmp/orphan"';
    configure(`${orphan}; grep PPid /proc/$(cat /tmp/orphan)/status > /tmp/parent`);
    const [status] = await once(begin(['run', '--bundle', c.bundle.dir, c.bundle.id]), 'close');
    expect(status).to.equal(0);
    expect(read('parent')).to.equal('PPid:\t1');
  });

  it('lets go of its caller’s pipes when it is detached: they end with the container', async () => {
    configure('echo out; echo err >&2; while [ ! -e /tmp/end ]; do sleep 0.02; done');
    const [program, words] = c.runtime.line(['run', '--detach', '--bundle', c.bundle.dir, c.bundle.id]);
    const child = spawn(program, words, { stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (data) => (output += data));
    const closed = once(child, 'close');
    expect((await once(child, 'exit'))[0]).to.equal(0);
    expect(c.runtime.state(c.bundle.id).status).to.equal('running');
    const early = await Promise.race([
      closed.then(() => 'closed'),
      new Promise((done) => setTimeout(done, 200, 'open')),
    ]);
    expect(early).to.equal('open');
    writeFileSync(inside('end'), '');
    await closed; // the test's time is the limit
    expect(output.split('\n').sort()).to.deep.equal(['', 'err', 'out']);
    c.verb('delete', '--force');
  });

  it('lets go of them at once where the container has a terminal, and after a failure', async () => {
    const socket = join(c.bundle.dir, 'socket');
    configure('sleep 100', (config) => {
      config.process.terminal = true;
    });
    await receiver.listen('stream', socket);
    const make = async (...flags: string[]) => {
      const [program, words] = c.runtime.line(['create', ...flags, '--bundle', c.bundle.dir, c.bundle.id]);
      const child = spawn(program, words, { stdio: ['ignore', 'pipe', 'pipe'] });
      let said = '';
      for (const stream of [child.stdout, child.stderr]) stream.on('data', (data) => (said += data));
      return { status: (await once(child, 'close'))[0], said };
    };
    expect(await make('--console-socket', socket)).to.deep.equal({ status: 0, said: '' });
    expect(c.runtime.state(c.bundle.id).status).to.equal('created');
    expect((await make('--console-socket', socket)).status).to.not.equal(0);
    c.verb('delete', '--force');
  });
});
