// dockerd and docker, with the runtime under test as the daemon's default.

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { after, afterEach, before, beforeEach, describe, it } from 'mocha';
import { Docker, skipWithoutDocker } from './dockerd.ts';
import { cgroupFile, command, eventually, expectThrough, isFrozen, must, needs, onTerminal, SCRIPT } from './engine.ts';
import { IMAGE } from './image.ts';
import { pageCommand } from './page.ts';

const RUN = ['run', '--rm', '--network', 'none'];

describe('engine: docker', function () {
  this.timeout(120_000);
  let docker: Docker;
  const input = () => join(docker.dir, 'input');
  const shell = (flags: readonly string[], script: string) =>
    command(docker.words(...RUN, ...flags, IMAGE, '/bin/sh', '-c', script));
  const inspect = (id: string, format: string) => docker.must('inspect', '--format', format, id);

  before(async function () {
    skipWithoutDocker(this);
    docker = new Docker();
    await docker.start();
    writeFileSync(input(), 'through\n');
  });

  after(() => docker?.end());

  it('runs busybox: standard input, output, error and exit code come through', () => {
    const words = docker.words(...RUN, '--interactive', IMAGE, '/bin/sh', '-c', SCRIPT);
    expectThrough(command(words, { input: input() }));
  });

  it('runs the command of docs/engines.md, and has the runtime as its default', () => {
    expect(docker.must('info', '--format', '{{.DefaultRuntime}}')).to.equal('tsoci');
    expect(must(pageCommand('docker', docker.words(), ['--network', 'none']))).to.equal('hello');
  });

  it('gives a terminal', async () => {
    const words = docker.words(...RUN, '-it', IMAGE, '/bin/sh', '-c', 'tty; exit 3');
    expect(await onTerminal(words)).to.contain('/dev/pts/0');
  });

  it('tells a bad option, a file that is no program and a missing one apart: 125, 126, 127', () => {
    const status = (...words: string[]) => command(docker.words(...RUN, ...words)).status;
    expect(status('--runtime', 'missing', IMAGE, '/bin/true')).to.equal(125);
    expect(status(IMAGE, '/etc/passwd')).to.equal(126);
    expect(status(IMAGE, '/bin/missing')).to.equal(127);
    expect(status(IMAGE, 'missing')).to.equal(127);
  });

  it('runs as another user, without capabilities, on a file system that cannot be written', () => {
    expect(shell(['--user', '1000:1000'], 'id -u; id -g').stdout).to.equal('1000\n1000\n');
    expect(shell(['--cap-drop', 'ALL'], 'grep CapEff /proc/self/status').stdout).to.equal(
      'CapEff:\t0000000000000000\n',
    );
    expect(shell(['--cap-drop', 'ALL', '--cap-add', 'KILL'], 'grep CapEff /proc/self/status').stdout).to.match(
      /0020$/m,
    );
    expect(shell(['--read-only'], 'touch /file').stderr).to.contain('Read-only file system');
    expect(shell(['--read-only', '--tmpfs', '/tmp'], 'touch /tmp/file && echo written').stdout).to.equal('written\n');
    expect(shell([], 'grep Seccomp: /proc/self/status').stdout).to.equal('Seccomp:\t2\n');
    expect(shell(['--ulimit', 'nofile=100:200'], 'ulimit -n; ulimit -Hn').stdout).to.equal('100\n200\n');
  });

  it('puts an init of its own first', () => {
    expect(shell(['--init'], 'cat /proc/1/comm; exit 9')).to.include({ stdout: 'docker-init\n', status: 9 });
  });

  it('lets /dev/net/tun be made and opened', () => {
    const script = 'busybox mkdir /dev/net; busybox mknod /dev/net/tun c 10 200; : < /dev/net/tun';
    expect(shell([], script).stderr).to.not.contain('Operation not permitted');
  });

  it('tells when memory has run out', () => {
    const limit = ['--memory', '20m', '--memory-swap', '20m'];
    const more = ['busybox', 'dd', 'if=/dev/zero', 'of=/dev/null', 'bs=100M', 'count=1'];
    const id = docker.must('run', '--detach', '--network', 'none', ...limit, IMAGE, ...more);
    expect(docker.must('wait', id)).to.equal('137');
    expect(inspect(id, '{{.State.OOMKilled}}')).to.equal('true');
  });

  it('starts again what failed', async () => {
    const id = docker.must(
      'run',
      '--detach',
      '--network',
      'none',
      '--restart',
      'on-failure:2',
      IMAGE,
      '/bin/sh',
      '-c',
      'exit 4',
    );
    await eventually('the last end', () => inspect(id, '{{.State.Status}} {{.RestartCount}}') === 'exited 2');
    expect(inspect(id, '{{.State.ExitCode}}')).to.equal('4');
  });

  it('builds an image', () => {
    const folder = join(docker.dir, 'build');
    mkdirSync(folder);
    writeFileSync(join(folder, 'Dockerfile'), `FROM ${IMAGE}\nRUN id -u > /built && echo made >> /built\n`);
    const words = docker.words('build', '--network', 'none', '--quiet', '--tag', 'built', folder);
    const build = command(words, { env: { DOCKER_BUILDKIT: '0' } });
    expect(build.status, build.stderr).to.equal(0);
    expect(docker.must(...RUN, 'built', '/bin/cat', '/built')).to.equal('0\nmade');
  });

  describe('a container that runs', () => {
    const LOOP = 'trap "exit 5" TERM; echo up; while :; do sleep 0.1; done';
    let id = '';
    let pid = '';

    beforeEach(async () => {
      const flags = ['--detach', '--network', 'none', '--memory', '64m', '--memory-swap', '-1'];
      id = docker.must('run', ...flags, IMAGE, '/bin/sh', '-c', LOOP);
      pid = inspect(id, '{{.State.Pid}}');
      await eventually('its first line', () => docker.must('logs', id) === 'up');
    });

    afterEach(() => docker.must('rm', '--force', id));

    it('stops at SIGTERM with its own code, starts again, and dies of SIGKILL', () => {
      docker.must('stop', '--time', '20', id);
      expect(inspect(id, '{{.State.Status}} {{.State.ExitCode}}')).to.equal('exited 5');
      docker.must('start', id);
      docker.must('restart', '--time', '20', id);
      docker.must('kill', id);
      expect(docker.must('wait', id)).to.equal('137');
      expect(command(docker.words('kill', id)).stderr).to.contain('is not running');
    });

    it('stands still when paused, and goes on', function () {
      needs(this, 'pause');
      docker.must('pause', id);
      expect(isFrozen(pid)).to.equal(true);
      expect(command(docker.words('exec', id, '/bin/true')).stderr).to.contain('is paused');
      docker.must('unpause', id);
      expect(isFrozen(pid)).to.equal(false);
    });

    it('gets other limits', function () {
      needs(this, 'update');
      needs(this, 'exec');
      const memory = () => cgroupFile(pid, 'memory', 'memory.limit_in_bytes', 'memory.max');
      const pids = () => cgroupFile(pid, 'pids', 'pids.max', 'pids.max');
      expect(memory()).to.equal(String(64 << 20));
      docker.must('update', '--memory', '96m', '--memory-swap', '-1', id);
      expect(memory()).to.equal(String(96 << 20));
      docker.must('update', '--pids-limit', '77', id);
      expect({ memory: memory(), pids: pids() }).to.deep.equal({ memory: String(96 << 20), pids: '77' });
      // Devices are as they were.
      expect(docker.must('exec', id, '/bin/sh', '-c', 'echo > /dev/null && echo open')).to.equal('open');
    });

    it('is looked at from outside: top, stats, logs, copies', () => {
      expect(docker.must('top', id)).to.contain(pid);
      expect(docker.must('stats', '--no-stream', '--format', '{{.PIDs}} {{.MemUsage}}', id)).to.match(/^\d+ .*64MiB$/);
      docker.must('cp', input(), `${id}:/tmp/copied`);
      docker.must('cp', `${id}:/tmp/copied`, join(docker.dir, 'back'));
      expect(readFileSync(join(docker.dir, 'back'), 'utf8')).to.equal('through\n');
    });

    it('lets a program in: its streams, exit code, user, folder, environment and terminal', async function () {
      needs(this, 'exec');
      expectThrough(command(docker.words('exec', '--interactive', id, '/bin/sh', '-c', SCRIPT), { input: input() }));
      const flags = ['--user', '1000', '--workdir', '/tmp', '--env', 'WORD=heard'];
      expect(docker.must('exec', ...flags, id, '/bin/sh', '-c', 'id -u; pwd; echo $WORD')).to.equal(
        '1000\n/tmp\nheard',
      );
      expect(command(docker.words('exec', id, 'missing')).status).to.be.oneOf([126, 127]);
      expect(await onTerminal(docker.words('exec', '-it', id, '/bin/tty'))).to.contain('/dev/pts/0');
    });

    it('is asked for its health', async function () {
      needs(this, 'exec');
      const health = ['--health-cmd', 'test -e /tmp/well', '--health-interval', '200ms', '--health-retries', '1'];
      const sick = docker.must('run', '--detach', '--network', 'none', ...health, IMAGE, '/bin/sh', '-c', LOOP);
      const is = (word: string) => () => inspect(sick, '{{.State.Health.Status}}') === word;
      await eventually('the sickness', is('unhealthy'));
      docker.must('exec', sick, '/bin/touch', '/tmp/well');
      await eventually('the health', is('healthy'));
      docker.must('rm', '--force', sick);
    });
  });
});
