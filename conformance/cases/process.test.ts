// config.md#process, and what of linux a process sees of itself: user, capabilities, limits, namespaces, seccomp, terminal.

import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import type { Config } from '../harness/bundle.ts';
import { baseConfig, writeConfig } from '../harness/bundle.ts';
import { useCase } from '../harness/case.ts';
import { needsController } from '../harness/cgroup.ts';
import { cgroupDirs } from '../harness/leftovers.ts';
import { deviates, onlyTsoci } from '../harness/runtime.ts';

describe('process', () => {
  const c = useCase();
  const seen = (script: string, change?: (config: Config) => void) => c.run(script, change).stdout;

  for (const code of [0, 1, 42, 255]) {
    it(`exits with the program's ${code}`, () => {
      expect(c.run(`exit ${code}`).status).to.equal(code);
    });
  }

  it('exits with 128 and the signal that ended the program', () => {
    // The first process of a pid namespace cannot signal itself: without one it can.
    const result = c.run('kill -9 $$', (config) => {
      config.linux.namespaces = config.linux.namespaces.filter((each: { type: string }) => each.type !== 'pid');
    });
    expect(result.status).to.equal(137);
  });

  it('passes standard input, output and error', () => {
    const result = c.run('cat; echo error >&2', () => {}, { input: 'some words' });
    expect(result).to.include({ stdout: 'some words', stderr: 'error\n' });
  });

  it('passes much input unharmed', () => {
    const input = 'x'.repeat(300_000);
    expect(c.run('cat', () => {}, { input }).stdout.length).to.equal(input.length);
  });

  it('is the user with the groups, umask and cwd that were asked for', () => {
    const output = seen('id -u; id -g; id -G; umask; pwd', (config) => {
      config.process.user = { uid: 1000, gid: 1001, additionalGids: [5, 6], umask: 0o77 };
      config.process.cwd = '/tmp';
    });
    expect(output).to.equal('1000\n1001\n1001 5 6\n0077\n/tmp\n');
  });

  it('starts in a directory that is closed to its user, and in one that was not there', () => {
    for (const cwd of ['/root', '/made/for/it']) {
      chmodSync(join(c.bundle.rootfs, 'root'), 0o700);
      const result = c.run('pwd', (config) => {
        config.process.user = { uid: 1000, gid: 1000 };
        config.process.cwd = cwd;
        config.root.readonly = true;
      });
      expect(result, cwd).to.include({ status: 0, stdout: `${cwd}\n` });
    }
    expect(statSync(join(c.bundle.rootfs, 'made/for/it')).mode & 0o7777).to.equal(0o755);
  });

  it('takes null for what is absent', () => {
    const result = c.run('echo fine', (config) => {
      Object.assign(config, { hooks: null, annotations: null });
      Object.assign(config.process, { rlimits: null, oomScoreAdj: null });
      Object.assign(config.linux, { sysctl: null, seccomp: null });
      config.linux.resources.memory = null;
    });
    expect(result).to.include({ status: 0, stdout: 'fine\n' });
  });

  it('has exactly the environment', () => {
    const output = seen('cat /proc/self/environ', (config) => {
      config.process.args = ['/bin/cat', '/proc/self/environ'];
      config.process.env = ['PATH=/bin', 'HOME=/x', 'EMPTY=', 'A=b=c'];
    });
    expect(output.split('\0').filter(Boolean).sort()).to.deep.equal(['A=b=c', 'EMPTY=', 'HOME=/x', 'PATH=/bin']);
  });

  it('has exactly the capabilities, and no others', () => {
    const output = seen('grep Cap /proc/self/status', (config) => {
      config.process.capabilities = { bounding: ['CAP_CHOWN', 'CAP_KILL'], permitted: ['CAP_KILL'] };
    });
    expect(output).to.match(/CapBnd:\t0000000000000021/);
    expect(output).to.match(/CapInh:\t0000000000000000/);
    expect(output).to.match(/CapAmb:\t0000000000000000/);
  });

  it('is told of an ambient capability that is not inheritable, and has the others', function () {
    for (const name of ['runc', 'crun']) deviates(this, name, 'says nothing');
    const { stdout, stderr } = c.run('grep CapAmb /proc/self/status', (config) => {
      Object.assign(config.process.capabilities, { inheritable: ['CAP_KILL'], ambient: ['CAP_KILL', 'CAP_CHOWN'] });
      config.process.capabilities.permitted.push('CAP_CHOWN');
      config.process.capabilities.bounding.push('CAP_CHOWN');
    });
    expect(stderr).to.contain("can't raise ambient capability CAP_CHOWN: operation not permitted");
    expect(stdout).to.equal('CapAmb:\t0000000000000020\n');
  });

  it('has its limits and its oom score', () => {
    const output = seen('ulimit -n; ulimit -c; cat /proc/self/oom_score_adj', (config) => {
      config.process.rlimits = [
        { type: 'RLIMIT_NOFILE', soft: 111, hard: 222 },
        { type: 'RLIMIT_CORE', soft: 0, hard: 0 },
      ];
      config.process.oomScoreAdj = 321;
    });
    expect(output).to.equal('111\n0\n321\n');
  });

  it('is in new namespaces, but for those that were not asked for', () => {
    const output = seen('for n in pid net ipc uts mnt user; do readlink /proc/self/ns/$n; done; hostname', (config) => {
      config.linux.namespaces = config.linux.namespaces.filter((each: { type: string }) => each.type !== 'ipc');
    });
    const own = spawnSync('sh', ['-c', 'for n in pid net ipc uts mnt user; do readlink /proc/self/ns/$n; done'], {
      encoding: 'utf8',
    }).stdout.split('\n');
    const same = output.split('\n').map((link, index) => link === own[index]);
    expect(same.slice(0, 6)).to.deep.equal([false, false, true, false, false, true]);
    expect(output).to.match(/inside\n$/);
  });

  it('has its calls answered by seccomp', () => {
    const result = c.run('mkdir /tmp/x; cat /proc/self/status | grep Seccomp:', (config) => {
      const names = ['mkdir', 'mkdirat'];
      config.linux.seccomp = {
        defaultAction: 'SCMP_ACT_ALLOW',
        architectures: ['SCMP_ARCH_X86_64'],
        syscalls: [{ names, action: 'SCMP_ACT_ERRNO', errnoRet: 28 }],
      };
    });
    expect(result.stderr).to.match(/No space left on device/);
    expect(result.stdout).to.equal('Seccomp:\t2\n');
  });

  it('tells of a seccomp agent that is not there', function () {
    deviates(this, 'crun', '1.8 has other words');
    const result = c.run('true', (config) => {
      config.linux.seccomp = {
        defaultAction: 'SCMP_ACT_ALLOW',
        listenerPath: join(c.bundle.dir, 'nosuch'),
        syscalls: [{ names: ['mkdir'], action: 'SCMP_ACT_NOTIFY' }],
      };
    });
    expect(result.status).to.equal(1);
    expect(result.stderr).to.contain('failed to connect with seccomp agent');
  });

  it('says why it cannot have a deadline', function () {
    for (const name of ['runc', 'crun']) deviates(this, name, 'of Debian 12 does not know of schedulers, or says less');
    needsController(this, 'cpuset');
    const result = c.run('true', (config) => {
      config.process.scheduler = { policy: 'SCHED_DEADLINE', runtime: 1e6, deadline: 2e6, period: 2e6 };
      config.linux.resources.cpu = { cpus: '0', mems: '0' };
    });
    // A machine with one CPU can promise it.
    if (result.status !== 0) expect(result.stderr).to.contain("can't be used together with AllowedCPUs");
  });

  it('ignores no signal that the runtime was started to ignore: conmon ignores PIPE', () => {
    const ignoring = (args: string[]): string =>
      execFileSync('env', ['--ignore-signal=QUIT,USR1,PIPE,TERM,CHLD', ...c.runtime.line(args).flat()], {
        encoding: 'utf8',
        timeout: 20_000,
        killSignal: 'SIGKILL',
      });
    const grep = ['grep', 'SigIgn', '/proc/self/status'];
    const config = baseConfig(c.bundle, '');
    config.process.args = grep; // a shell ignores QUIT
    writeConfig(c.bundle, config);
    expect(ignoring(['run', '--bundle', c.bundle.dir, c.bundle.id])).to.match(/^SigIgn:\t0+$/m);
    c.create('exec sleep 100');
    expect(c.verb('start').status).to.equal(0);
    expect(ignoring(['exec', c.bundle.id, ...grep])).to.match(/^SigIgn:\t0+$/m);
    c.verb('delete', '--force');
  });

  it('is held by its cgroup', () => {
    c.create('true', (config) => {
      config.linux.resources = { pids: { limit: 17 }, memory: { limit: 50 << 20 } };
    });
    const read = (file: string) =>
      cgroupDirs(c.bundle.cgroup).flatMap((dir) => {
        try {
          return [readFileSync(join(dir, file), 'utf8').trim()];
        } catch {
          return [];
        }
      });
    expect(read('pids.max')).to.deep.equal(['17']);
    expect([...read('memory.limit_in_bytes'), ...read('memory.max')]).to.deep.equal([String(50 << 20)]);
    c.verb('delete');
  });

  it('has a terminal of its own', async () => {
    const config = baseConfig(c.bundle, 'tty; test -t 0 && echo is-terminal');
    config.process.terminal = true;
    writeConfig(c.bundle, config);
    const [program, words] = c.runtime.line(['run', '--bundle', c.bundle.dir, c.bundle.id]);
    const line = [program, ...words].map((word) => `'${word}'`).join(' ');
    // Standard input stays open: at its end script(1) types a character, which the terminal may echo between our lines.
    const script = spawn('script', ['-qec', line, '/dev/null'], {
      stdio: ['pipe', 'pipe', 'inherit'],
      timeout: 20_000,
    });
    let output = '';
    script.stdout.on('data', (data) => (output += data));
    await once(script, 'close');
    expect(output).to.match(/\/dev\/(pts\/0|console)\r\nis-terminal\r\n/);
  });

  for (const [args, words] of [
    [['nosuch'], /executable file not found in \$PATH/],
    [['/nosuch'], /no such file or directory/],
    [['/etc/passwd'], /permission denied/],
  ] as const) {
    it(`tells why it cannot run ${args[0]}`, function () {
      deviates(this, 'crun', 'its words are others');
      const result = c.create('', (config) => {
        config.process.args = args;
      });
      expect(result.status).to.equal(1);
      expect(result.stderr).to.match(words);
    });
  }

  it('says which limit of namespaces is reached', function () {
    onlyTsoci(this);
    writeConfig(c.bundle, baseConfig(c.bundle, 'true'));
    // The limits of a user namespace of the test's own.
    const [program, words] = c.runtime.line(['run', '--bundle', c.bundle.dir, c.bundle.id]);
    const script = 'echo 0 > /proc/sys/user/max_uts_namespaces && exec "$@"';
    const result = spawnSync('unshare', ['-Ur', 'sh', '-c', script, 'sh', program, ...words], {
      encoding: 'utf8',
      env: { ...process.env, USER: 'nobody' },
    });
    expect(result.status).to.equal(1);
    expect(result.stderr).to.match(/no space left on device .*user\.max_uts_namespaces=0/);
  });

  it('writes its errors to the log as JSON', function () {
    deviates(this, 'crun', 'its words are others');
    const log = join(c.bundle.dir, 'log');
    const result = c.runtime.run(['--log', log, '--log-format', 'json', 'state', 'nosuch']);
    expect(result.status).to.equal(1);
    const entry = JSON.parse(readFileSync(log, 'utf8').trim().split('\n').at(-1) as string);
    expect(entry).to.include({ level: 'error' });
    expect(entry.msg).to.match(/does not exist/);
    expect(Number.isNaN(Date.parse(entry.time))).to.equal(false);
  });
});
