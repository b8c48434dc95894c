// podman, as root and rootless, its conmon between it and the runtime.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { after, afterEach, before, beforeEach, describe, it } from 'mocha';
import { cgroupFile, eventually, expectThrough, isFrozen, must, needs, onTerminal, SCRIPT, which } from './engine.ts';
import { IMAGE } from './image.ts';
import { LIMITS, obstacleToPods, Podman, skipWithoutPodman } from './podman.ts';

const LOOP = 'trap "exit 5" TERM; echo up; while :; do sleep 0.1; done';

for (const rootless of [false, true]) {
  describe(`engine: podman, ${rootless ? 'rootless' : 'as root'}`, function () {
    this.timeout(120_000);
    let podman: Podman;
    /** Rootless without a delegated cgroup there is no cgroup of the container. */
    const parent = () => (rootless ? [] : ['--cgroup-parent', `/${podman.group}`]);
    const flags = () => ['--network', 'none', ...parent(), ...LIMITS];
    const shell = (more: readonly string[], script: string) =>
      podman.run(['run', '--rm', ...flags(), ...more, IMAGE, '/bin/sh', '-c', script]);
    const inspect = (id: string, format: string) => podman.must('inspect', '--format', format, id);

    before(async function () {
      skipWithoutPodman(this, rootless);
      podman = new Podman(rootless);
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
        const memory = rootless ? [] : ['--memory', '64m'];
        id = podman.must('run', '--detach', ...flags(), ...memory, IMAGE, '/bin/sh', '-c', LOOP);
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

      it('stands still when paused, goes on, and gets other limits', function () {
        if (rootless) return skip(this, 'a rootless container has no cgroup without systemd');
        needs(this, 'pause');
        podman.must('pause', id);
        expect(isFrozen(pid)).to.equal(true);
        podman.must('unpause', id);
        expect(isFrozen(pid)).to.equal(false);
        const memory = () => cgroupFile(pid, 'memory', 'memory.limit_in_bytes', 'memory.max');
        expect(memory()).to.equal(String(64 << 20));
        podman.must('update', '--memory', '96m', id);
        expect(memory()).to.equal(String(96 << 20));
      });
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
      };
      const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'played' }, spec: { containers: [container] } };
      const file = join(podman.dir, 'pod.yaml');
      writeFileSync(file, JSON.stringify(pod));
      podman.must('play', 'kube', '--network', 'none', file);
      await eventually('its first line', () => podman.must('logs', 'played-one') === 'up');
      expect(podman.must('exec', 'played-one', '/bin/sh', '-c', 'echo $A')).to.equal('b');
      podman.must('play', 'kube', '--down', file);
    });
  });
}

function skip(context: Mocha.Context, reason: string): void {
  if (context.test !== undefined) context.test.title += ` [${reason}]`;
  context.skip();
}
