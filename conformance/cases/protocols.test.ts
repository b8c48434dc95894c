// What goes beside the command line when a container is made: terminals and pidfds over sockets, descriptors passed on,
// readiness told, the pid file, the session keyring.

import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { baseConfig, type Config, writeConfig } from '../harness/bundle.ts';
import { useCase } from '../harness/case.ts';
import { RECEIVER, useReceiver } from '../harness/receiver.ts';
import { deviates, runtimeName } from '../harness/runtime.ts';
import { until } from '../harness/until.ts';

describe('protocols', function () {
  this.timeout(60_000);
  const c = useCase();
  const receiver = useReceiver();
  const path = (name: string): string => join(c.bundle.dir, name);
  const listen = (kind: 'stream' | 'datagram', count?: number) => receiver.listen(kind, path('socket'), count);

  const configure = (script: string, change: (config: Config) => void = () => {}): void => {
    const config = baseConfig(c.bundle, script);
    change(config);
    writeConfig(c.bundle, config);
  };

  /** A verb that makes a container, by sh, which sets its stage before. */
  function byShell(stage: string, verb: string, flags: string[] = [], env: Record<string, string> = {}) {
    const [program, words] = c.runtime.line([verb, ...flags, '--bundle', c.bundle.dir, c.bundle.id]);
    return spawnSync('sh', ['-c', `${stage}; exec "$@"`, 'sh', program, ...words], {
      encoding: 'utf8',
      env: { ...process.env, ...env },
      stdio: verb === 'run' && !flags.includes('--detach') ? 'pipe' : ['ignore', 'ignore', 'ignore'],
      timeout: 30_000,
      killSignal: 'SIGKILL',
    });
  }

  it('sends the master of the terminal: one message, one descriptor', async function () {
    deviates(this, 'crun', 'its message is one blank');
    const socket = await listen('stream');
    configure('tty; stty size', (config) => {
      config.process.terminal = true;
      config.process.consoleSize = { height: 12, width: 34 };
    });
    expect(byShell(':', 'create', ['--console-socket', socket]).status).to.equal(0);
    const heard = await receiver.heard();
    expect(heard?.text).to.match(/ptmx$/);
    expect(heard?.fds.map(({ link }) => link)).to.have.length(1);
    expect(heard?.fds[0]?.link).to.match(/ptmx$/);
    c.verb('start');
    expect((await receiver.line())?.trim()).to.match(/^\/dev\/(pts\/0|console)$/);
    expect((await receiver.line())?.trim()).to.equal('12 34');
    c.verb('delete', '--force');
  });

  it('refuses a terminal without a socket, and a socket without a terminal', () => {
    const terminal = c.create('true', (config) => {
      config.process.terminal = true;
    });
    expect(terminal.status).to.equal(1);
    if (runtimeName !== 'crun') expect(terminal.stderr).to.match(/cannot allocate tty if \w+ will detach/);
    configure('true');
    const args = ['create', '--console-socket', path('nosuch'), '--bundle', c.bundle.dir, c.bundle.id];
    const socket = c.runtime.run(args, { detached: true });
    if (runtimeName === 'crun') c.verb('delete', '--force');
    else {
      expect(socket.status).to.equal(1);
      expect(socket.stderr).to.match(/cannot use console socket if \w+ will not detach or allocate tty/);
    }
  });

  it('sends a pidfd of the first process', async function () {
    if (!c.runtime.run(['create', '--help']).stdout.includes('--pidfd-socket')) {
      this.test!.title += ` [${runtimeName} of this version has no --pidfd-socket]`;
      this.skip();
    }
    const socket = await listen('stream');
    configure('sleep 100');
    expect(byShell(':', 'create', ['--pidfd-socket', socket]).status).to.equal(0);
    const { pid } = c.runtime.state(c.bundle.id);
    const heard = await receiver.heard();
    expect(heard?.text).to.equal('standard');
    expect(heard?.fds.map((fd) => fd.pid)).to.deep.equal([pid]);
    c.verb('delete', '--force');
  });

  it('writes the pid file whole, without a newline, by the caller’s umask', function () {
    deviates(this, 'crun', 'its mode is 0700');
    configure('sleep 100');
    expect(byShell('umask 027', 'create', ['--pid-file', path('pid')]).status).to.equal(0);
    expect(readFileSync(path('pid'), 'utf8')).to.equal(String(c.runtime.state(c.bundle.id).pid));
    expect(execFileSync('stat', ['-c', '%a', path('pid')], { encoding: 'utf8' })).to.equal('640\n');
    expect(existsSync(path('.pid'))).to.equal(false);
    c.verb('delete', '--force');
  });

  it('passes descriptors of a socket activation that is meant for it', function () {
    deviates(this, 'crun', 'it leaves LISTEN_PID as it was');
    configure('echo $LISTEN_FDS $LISTEN_PID; cat <&3; cat <&4');
    for (const name of ['a', 'b', 'c']) writeFileSync(path(name), `${name}\n`);
    const stage = `exec 3<${path('a')} 4<${path('b')} 5<${path('c')}; export LISTEN_FDS=2 LISTEN_PID=$$`;
    expect(byShell(stage, 'run').stdout).to.equal('2 1\na\nb\n');
  });

  it('leaves those that are meant for another process', function () {
    deviates(this, 'crun', 'does not ask for whom LISTEN_FDS is');
    configure('env | grep -c LISTEN_FDS; ls /proc/self/fd');
    const stage = `exec 3<${path('config.json')}; export LISTEN_FDS=1 LISTEN_PID=1`;
    // 3 is the folder that ls itself reads.
    expect(byShell(stage, 'run').stdout).to.equal('0\n0\n1\n2\n3\n');
  });

  it('passes the descriptors to preserve, after those of the activation', () => {
    configure('cat <&3; cat <&4; ls /proc/self/fd');
    for (const name of ['a', 'b', 'c']) writeFileSync(path(name), `${name}\n`);
    const stage = `exec 3<${path('a')} 4<${path('b')} 5<${path('c')}; export LISTEN_FDS=1 LISTEN_PID=$$`;
    expect(byShell(stage, 'run', ['--preserve-fds', '1']).stdout).to.equal('a\nb\n0\n1\n2\n3\n4\n5\n');
  });

  it('refuses to preserve what is not open', function () {
    deviates(this, 'crun', 'it does not look');
    deviates(this, 'runc', 'takes a descriptor of its own for one of the caller');
    configure('true');
    const { status, stderr } = byShell('exec 3</dev/null', 'run', ['--preserve-fds', '2']);
    expect(status).to.equal(1);
    if (runtimeName !== 'crun') expect(stderr).to.include('unable to stat preserved-fd 1 (of 2)');
  });

  it('holds no descriptor of the caller in a created or running container', function () {
    deviates(this, 'crun', 'a created container holds them');
    configure('exec sleep 100');
    writeFileSync(path('pipe'), '');
    expect(byShell(`exec 7<${path('pipe')}`, 'create').status).to.equal(0);
    const links = (): string[] => {
      const folder = `/proc/${c.runtime.state(c.bundle.id).pid}/fd`;
      return readdirSync(folder).map((fd) => readlinkSync(join(folder, fd)));
    };
    expect(links()).to.not.include(path('pipe'));
    c.verb('start');
    until(() => links().length === 3, 'the program with its three streams alone');
    c.verb('delete', '--force');
  });

  for (const [verbs, flags] of [
    [['create', 'start'], []],
    [['run'], ['--detach']],
  ] as const) {
    it(`tells that the program is ready, and its pid, at ${verbs.join(' and ')}`, async function () {
      deviates(this, 'crun', 'hands the socket itself to the container');
      const host = await listen('datagram', 3);
      const binary = 'notify-it';
      execFileSync('cp', [RECEIVER, join(c.bundle.rootfs, 'bin', binary)]);
      // The word comes from inside, as a service's does: `logger` of busybox cannot write a datagram to any socket.
      configure(`${binary} tell $NOTIFY_SOCKET 'STATUS=up' && ${binary} tell $NOTIFY_SOCKET READY=1 && sleep 100`);
      expect(byShell(':', verbs[0], [...flags], { NOTIFY_SOCKET: host }).status).to.equal(0);
      if (verbs.length > 1)
        expect(c.runtime.run(['start', c.bundle.id], { env: { NOTIFY_SOCKET: host } }).status).to.equal(0);
      expect((await receiver.heard())?.text).to.equal('READY=1\n');
      expect((await receiver.heard())?.text).to.equal(`MAINPID=${c.runtime.state(c.bundle.id).pid}\n`);
      if (runtimeName !== 'runc') {
        const barrier = await receiver.heard();
        expect(barrier?.text).to.equal('BARRIER=1');
        expect(barrier?.fds[0]?.link).to.match(/^pipe:/);
      }
      c.verb('delete', '--force');
    });
  }

  it('does not wait for the readiness of a program that has ended', async function () {
    deviates(this, 'runc', 'waits for ever: the ended program is its own zombie');
    deviates(this, 'crun', 'hands the socket itself to the container');
    const host = await listen('datagram', 1);
    configure('exit 0');
    expect(byShell(':', 'run', ['--detach'], { NOTIFY_SOCKET: host }).status).to.equal(0);
    c.verb('delete', '--force');
  });

  it('gives the container a session keyring of its own', function () {
    deviates(this, 'crun', 'its permissions are others');
    if (!existsSync('/proc/keys')) this.skip();
    const keys = (flags: string[]): string => {
      configure('grep keyring /proc/keys');
      return byShell(':', 'run', flags).stdout;
    };
    // In this order: the kernel shows a keyring for a while after its last process has ended.
    expect(keys(['--no-new-keyring'])).to.not.include(`_ses.${c.bundle.id}`);
    expect(keys([])).to.match(new RegExp(` 3f[0-9a-f]{2}[0-9a-f]{4} +0 +0 keyring +_ses\\.${c.bundle.id}: empty`));
  });
});
