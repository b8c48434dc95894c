// dockerd and docker, with the runtime under test as the daemon's default.

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { after, afterEach, before, beforeEach, describe, it } from 'mocha';
import { needsController } from '../harness/cgroup.ts';
import { runtimePath } from '../harness/runtime.ts';
import { skip } from '../harness/skip.ts';
import { Docker, skipWithoutDocker } from './dockerd.ts';
import { DRIVERS, pathOf, propertyOf } from './drivers.ts';
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
import { IMAGE } from './image.ts';
import { pageCommand } from './page.ts';

const RUN = ['run', '--rm', '--network', 'none'];

for (const driver of DRIVERS) {
  describe(`engine: docker, cgroups by ${driver}`, function () {
    this.timeout(10 * PATIENCE);
    let docker: Docker;
    const input = () => join(docker.dir, 'input');
    const shell = (flags: readonly string[], script: string) =>
      command(docker.words(...RUN, ...flags, IMAGE, '/bin/sh', '-c', script));
    const inspect = (id: string, format: string) => docker.must('inspect', '--format', format, id);

    before(async function () {
      skipWithoutDocker(this);
      docker = new Docker(driver);
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

    describe('memory that has run out', () => {
      const run = ['run', '--detach', '--network', 'none', '--memory', '20m', '--memory-swap', '20m', IMAGE];
      const hog = 'busybox dd if=/dev/zero of=/dev/null bs=100M count=1';
      const isTold = (id: string) => inspect(id, '{{.State.OOMKilled}}') === 'true';

      it('ends the container, and is told', () => {
        const id = docker.must(...run, ...hog.split(' '));
        expect(docker.must('wait', id)).to.equal('137');
        // systemd takes the cgroup away with its last process, before containerd's shim has read it.
        if (driver === 'cgroupfs') expect(isTold(id)).to.equal(true);
      });

      it('is told of a container that lives on', async () => {
        const id = docker.must(...run, '/bin/sh', '-c', `${hog}; echo $?; exec sleep 1000`);
        await eventually('the end of the hog', () => docker.must('logs', id).endsWith('137'));
        const events = ['events', '--since', '1h', '--until', '0s', '--filter', `container=${id}`];
        await eventually('the event', () => docker.must(...events, '--format', '{{.Action}}').includes('oom'));
        docker.must('kill', id);
        docker.must('wait', id);
        expect(isTold(id)).to.equal(true);
      });
    });

    it('shows the cgroup of the container as its root, or all those of the host', () => {
      const paths = (kind: string) => {
        const lines = shell(['--cgroupns', kind], 'cat /proc/self/cgroup').stdout.trim().split('\n');
        return lines.map((line) => line.slice(line.lastIndexOf(':') + 1));
      };
      expect(new Set(paths('private'))).to.deep.equal(new Set(['/']));
      expect(paths('host').some((path) => path.includes(docker.group))).to.equal(true);
      const limit = shell(
        ['--cgroupns', 'private', '--pids-limit', '33'],
        'cat /sys/fs/cgroup/pids.max /sys/fs/cgroup/pids/pids.max',
      );
      expect(limit.stdout).to.equal('33\n');
      expect(shell([], 'busybox mkdir /sys/fs/cgroup/new').stderr).to.contain('Read-only file system');
    });

    it('starts again what failed', async () => {
      const restart = ['--detach', '--network', 'none', '--restart', 'on-failure:2'];
      const id = docker.must('run', ...restart, IMAGE, '/bin/sh', '-c', 'exit 4');
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

    describe('a container with limits', () => {
      const LIMITS = [
        '--memory',
        '64m',
        '--memory-swap',
        '-1',
        '--memory-reservation',
        '32m',
        '--cpus',
        '0.5',
        '--pids-limit',
        '50',
      ];
      let id = '';
      let pid = '';
      const limits = () => ({
        memory: cgroupFile(pid, 'memory', 'memory.limit_in_bytes', 'memory.max'),
        reservation: cgroupFile(pid, 'memory', 'memory.soft_limit_in_bytes', 'memory.low'),
        quota: cgroupFile(pid, 'cpu', 'cpu.cfs_quota_us', 'cpu.max').split(' ')[0],
        pids: cgroupFile(pid, 'pids', 'pids.max', 'pids.max'),
      });

      beforeEach(() => {
        id = docker.must('run', '--detach', '--network', 'none', ...LIMITS, IMAGE, '/bin/sleep', '1000');
        pid = inspect(id, '{{.State.Pid}}');
      });

      afterEach(() => docker.must('rm', '--force', id));

      const asked = { memory: String(64 << 20), reservation: String(32 << 20), quota: '50000', pids: '50' };

      it('has them, and gets others', function () {
        expect(limits()).to.deep.equal(asked);
        needs(this, 'update');
        docker.must('update', '--memory', '96m', '--memory-swap', '-1', id);
        expect(limits()).to.deep.equal({ ...asked, memory: String(96 << 20) });
        docker.must('update', '--cpus', '0.25', '--pids-limit', '77', id);
        expect(limits()).to.deep.equal({ ...asked, memory: String(96 << 20), quota: '25000', pids: '77' });
        // Devices are as they were.
        expect(docker.must('exec', id, '/bin/sh', '-c', 'echo > /dev/null && echo open')).to.equal('open');
        docker.must('restart', '--time', '0', id);
        pid = inspect(id, '{{.State.Pid}}');
        expect(limits()).to.deep.equal({ ...asked, memory: String(96 << 20), quota: '25000', pids: '77' });
      });

      it('runs on the processors that it is given', function () {
        needsController(this, 'cpuset');
        const [first] = must(['nproc', '--all']) === '1' ? ['0'] : ['1'];
        docker.must('update', '--cpuset-cpus', first, id);
        expect(cgroupFile(pid, 'cpuset', 'cpuset.cpus', 'cpuset.cpus')).to.equal(first);
        expect(readFileSync(`/proc/${pid}/status`, 'utf8')).to.match(new RegExp(`^Cpus_allowed_list:\t${first}$`, 'm'));
      });

      if (driver === 'systemd') {
        it('is a unit of systemd, which keeps what it is given', function () {
          const scope = `docker-${id}.scope`;
          expect(pathOf(pid)).to.equal(`/${docker.group}.slice/${scope}`);
          const properties = () =>
            ['MemoryMax', 'MemoryLow', 'CPUQuotaPerSecUSec', 'TasksMax'].map((name) => propertyOf(pid, name));
          expect(properties()).to.deep.equal([asked.memory, asked.reservation, '500ms', asked.pids]);
          needs(this, 'update');
          docker.must('update', '--memory', '96m', '--memory-swap', '-1', '--cpus', '0.25', '--pids-limit', '77', id);
          expect(properties()).to.deep.equal([String(96 << 20), asked.reservation, '250ms', '77']);
          must(['systemctl', 'daemon-reload']);
          expect(limits()).to.deep.equal({ ...asked, memory: String(96 << 20), quota: '25000', pids: '77' });
          expect(docker.must('exec', id, '/bin/sh', '-c', 'echo > /dev/null && echo open')).to.equal('open');
          docker.must('kill', id);
          docker.must('wait', id);
          expect(must(['systemctl', 'list-units', '--all', '--no-legend', scope])).to.equal('');
        });
      }
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

      it('is looked at from outside: top, stats, logs, copies', () => {
        expect(docker.must('top', id)).to.contain(pid);
        expect(docker.must('stats', '--no-stream', '--format', '{{.PIDs}} {{.MemUsage}}', id)).to.match(
          /^\d+ .*64MiB$/,
        );
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

  describe(`engine: docker, the runtime in the place of runc, cgroups by ${driver}`, function () {
    this.timeout(10 * PATIENCE);
    let docker: Docker;
    before(async function () {
      skipWithoutDocker(this);
      docker = new Docker(driver, { isRunc: true });
      await docker.start();
    });

    after(() => docker?.end());

    it('is what the daemon calls', () => {
      const [, version] = /version (\S+)/.exec(must([runtimePath, '--version'])) ?? [];
      const format = '{{range .Server.Components}}{{if eq .Name "runc"}}{{.Version}}{{end}}{{end}}';
      expect(docker.must('version', '--format', format)).to.equal(version);
      expect(docker.must(...RUN, IMAGE, '/bin/echo', 'hello')).to.equal('hello');
    });

    it('builds an image by BuildKit', function () {
      const plugin = Number(docker.must('version', '--format', '{{.Client.Version}}').split('.')[0]) >= 23;
      if (plugin && command(docker.words('buildx', 'version')).status !== 0) return skip(this, 'docker has no buildx');
      const folder = join(docker.dir, 'build');
      mkdirSync(folder);
      const build = (...steps: string[]) => {
        writeFileSync(join(folder, 'Dockerfile'), [`FROM ${IMAGE}`, ...steps, ''].join('\n'));
        const words = docker.words('build', '--network', 'none', '--tag', 'built', folder);
        return command(words, { env: { DOCKER_BUILDKIT: '1' } });
      };
      const mounts = '--mount=type=tmpfs,target=/one --mount=type=cache,target=/two';
      const done = build(
        'RUN id -u >/built && grep -c 0::/ /proc/self/cgroup >>/built',
        `RUN ${mounts} touch /one/file /two/file && ls /one /two >>/built`,
        'USER 1000',
        'RUN id -u >/tmp/built',
      );
      expect(done.status, done.stderr).to.equal(0);
      const files = docker.must(...RUN, 'built', '/bin/cat', '/built', '/tmp/built');
      expect(files).to.equal('0\n1\n/one:\nfile\n\n/two:\nfile\n1000');
      expect(build('RUN exit 7').stderr).to.match(/exit code: 7/);
      expect(build('RUN ["/bin/missing"]').stderr).to.contain('stat /bin/missing: no such file or directory');
    });
  });
}
