// Without privileges: another user makes, enters and removes a container of a user namespace of its own.

import { spawnSync } from 'node:child_process';
import { chmodSync, chownSync, cpSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { before, describe, it } from 'mocha';
import { baseConfig, type Config, writeConfig } from '../harness/bundle.ts';
import { useCase } from '../harness/case.ts';
import { deviates, type Result, runtimeName, runtimePath } from '../harness/runtime.ts';

const USER = 1000;

const canBeOther = (): boolean =>
  process.getuid?.() === 0 && spawnSync('setpriv', ['--reuid', String(USER), 'unshare', '-U', 'true']).status === 0;

describe('rootless', () => {
  before(function () {
    const reason = canBeOther()
      ? undefined
      : 'this needs root to become another user, and user namespaces for that one';
    const other = runtimeName === 'crun' ? 'crun 1.8 wants a cgroup of its own' : undefined;
    if ((reason ?? other) === undefined) return;
    console.log(`    skipped: ${reason ?? other}`);
    this.skip();
  });
  const c = useCase();

  /** The runtime as the other user: a copy in the bundle, where that one can reach it. */
  function as(args: readonly string[], input = '', streams: 'pipe' | 'ignore' = 'pipe'): Result {
    const program = join(c.bundle.dir, 'runtime');
    const root = join(c.bundle.dir, 'root');
    if (!existsSync(program)) {
      cpSync(runtimePath.includes('/') ? runtimePath : `/usr/sbin/${runtimePath}`, program);
      mkdirSync(root);
      chmodSync(c.bundle.dir, 0o755);
      for (const path of [c.bundle.dir, root]) chownSync(path, USER, USER);
      for (const name of readdirSync(c.bundle.rootfs)) chownSync(join(c.bundle.rootfs, name), USER, USER);
    }
    const words = ['--reuid', String(USER), '--regid', String(USER), '--clear-groups', program, '--root', root];
    const { status, stdout, stderr } = spawnSync('setpriv', [...words, ...args], {
      encoding: 'utf8',
      input,
      stdio: ['pipe', streams, streams],
      env: { PATH: process.env['PATH'], HOME: '/', XDG_RUNTIME_DIR: root },
    });
    return { status, stdout, stderr };
  }

  const id = () => c.bundle.id;

  function configure(change: (config: Config) => void = () => {}): void {
    const config: Config = baseConfig(c.bundle, 'exec sleep 100 >/dev/null 2>&1');
    delete config.linux.cgroupsPath;
    delete config.linux.resources;
    config.linux.namespaces.push({ type: 'user' });
    config.linux.uidMappings = [{ containerID: 0, hostID: USER, size: 1 }];
    config.linux.gidMappings = [{ containerID: 0, hostID: USER, size: 1 }];
    for (const mount of config.mounts) {
      if (mount.type === 'devpts') mount.options = mount.options.filter((each: string) => !each.startsWith('gid='));
    }
    config.mounts = config.mounts.filter((mount: { type: string }) => mount.type !== 'sysfs');
    change(config);
    writeConfig(c.bundle, config);
  }

  /** A container that sleeps, running or created. What stays holds our pipes: it has none. */
  function start(verb: 'run' | 'create' = 'run'): void {
    configure();
    const words = verb === 'run' ? ['run', '--detach'] : ['create'];
    const result = as([...words, '--bundle', c.bundle.dir, id()], '', verb === 'run' ? 'pipe' : 'ignore');
    expect(result).to.include({ status: 0 });
  }

  it('makes a container, enters it, and removes it', () => {
    start();
    const { pid } = JSON.parse(as(['state', id()]).stdout);
    expect(readFileSync(`/proc/${pid}/status`, 'utf8')).to.match(new RegExp(`^Uid:\\t${USER}\\t${USER}`, 'm'));
    const entered = as(['exec', id(), '/bin/sh', '-c', 'id -u; echo $$; cat; exit 7'], 'input');
    expect(entered.status).to.equal(7);
    expect(entered.stdout).to.match(/^0\n\d{1,3}\ninput$/);
    for (let round = 0; round < 5; round++) {
      expect(as(['exec', id(), '/bin/sh', '-c', `exit ${round}`]).status).to.equal(round);
    }
    expect(as(['exec', id(), 'nosuch'])).to.include({ status: 255 });
    expect(as(['delete', '--force', id()]).status).to.equal(0);
    // A zombie has ended; it is its new parent's to bury.
    if (existsSync(`/proc/${pid}`)) expect(readFileSync(`/proc/${pid}/status`, 'utf8')).to.match(/^State:\tZ/m);
    expect(readdirSync(join(c.bundle.dir, 'root'))).to.deep.equal([]);
  });

  it('enters a container that waits for its start, which can be started then', () => {
    start('create');
    const { pid } = JSON.parse(as(['state', id()]).stdout);
    const where = () => statSync(`/proc/${pid}/status`).uid;
    const before = where();
    for (let round = 0; round < 3; round++) {
      expect(as(['exec', id(), '/bin/sh', '-c', `id -u; exit ${round}`])).to.include({ status: round, stdout: '0\n' });
    }
    expect(where(), 'who may look at what waits').to.equal(before);
    expect(as(['start', id()], '', 'ignore').status).to.equal(0);
    expect(JSON.parse(as(['state', id()]).stdout).status).to.equal('running');
    as(['delete', '--force', id()]);
  });

  it('lets a process of it have a terminal', function () {
    if (runtimeName === 'runc') this.skip(); // it needs a terminal itself
    start();
    const result = as(['exec', '--tty', id(), '/bin/sh', '-c', 'tty; exit 8']);
    expect(result.stdout).to.match(/^\/dev\/pts\/0\r?\n$/);
    expect(result.status).to.equal(8);
    as(['delete', '--force', id()]);
  });

  it('has devices in a folder of its root as well, each time', () => {
    configure((config) => {
      config.mounts = config.mounts.filter(({ destination }: Config) => !destination.startsWith('/dev'));
      config.process.args = ['/bin/sh', '-c', 'echo lost > /dev/null; cat /dev/null; test -c /dev/null && echo device'];
    });
    for (let round = 0; round < 2; round++) {
      expect(as(['run', '--bundle', c.bundle.dir, id()])).to.deep.equal({ status: 0, stdout: 'device\n', stderr: '' });
    }
  });

  it('warns of a container whose processes nobody can find', function () {
    deviates(this, 'runc', 'is silent before 1.2');
    configure((config) => {
      config.linux.namespaces = config.linux.namespaces.filter(({ type }: Config) => type !== 'pid');
      const proc = config.mounts.find(({ type }: Config) => type === 'proc');
      Object.assign(proc, { type: 'none', source: '/proc', options: ['rbind', 'nosuid', 'nodev', 'noexec'] });
      config.process.args = ['/bin/true'];
    });
    const result = as(['run', '--bundle', c.bundle.dir, id()]);
    expect(result).to.include({ status: 0 });
    expect(result.stderr).to.match(/^time=\S+ level=warning msg=.*neither a cgroup/);
  });

  it('does not take limits that it cannot set in silence', () => {
    configure(({ linux }) => {
      linux.resources = { memory: { limit: 64 << 20 } };
    });
    const result = as(['run', '--bundle', c.bundle.dir, id()]);
    expect(result.status).to.equal(1);
    expect(result.stderr).to.match(/permission denied|cgroup/i);
  });
});
