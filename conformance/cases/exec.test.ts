// `exec`: one more process in a running container, with its own `process` and the container's confinement.

import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import type { Config } from '../harness/bundle.ts';
import { useCase } from '../harness/case.ts';
import { isUnified } from '../harness/cgroup.ts';
import { cgroupDirs } from '../harness/leftovers.ts';
import { TIMES } from '../harness/rounds.ts';
import { deviates, type Result, type RunOptions, runtimeName } from '../harness/runtime.ts';
import { until } from '../harness/until.ts';

const NAMESPACES = ['cgroup', 'ipc', 'mnt', 'net', 'pid', 'uts'];

describe('exec', () => {
  const c = useCase();

  /** A container that sleeps. */
  function start(change: (config: Config) => void = () => {}): void {
    expect(c.create('exec sleep 100', change)).to.include({ status: 0 });
    expect(c.verb('start')).to.include({ status: 0 });
  }

  const stop = (): void => void c.verb('delete', '--force');

  const exec = (args: readonly string[], options: RunOptions = {}): Result => c.runtime.run(['exec', ...args], options);

  /** In the container, by flags. */
  const sh = (script: string, ...flags: string[]): Result => exec([...flags, c.bundle.id, '/bin/sh', '-c', script]);

  /** In the container, by a process document. */
  function withProcess(process: Config, ...flags: string[]): Result {
    const path = join(c.bundle.dir, 'process.json');
    writeFileSync(path, JSON.stringify({ cwd: '/', user: { uid: 0, gid: 0 }, env: ['PATH=/bin'], ...process }));
    return exec(['--process', path, ...flags, c.bundle.id]);
  }

  const initPid = (): number => c.runtime.state(c.bundle.id).pid;

  /** Starts a sleeper by `exec --detach` and returns its pid on the host. */
  function detached(...flags: string[]): number {
    const file = join(c.bundle.dir, 'exec.pid');
    const args = ['exec', '--detach', '--pid-file', file, ...flags, c.bundle.id, '/bin/sleep', '77'];
    expect(c.runtime.run(args, { detached: true })).to.include({ status: 0 });
    const text = readFileSync(file, 'utf8');
    expect(text).to.match(/^[0-9]+$/);
    return Number(text);
  }

  for (const code of [0, 1, 42, 254]) {
    it(`exits with the program's ${code}`, () => {
      start();
      expect(sh(`exit ${code}`).status).to.equal(code);
      stop();
    });
  }

  it('exits with 128 and the signal that ended the program', () => {
    start();
    expect(sh('kill -9 $$').status).to.equal(137);
    expect(sh('kill -15 $$').status).to.equal(143);
    stop();
  });

  it('passes standard input, output and error, and much of it', () => {
    start();
    const input = 'x'.repeat(300_000);
    const result = exec([c.bundle.id, '/bin/sh', '-c', 'cat; echo error >&2'], { input });
    expect(result.stdout.length).to.equal(input.length);
    expect(result.stderr).to.equal('error\n');
    stop();
  });

  it('is in every namespace and cgroup of the container', () => {
    start((config) => config.linux.namespaces.push({ type: 'cgroup' }));
    const pid = detached();
    for (const name of NAMESPACES) {
      const own = readlinkSync(`/proc/${pid}/ns/${name}`);
      expect(own, name).to.equal(readlinkSync(`/proc/${initPid()}/ns/${name}`));
      expect(own, name).to.not.equal(readlinkSync(`/proc/self/ns/${name}`));
    }
    expect(readFileSync(`/proc/${pid}/cgroup`, 'utf8')).to.equal(readFileSync(`/proc/${initPid()}/cgroup`, 'utf8'));
    expect(readlinkSync(`/proc/${pid}/root`)).to.equal(readlinkSync(`/proc/${initPid()}/root`));
    stop();
  });

  it('is in the user namespace of the container, with ids of there', () => {
    chmodSync(c.bundle.dir, 0o755);
    start((config) => {
      config.linux.namespaces.push({ type: 'user' });
      config.linux.uidMappings = [{ containerID: 0, hostID: 100000, size: 1000 }];
      config.linux.gidMappings = [{ containerID: 0, hostID: 200000, size: 1000 }];
    });
    const pid = detached('--user', '7:8');
    expect(readlinkSync(`/proc/${pid}/ns/user`)).to.equal(readlinkSync(`/proc/${initPid()}/ns/user`));
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    expect(status).to.match(/^Uid:\t100007\t100007\t100007\t100007$/m);
    expect(status).to.match(/^Gid:\t200008\t200008\t200008\t200008$/m);
    expect(sh('id -u; id -g').stdout).to.equal('0\n0\n');
    stop();
  });

  it('keeps no descriptor of ours, and none of the caller', function () {
    deviates(this, 'crun', 'one of its own may stay');
    start();
    const pid = detached();
    expect(readdirSync(`/proc/${pid}/fd`).sort()).to.deep.equal(['0', '1', '2']);
    stop();
  });

  it("has the container's null device, whose owner and mode are not the host's, where the caller gives the host's", function () {
    deviates(this, 'runc', "leaves the caller's");
    deviates(this, 'crun', "leaves the caller's");
    start();
    const pid = detached();
    for (const stream of [0, 1]) {
      const { dev, rdev } = statSync(`/proc/${pid}/fd/${stream}`);
      expect({ dev, rdev }).to.deep.equal({
        dev: statSync(`/proc/${pid}/root/dev`).dev,
        rdev: statSync('/dev/null').rdev,
      });
    }
    stop();
  });

  it("takes user, capabilities, limits and no_new_privs of the container's process", function () {
    deviates(this, 'crun', 'it takes neither user nor limits nor no_new_privs');
    start((config) => {
      config.process.user = { uid: 1000, gid: 1001, additionalGids: [7] };
      config.process.capabilities.bounding = ['CAP_KILL', 'CAP_CHOWN'];
      config.process.rlimits = [{ type: 'RLIMIT_CORE', soft: 77 * 512, hard: 78 * 512 }];
    });
    const status = sh('grep -E "^(Uid|Gid|Groups|Cap|NoNew|SigBlk)" /proc/self/status; ulimit -c; id -G').stdout;
    expect(status)
      .to.match(/^Uid:\t1000\t1000/m)
      .and.match(/^Gid:\t1001\t1001/m);
    expect(status)
      .to.match(/^Groups:.*7/m)
      .and.match(/^CapBnd:\t0000000000000021$/m);
    expect(status)
      .to.match(/^NoNewPrivs:\t1$/m)
      .and.match(/^SigBlk:\t0000000000000000$/m)
      .and.match(/^77$/m);
    stop();
  });

  it('takes what the flags say', function () {
    deviates(this, 'crun', 'no --additional-gids');
    start();
    const flags = [
      '--user',
      '1000:1001',
      '--additional-gids',
      '5',
      '--additional-gids',
      '6',
      '--cwd',
      '/tmp',
      '-e',
      'A=b=c',
    ];
    const { stdout } = sh('id -u; id -g; id -G; pwd; echo $A', ...flags);
    expect(stdout).to.equal('1000\n1001\n1001 5 6\n/tmp\nb=c\n');
    stop();
  });

  it('adds capabilities to three sets, and never to the inheritable one', function () {
    deviates(this, 'crun', 'it adds them to fewer');
    start();
    const { stdout } = sh('grep Cap /proc/self/status', '--cap', 'CAP_CHOWN');
    expect(stdout)
      .to.match(/^CapBnd:\t0000000000000021$/m)
      .and.match(/^CapEff:\t0000000000000021$/m);
    expect(stdout)
      .to.match(/^CapInh:\t0000000000000000$/m)
      .and.match(/^CapAmb:\t0000000000000000$/m);
    stop();
  });

  for (const user of ['4294967295', '4294967296', '-1', 'root', '1:x', '1:1:1', '1:4294967296', ' 1', '1e3']) {
    it(`refuses the user ${JSON.stringify(user)}`, function () {
      deviates(this, 'runc', 'numbers wrap around: 4294967296 is uid 0');
      deviates(this, 'crun', 'numbers wrap around: -1 is uid 0');
      start();
      const result = sh('id', `--user=${user}`);
      expect(result).to.include({ status: 255, stdout: '' });
      stop();
    });
  }

  it('runs a process document, with nothing of the container but its confinement', () => {
    start((config) => {
      config.process.rlimits = [{ type: 'RLIMIT_NOFILE', soft: 77, hard: 78 }];
    });
    const result = withProcess({
      args: ['/bin/sh', '-c', 'id -u; echo $X; pwd; grep -E "^(CapEff|NoNew)" /proc/self/status; ulimit -c'],
      env: ['X=y', 'PATH=/bin'],
      cwd: '/tmp',
      user: { uid: 3, gid: 4 },
      capabilities: { bounding: ['CAP_CHOWN'] },
      rlimits: [{ type: 'RLIMIT_CORE', soft: 0, hard: 0 }],
    });
    expect(result.stdout).to.equal('3\ny\n/tmp\nCapEff:\t0000000000000000\nNoNewPrivs:\t0\n0\n');
    stop();
  });

  it('has what its document does not say from the container', () => {
    const capabilities = { bounding: ['CAP_KILL'], effective: ['CAP_KILL'], permitted: ['CAP_KILL'] };
    start((config) => Object.assign(config.process, { capabilities }));
    const script = 'grep -E "^Cap(Eff|Bnd)" /proc/self/status';
    const { stdout, stderr } = withProcess({ args: ['/bin/sh', '-c', script] });
    expect(stdout, stderr).to.equal('CapEff:\t0000000000000020\nCapBnd:\t0000000000000020\n');
    stop();
  });

  it('has the umask of its user', function () {
    deviates(this, 'runc', "it takes the umask of the container's first process");
    start();
    const user = { uid: 0, gid: 0, umask: 0o77 };
    expect(withProcess({ args: ['/bin/sh', '-c', 'umask'], user }).stdout).to.equal('0077\n');
    stop();
  });

  it("is under the container's seccomp profile, and HOME is the user's", () => {
    start((config) => {
      config.process.env = ['PATH=/bin'];
      config.linux.seccomp = {
        defaultAction: 'SCMP_ACT_ALLOW',
        syscalls: [{ names: ['chmod', 'fchmodat', 'fchmodat2'], action: 'SCMP_ACT_ERRNO', errnoRet: 77 }],
      };
    });
    writeFileSync(join(c.bundle.rootfs, 'tmp/file'), '');
    for (const noNewPrivileges of [true, false]) {
      const capabilities = { bounding: ['CAP_KILL'], effective: ['CAP_KILL'], permitted: ['CAP_KILL'] };
      const args = [
        '/bin/sh',
        '-c',
        'grep -E "^(Seccomp|CapEff):" /proc/self/status; chmod 777 /tmp/file || echo $HOME',
      ];
      const { stdout } = withProcess({ args, noNewPrivileges, capabilities });
      expect(stdout).to.equal('CapEff:\t0000000000000020\nSeccomp:\t2\n/root\n');
    }
    stop();
  });

  it('has a terminal of the container where one is asked for', async () => {
    start();
    const [program, words] = c.runtime.line(['exec', '-t', c.bundle.id, '/bin/sh', '-c', 'tty; echo out; exit 9']);
    // script(1) is our terminal.
    const child = spawn('script', ['-qec', [program, ...words].map((word) => `'${word}'`).join(' '), '/dev/null'], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    let output = '';
    child.stdout.on('data', (data) => {
      output += data;
    });
    const [status] = await once(child, 'close');
    expect(output.replaceAll('\r', '')).to.equal('/dev/pts/0\nout\n');
    expect(status).to.equal(9);
    stop();
  });

  it('forwards signals to the program', async () => {
    start();
    const script = 'trap "echo got; exit 5" TERM; echo ready; while :; do sleep 0.05; done';
    const [program, words] = c.runtime.line(['exec', c.bundle.id, '/bin/sh', '-c', script]);
    const child = spawn(program, words, { stdio: ['ignore', 'pipe', 'inherit'] });
    let output = '';
    child.stdout.on('data', (data) => {
      output += data;
      if (output === 'ready\n') child.kill('SIGTERM');
    });
    const [status] = await once(child, 'close');
    expect(output).to.equal('ready\ngot\n');
    expect(status).to.equal(5);
    stop();
  });

  /** `exec` with descriptors that `stage`, a line of shell, has opened. */
  function withDescriptors(stage: string, count: number, script: string) {
    const words = ['exec', '--preserve-fds', String(count), c.bundle.id, '/bin/sh', '-c', script];
    const [program, line] = c.runtime.line(words);
    writeFileSync(join(c.bundle.dir, 'passed'), 'passed on');
    const shell = ['-c', `cd ${c.bundle.dir}; ${stage}; exec "$@"`, 'sh', program, ...line];
    return spawnSync('sh', shell, { encoding: 'utf8' });
  }

  it('passes descriptors that are asked for', () => {
    start();
    expect(withDescriptors('exec 3<passed', 1, 'cat <&3').stdout).to.equal('passed on');
    stop();
  });

  it('refuses to pass a descriptor on that is not open', function () {
    deviates(this, 'runc', 'passes one of its own on in its place: /sys/fs/cgroup');
    deviates(this, 'crun', 'passes on what is open');
    start();
    for (const [stage, count, index] of [
      ['exec 3<passed 5<passed', 3, 1],
      ['exec 4<passed', 1, 0],
    ] as const) {
      const result = withDescriptors(stage, count, 'true');
      expect(result.status).to.equal(255);
      expect(result.stderr).to.include(`exec failed: unable to stat preserved-fd ${index} (of ${count})`);
    }
    stop();
  });

  it('takes nothing from a socket activation, which is of the first process', function () {
    deviates(this, 'crun', 'one of its own may stay');
    start();
    const stage = 'exec 3<passed 4<config.json; export LISTEN_FDS=1 LISTEN_PID=$$';
    const script = 'cat <&3; ls /proc/self/fd; echo "$LISTEN_FDS$LISTEN_PID"';
    expect(withDescriptors(stage, 1, script).stdout).to.equal('passed on0\n1\n2\n3\n4\n\n');
    stop();
  });

  const failures: [string, string[], RegExp][] = [
    ['a program that is not there', ['nosuch'], /executable file not found in \$PATH/],
    ['a path that is not there', ['/bin/nosuch'], /no such file or directory/],
    ['a file that is no program', ['/etc/passwd'], /permission denied/],
    ['no program', [], /args|argument/i],
  ];
  for (const [what, args, words] of failures) {
    it(`tells of ${what}, and exits with 255`, function () {
      deviates(this, 'crun', 'its exit code is 1, and the words are others');
      start();
      const result = exec([c.bundle.id, ...args]);
      expect(result.status).to.equal(255);
      expect(result.stderr)
        .to.match(/exec failed: /)
        .and.match(words);
      stop();
    });
  }

  it('tells of a folder that is not there, and leaves no pid file', function () {
    deviates(this, 'crun', 'its exit code is 1');
    start();
    const file = join(c.bundle.dir, 'exec.pid');
    const result = sh('true', '--cwd', '/nosuch', '--pid-file', file);
    expect(result.status).to.equal(255);
    expect(result.stderr).to.match(/no such file or directory/);
    expect(existsSync(file)).to.equal(false);
    stop();
  });

  it('works in a created container', () => {
    c.create('exec sleep 100');
    expect(sh('exit 3').status).to.equal(3);
    stop();
  });

  it('refuses a stopped container, an unknown one, and wrong flags', function () {
    deviates(this, 'crun', 'its exit code is 1, and the words are others');
    start();
    c.verb('kill', 'KILL');
    until(() => c.runtime.state(c.bundle.id).status === 'stopped', 'the end of the container');
    const late = sh('true');
    expect(late.status).to.equal(255);
    expect(late.stderr).to.match(/exec failed: cannot exec in a stopped container/);
    stop();
    expect(sh('true')).to.include({ status: 255 });
    expect(sh('true').stderr).to.match(/exec failed: container does not exist/);
    expect(sh('true', '--nosuch')).to.include({ status: 1 });
  });

  it('refuses a paused container, unless it may wait', async function () {
    deviates(this, 'crun', 'it knows no --ignore-paused');
    start();
    if (c.verb('pause').status !== 0) this.skip();
    const refused = sh('true');
    expect(refused.status).to.equal(255);
    expect(refused.stderr).to.match(/cannot exec in a paused container/);
    const [program, words] = c.runtime.line(['exec', '--ignore-paused', c.bundle.id, '/bin/sh', '-c', 'exit 6']);
    const child = spawn(program, words, { stdio: 'ignore' });
    const ended = once(child, 'close');
    const early = await Promise.race([ended, new Promise((resolve) => setTimeout(resolve, 300, 'waits'))]);
    expect(early).to.equal('waits');
    c.verb('resume');
    expect((await ended)[0]).to.equal(6);
    stop();
  });

  it('tells of a cgroup that is not there, or is not below', function () {
    deviates(this, 'crun', 'its --cgroup is another');
    start();
    for (const [cgroup, words] of [
      ['nosuch', /adding pid .*\/nosuch\/cgroup\.procs: no such file/],
      ['..', /\.\. is not a sub cgroup path/],
    ] as const) {
      const result = sh('true', '--cgroup', cgroup);
      expect(result.status).to.equal(255);
      expect(result.stderr).to.match(words);
    }
    stop();
  });

  it('joins a cgroup below the container’s', function () {
    deviates(this, 'crun', 'its --cgroup is another');
    start();
    const dirs = cgroupDirs(c.bundle.cgroup);
    for (const dir of dirs) mkdirSync(join(dir, 'sub'), { recursive: true });
    // A cpuset without cpus and memory takes no process.
    const dir = dirs.find((each) => each.includes('/pids/') || existsSync(join(each, 'cgroup.kill')));
    if (dir === undefined) this.skip();
    const name = dir?.includes('/pids/') ? 'pids:sub' : 'sub';
    const pid = detached('--cgroup', name);
    expect(readFileSync(`/proc/${pid}/cgroup`, 'utf8')).to.match(new RegExp(`${c.bundle.cgroup}/sub$`, 'm'));
    expect(sh('true', '--cgroup', 'pids:nosuch').status).to.equal(255);
    expect(sh('true', '--cgroup', 'pids:../..').status).to.equal(255);
    stop();
  });

  it('joins the cgroup that its first process has gone to, but not where another was asked for', function () {
    if (!isUnified) this.skip();
    deviates(this, 'crun', 'its --cgroup is another');
    start();
    const [dir = ''] = cgroupDirs(c.bundle.cgroup);
    mkdirSync(join(dir, 'sub'));
    writeFileSync(join(dir, 'sub/cgroup.procs'), String(initPid()));
    const own = 'cat /proc/self/cgroup';
    expect(sh(own).stdout).to.equal(`0::${c.bundle.cgroup}\n`);
    // KERNEL: from now on it takes no processes itself.
    writeFileSync(join(dir, 'cgroup.subtree_control'), '+pids');
    expect(sh(own).stdout).to.equal(`0::${c.bundle.cgroup}/sub\n`);
    const refused = sh('true', '--cgroup', '/');
    expect(refused.status).to.equal(255);
    expect(refused.stderr).to.match(/ adding pid \d+ to cgroups.*\/cgroup\.procs: device or resource busy/);
    expect(sh(own, '--cgroup', 'sub').stdout).to.equal(`0::${c.bundle.cgroup}/sub\n`);
    stop();
  });

  it('runs many at once, each with its own exit code', async function () {
    this.timeout(120_000 * TIMES);
    start();
    const lanes = Array.from({ length: 8 }, async (_, lane) => {
      for (let round = 0; round < 5 * TIMES; round++) {
        const code = (lane * 5 * TIMES + round + 1) % 255;
        const [program, words] = c.runtime.line(['exec', c.bundle.id, '/bin/sh', '-c', `exit ${code}`]);
        const [status] = await once(spawn(program, words, { stdio: 'ignore' }), 'close');
        expect(status).to.equal(code);
      }
    });
    await Promise.all(lanes);
    stop();
  });

  it('ends with a container that is killed meanwhile', async function () {
    deviates(this, 'crun', 'its exit code may be 0');
    this.timeout(120_000 * TIMES);
    for (let round = 0; round < 6 * TIMES; round++) {
      start();
      const running = Array.from({ length: 4 }, () => {
        const [program, words] = c.runtime.line(['exec', c.bundle.id, '/bin/sleep', '50']);
        return once(spawn(program, words, { stdio: 'ignore' }), 'close');
      });
      await new Promise((resolve) => setTimeout(resolve, (round % 6) * 4));
      stop();
      // Killed with the container, or too late for it.
      for (const [status] of await Promise.all(running)) {
        expect(status).to.be.oneOf(runtimeName === 'crun' ? [1, 137] : [137, 255]);
      }
    }
  });
});
