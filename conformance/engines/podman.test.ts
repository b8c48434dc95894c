// podman, as root and rootless, its conmon between it and the runtime.

import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect } from 'chai';
import { after, afterEach, before, beforeEach, describe, it } from 'mocha';
import { skip } from '../harness/skip.ts';
import { OF_USER, systemctl, USER } from '../harness/systemd.ts';
import { DRIVERS, parentOf, pathOf, propertyOf } from './drivers.ts';
import {
  cgroupFile,
  eventually,
  expectThrough,
  isFrozen,
  must,
  needs,
  onTerminal,
  PATIENCE,
  SCRIPT,
  which,
} from './engine.ts';
import { IMAGE } from './image.ts';
import { LIMITS, obstacleToPods, Podman, skipWithoutPodman } from './podman.ts';

const LOOP = 'trap "exit 5" TERM; echo up; while :; do sleep 0.1; done';

const KINDS = DRIVERS.flatMap((driver) => [false, true].map((rootless) => ({ driver, rootless })));

for (const { driver, rootless } of KINDS) {
  describe(`engine: podman, ${rootless ? 'rootless' : 'as root'}, cgroups by ${driver}`, function () {
    this.timeout(10 * PATIENCE);
    let podman: Podman;
    /** Rootless without a delegated cgroup there is no cgroup of the container. */
    const hasCgroup = !rootless || driver === 'systemd';
    const parent = () => (rootless ? [] : ['--cgroup-parent', parentOf(driver, podman.group)]);
    const whose = rootless ? OF_USER : [];
    const flags = () => ['--network', 'none', ...parent(), ...LIMITS];
    const shell = (more: readonly string[], script: string) =>
      podman.run(['run', '--rm', ...flags(), ...more, IMAGE, '/bin/sh', '-c', script]);
    const inspect = (id: string, format: string) => podman.must('inspect', '--format', format, id);

    before(async function () {
      skipWithoutPodman(this, rootless, driver);
      podman = new Podman(rootless, driver);
      await podman.start();
    });

    after(() => podman?.end());

    for (const isDefault of [true, false]) {
      const how = isDefault ? 'the default runtime, whose log is JSON' : 'the runtime of --runtime, whose log is text';
      describe(how, () => {
        before(() => podman.configure(isDefault));
        after(() => podman.configure(true));

        it('runs busybox: standard input, output, error and exit code come through', () => {
          const words = ['run', '--rm', '--interactive', ...flags(), IMAGE, '/bin/sh', '-c', SCRIPT];
          expectThrough(podman.run(words, join(podman.dir, 'input')));
        });

        it('tells a bad option, a file that is no program and a missing one apart: 125, 126, 127', () => {
          const run = (...words: string[]) => podman.run(['run', '--rm', ...flags(), ...words]);
          expect(run('--volume', '/missing:/missing', IMAGE, '/bin/true').status).to.equal(125);
          expect(run(IMAGE, '/etc/passwd').status).to.equal(126);
          const missing = run(IMAGE, '/bin/missing');
          expect(missing.status).to.equal(127);
          expect(missing.stderr).to.match(/OCI runtime attempted to invoke a command that was not found/);
          expect(run(IMAGE, 'missing').status).to.equal(127);
        });
      });
    }

    it('runs the command of docs/engines.md, and has the runtime of its containers.conf as its default', () => {
      expect(podman.must('info', '--format', '{{.Host.OCIRuntime.Name}}')).to.equal('tsoci');
      expect(must(podman.pageWords(flags()), { env: podman.env() })).to.equal('hello');
    });

    it('gives a terminal', async () => {
      const words = podman.words('run', '--rm', '-it', ...flags(), IMAGE, '/bin/sh', '-c', 'tty; exit 3');
      expect(await onTerminal(words, podman.env())).to.contain('/dev/pts/0');
    });

    it('puts an init of its own first', () => {
      const init = ['--init', '--init-path', which('docker-init')];
      expect(shell(init, 'cat /proc/1/comm; exit 9')).to.include({ status: 9 }).and.property('stdout').contain('init');
    });

    it('runs as another user, without capabilities, with limits, on a file system that cannot be written', () => {
      expect(shell(['--user', '1000:1000'], 'id -u; id -g').stdout).to.equal('1000\n1000\n');
      const caps = shell(['--cap-drop', 'ALL', '--cap-add', 'KILL'], 'grep CapEff /proc/self/status');
      expect(caps.stdout).to.equal('CapEff:\t0000000000000020\n');
      expect(shell(['--ulimit', 'nofile=100:200'], 'ulimit -n; ulimit -Hn').stdout).to.equal('100\n200\n');
      expect(shell(['--read-only'], 'touch /file').stderr).to.contain('Read-only file system');
      expect(shell([], 'grep Seccomp: /proc/self/status').stdout).to.equal('Seccomp:\t2\n');
    });

    describe('a container that runs', () => {
      let id = '';
      let pid = '';

      beforeEach(async () => {
        const limits = hasCgroup ? ['--memory', '64m', '--cpus', '0.5', '--pids-limit', '50'] : [];
        id = podman.must('run', '--detach', ...flags(), ...limits, IMAGE, '/bin/sh', '-c', LOOP);
        pid = inspect(id, '{{.State.Pid}}');
        await eventually('its first line', () => podman.must('logs', id) === 'up');
      });

      afterEach(() => podman.must('rm', '--force', '--time', '0', id));

      it('stops at SIGTERM with its own code, starts again, and dies of SIGKILL', () => {
        podman.must('stop', '--time', '20', id);
        expect(inspect(id, '{{.State.Status}} {{.State.ExitCode}}')).to.equal('exited 5');
        podman.must('start', id);
        podman.must('kill', id);
        expect(podman.must('wait', id)).to.equal('137');
      });

      it('lets a program in: its streams, exit code, user, folder, environment and terminal', async () => {
        expectThrough(podman.run(['exec', '--interactive', id, '/bin/sh', '-c', SCRIPT], join(podman.dir, 'input')));
        const more = ['--user', '1000', '--workdir', '/tmp', '--env', 'WORD=heard'];
        expect(podman.must('exec', ...more, id, '/bin/sh', '-c', 'id -u; pwd; echo $WORD')).to.equal(
          '1000\n/tmp\nheard',
        );
        expect(podman.run(['exec', id, 'missing']).status).to.equal(127);
        expect(await onTerminal(podman.words('exec', '-it', id, '/bin/tty'), podman.env())).to.contain('/dev/pts/0');
      });

      it('stands still when paused, and goes on', function () {
        if (!hasCgroup) return skip(this, 'a rootless container has no cgroup without systemd');
        needs(this, 'pause');
        podman.must('pause', id);
        expect(isFrozen(pid)).to.equal(true);
        podman.must('unpause', id);
        expect(isFrozen(pid)).to.equal(false);
      });

      const limits = () => ({
        memory: cgroupFile(pid, 'memory', 'memory.limit_in_bytes', 'memory.max'),
        quota: cgroupFile(pid, 'cpu', 'cpu.cfs_quota_us', 'cpu.max').split(' ')[0],
        pids: cgroupFile(pid, 'pids', 'pids.max', 'pids.max'),
      });
      const asked = { memory: String(64 << 20), quota: '50000', pids: '50' };

      it('has limits, gets others, and is measured', function () {
        if (!hasCgroup) return skip(this, 'a rootless container has no cgroup without systemd');
        expect(limits()).to.deep.equal(asked);
        const stats = podman.must('stats', '--no-stream', '--format', '{{.PIDs}} {{.MemUsage}}', id);
        expect(stats).to.match(/^\d+ .* \/ 67.11MB$/);
        needs(this, 'update');
        podman.must('update', '--memory', '96m', id);
        podman.must('update', '--cpus', '0.25', id);
        expect(limits()).to.deep.equal({ ...asked, memory: String(96 << 20), quota: '25000' });
      });

      it('is a unit of systemd, which keeps what it is given', function () {
        if (driver !== 'systemd') return skip(this, 'systemd is not asked');
        const below = rootless
          ? `/user.slice/user-${USER.id}.slice/user@${USER.id}.service/user.slice`
          : `/${podman.group}.slice`;
        expect(pathOf(pid)).to.match(new RegExp(`^${below}/libpod-${id}.scope`));
        const properties = () =>
          ['MemoryMax', 'CPUQuotaPerSecUSec', 'TasksMax'].map((name) => propertyOf(pid, name, ...whose));
        expect(properties()).to.deep.equal([asked.memory, '500ms', asked.pids]);
        needs(this, 'update');
        podman.must('update', '--memory', '96m', '--cpus', '0.25', id);
        expect(properties()).to.deep.equal([String(96 << 20), '250ms', asked.pids]);
        systemctl(...whose, 'daemon-reload');
        expect(limits()).to.deep.equal({ ...asked, memory: String(96 << 20), quota: '25000' });
        expect(podman.must('exec', id, '/bin/sh', '-c', 'echo > /dev/null && echo open')).to.equal('open');
      });
    });

    it('is asked for its health', () => {
      const health = ['--health-cmd', 'test -e /tmp/well', '--health-interval', 'disable', '--health-retries', '1'];
      const id = podman.must('run', '--detach', ...flags(), ...health, IMAGE, '/bin/sh', '-c', LOOP);
      expect(podman.run(['healthcheck', 'run', id]).status).to.equal(1);
      podman.must('exec', id, '/bin/touch', '/tmp/well');
      expect(podman.run(['healthcheck', 'run', id]).status).to.equal(0);
      podman.must('rm', '--force', '--time', '0', id);
    });

    it('has a systemd of its own, and the cgroups that it makes', async function () {
      if (driver !== 'systemd' || rootless)
        return skip(this, 'it is the root file system of this host, read by root, where systemd is');
      const boot = ['--systemd=always', '--rootfs', '/:O', '/sbin/init', '--unit=basic.target'];
      const id = podman.must('run', '--detach', ...flags(), '--memory', '256m', ...boot);
      const pid = inspect(id, '{{.State.Pid}}');
      const inside = (...words: string[]) => podman.run(['exec', id, ...words]);
      await eventually('its boot', () => /running|degraded/.test(inside('systemctl', 'is-system-running').stdout));
      expect(pathOf(pid))
        .to.contain(`libpod-${id}.scope`)
        .and.match(/\/init\.scope$/);
      const service = ['systemd-run', '--quiet', '--unit=inside', '--property=MemoryMax=20M', 'sleep', '1000'];
      expect(inside(...service)).to.include({ status: 0 });
      const top = join('/sys/fs/cgroup', dirname(pathOf(pid)));
      expect(readFileSync(join(top, 'system.slice/inside.service/memory.max'), 'utf8').trim()).to.equal(
        String(20 << 20),
      );
      const frozen = () =>
        /^frozen 1$/m.test(readFileSync(join(top, 'system.slice/inside.service/cgroup.events'), 'utf8'));
      podman.must('pause', id);
      expect(frozen()).to.equal(true);
      podman.must('unpause', id);
      expect(frozen()).to.equal(false);
      podman.must('stop', '--time', '30', id);
      expect(inspect(id, '{{.State.Status}} {{.State.ExitCode}}')).to.match(/^exited (?!137)/);
      podman.must('rm', id);
    });

    it('runs a pod: its containers share a network', function () {
      const reason = obstacleToPods(rootless);
      if (reason) return skip(this, reason);
      podman.must('pod', 'create', '--name', 'pod', '--network', 'none', ...parent());
      const member = () =>
        podman.must('run', '--rm', '--pod', 'pod', ...LIMITS, IMAGE, '/bin/ls', '-l', '/proc/self/ns/net');
      const namespace = (line: string) => /net:\[\d+\]/.exec(line)?.[0];
      expect(namespace(member())).to.be.a('string').and.equal(namespace(member()));
      podman.must('pod', 'rm', '--force', '--time', '0', 'pod');
    });

    it('plays what Kubernetes would', async function () {
      const reason = obstacleToPods(rootless);
      if (reason) return skip(this, reason);
      const container = {
        name: 'one',
        image: IMAGE,
        command: ['/bin/sh', '-c', LOOP],
        env: [{ name: 'A', value: 'b' }],
        ...(hasCgroup ? { resources: { limits: { memory: '64Mi' } } } : {}),
      };
      const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'played' }, spec: { containers: [container] } };
      const file = join(podman.dir, 'pod.yaml');
      writeFileSync(file, JSON.stringify(pod));
      podman.must('play', 'kube', '--network', 'none', file);
      await eventually('its first line', () => podman.must('logs', 'played-one') === 'up');
      expect(podman.must('exec', 'played-one', '/bin/sh', '-c', 'echo $A')).to.equal('b');
      const pid = inspect('played-one', '{{.State.Pid}}');
      if (hasCgroup)
        expect(cgroupFile(pid, 'memory', 'memory.limit_in_bytes', 'memory.max')).to.equal(String(64 << 20));
      podman.must('play', 'kube', '--down', file);
    });
  });
}
