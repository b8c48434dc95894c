// --systemd-cgroup without privileges: units of the user's own systemd.

import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { before, describe, it } from 'mocha';
import { baseConfig, type Config, writeConfig } from '../harness/bundle.ts';
import { isUnified } from '../harness/cgroup.ts';
import type { Result } from '../harness/runtime.ts';
import { OF_USER, obstacleToUser, systemctl, USER, useUnit } from '../harness/systemd.ts';

const MIB = 1 << 20;

describe("cgroups of a user's own systemd", () => {
  const { c, unit, membership } = useUnit();
  const folder = `/run/user/${USER.id}`;
  before(function () {
    const reason = isUnified ? obstacleToUser() : 'cgroup v1 cannot be delegated';
    if (reason === undefined) return;
    console.log(`    skipped: ${reason}`);
    this.skip();
  });
  const ids = (size: number) => [{ containerID: 0, hostID: USER.id, size }];

  function as(args: string[], environment: string[]): Result {
    const line = c.runtime.line(args);
    const words = ['-u', USER.name, ...environment, line[0], ...line[1]];
    const errors = join(c.bundle.dir, 'stderr');
    const { status } = spawnSync('sh', ['-c', `exec sudo "$@" </dev/null >/dev/null 2>${errors}`, 'sh', ...words]);
    return { status, stdout: '', stderr: readFileSync(errors, 'utf8') };
  }
  function prepare(change: (config: Config) => void = () => {}): void {
    const config = baseConfig(c.bundle, 'exec sleep 1000');
    config.linux.cgroupsPath = `user.slice:tsoci-conf:${c.bundle.id}`;
    config.linux.namespaces.push({ type: 'user' });
    config.linux.uidMappings = ids(1);
    config.linux.gidMappings = ids(1);
    config.linux.resources = { pids: { limit: 42 }, memory: { limit: 64 * MIB } };
    config.mounts = config.mounts.filter((mount: Config) => mount.type !== 'devpts');
    change(config);
    writeConfig(c.bundle, config);
    writeFileSync(join(c.bundle.dir, 'stderr'), '');
    spawnSync('chown', ['-R', `${USER.id}:${USER.id}`, c.bundle.dir, join(c.runtime.root, '..')]);
  }

  it('lie below it, with its limits', () => {
    prepare((config) => {
      config.linux.resources.unified = { 'memory.oom.group': '1' };
    });
    const environment = [`XDG_RUNTIME_DIR=${folder}`];
    const made = as(['--systemd-cgroup', 'create', '--bundle', c.bundle.dir, c.bundle.id], environment);
    expect(made).to.include({ status: 0 });
    const path = `user.slice/user-${USER.id}.slice/user@${USER.id}.service/user.slice/${unit()}`;
    expect(membership()).to.equal(`0::/${path}\n`);
    const value = (name: string) => readFileSync(join('/sys/fs/cgroup', path, name), 'utf8').trim();
    expect([value('pids.max'), value('memory.max')]).to.deep.equal(['42', String(64 * MIB)]);
    expect(value('memory.oom.group')).to.equal('1');
    expect(systemctl(...OF_USER, 'show', '--property=TasksMax', unit())).to.equal('TasksMax=42\n');
    expect(as(['update', '--pids-limit', '43', c.bundle.id], environment)).to.include({ status: 0 });
    expect(value('pids.max')).to.equal('43');
    expect(as(['delete', '--force', c.bundle.id], environment)).to.include({ status: 0 });
    expect(existsSync(join('/sys/fs/cgroup', path))).to.equal(false);
  });

  it('are not left behind by a limit that the kernel refuses', () => {
    prepare((config) => {
      config.linux.resources.cpu = { period: 100 };
    });
    const environment = [`XDG_RUNTIME_DIR=${folder}`];
    const made = as(['--systemd-cgroup', 'create', '--bundle', c.bundle.dir, c.bundle.id], environment);
    expect(made).to.include({ status: 1 });
    expect(systemctl(...OF_USER, 'list-units', '--all', '--no-legend', unit())).to.equal('');
  });

  it('have limits without --systemd-cgroup too, in a scope that is delegated', () => {
    prepare((config) => {
      delete config.linux.cgroupsPath;
    });
    const name = `tsoci-conf-${process.pid}.scope`;
    const scope = ['systemd-run', '--user', '--scope', '--quiet', `--unit=${name}`, '--property=Delegate=yes'];
    // The caller goes into a cgroup of its own, since the one that gives controllers has no processes.
    const inside =
      'd=/sys/fs/cgroup$(cut -d: -f3 /proc/self/cgroup); mkdir $d/caller; echo $$ >$d/caller/cgroup.procs; exec "$@"';
    const line = c.runtime.line(['create', '--bundle', c.bundle.dir, c.bundle.id]);
    const words = [
      '-u',
      USER.name,
      `XDG_RUNTIME_DIR=${folder}`,
      ...scope,
      'sh',
      '-c',
      inside,
      'sh',
      line[0],
      ...line[1],
    ];
    const made = spawnSync('sudo', words, { stdio: 'ignore' });
    expect(made.status).to.equal(0);
    const path = `user.slice/user-${USER.id}.slice/user@${USER.id}.service/app.slice/${name}/${c.bundle.id}`;
    expect(membership()).to.equal(`0::/${path}\n`);
    const value = (file: string) => readFileSync(join('/sys/fs/cgroup', path, file), 'utf8').trim();
    expect([value('pids.max'), value('memory.max')]).to.deep.equal(['42', String(64 * MIB)]);
    expect(as(['delete', '--force', c.bundle.id], [`XDG_RUNTIME_DIR=${folder}`])).to.include({ status: 0 });
    expect(existsSync(join('/sys/fs/cgroup', path))).to.equal(false);
  });

  it('say so where it cannot be reached', () => {
    prepare();
    const made = as(['--systemd-cgroup', 'create', '--bundle', c.bundle.dir, c.bundle.id], []);
    expect(made).to.include({ status: 1 });
    expect(made.stderr).to.include('failed to connect to dbus');
  });
});
