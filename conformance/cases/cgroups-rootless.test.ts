// Cgroups without privileges: a limit that was asked for holds, or the container is not made.

import { spawnSync } from 'node:child_process';
import { chmodSync, chownSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { baseConfig, type Config, writeConfig } from '../harness/bundle.ts';
import { useCase } from '../harness/case.ts';
import { isUnified } from '../harness/cgroup.ts';
import { deviates } from '../harness/runtime.ts';

const UID = 1000;
const MIB = 1 << 20;

describe('cgroups without privileges', () => {
  const c = useCase();

  /** `run` as a user, whom `enter` (words of a shell, as root) has put somewhere. */
  function runAs(script: string, change: (config: Config) => void, enter = ':') {
    const config = baseConfig(c.bundle, script);
    const map = [{ containerID: 0, hostID: UID, size: 1 }];
    Object.assign(config.linux, { uidMappings: map, gidMappings: map });
    config.linux.namespaces.push({ type: 'user' });
    config.linux.resources = {};
    // Without a gid 5 that is mapped, and without the right to mount sysfs with others' network.
    config.mounts = config.mounts.filter(({ type }: Config) => ['proc', 'tmpfs'].includes(type));
    change(config);
    writeConfig(c.bundle, config);
    const home = dirname(c.runtime.root);
    for (const dir of [c.bundle.dir, home]) {
      chmodSync(dir, 0o755);
      chownSync(dir, UID, UID);
    }
    const [program, words] = c.runtime.line(['run', '--bundle', c.bundle.dir, c.bundle.id]);
    const user = ['setpriv', '--reuid', `${UID}`, '--regid', `${UID}`, '--clear-groups', program, ...words];
    return spawnSync('sh', ['-c', `${enter} && exec "$@"`, 'sh', ...user], {
      encoding: 'utf8',
      env: { PATH: process.env['PATH'], XDG_RUNTIME_DIR: home },
      timeout: 60_000,
    });
  }

  it('runs in the cgroups of the caller where no limit is asked for', function () {
    deviates(this, 'crun', 'refuses a cgroup that it may not make');
    if (isUnified) deviates(this, 'runc', 'refuses a cgroup that it may not make');
    const result = runAs('echo ran', (config) => delete config.linux.cgroupsPath);
    expect(result.stderr).to.equal('');
    expect(result).to.deep.include({ status: 0, stdout: 'ran\n' });
  });

  it('does not run without the limit that is asked for', function () {
    if (isUnified) deviates(this, 'crun', 'runs without it');
    const result = runAs('echo ran', (config) => {
      delete config.linux.cgroupsPath;
      config.linux.resources.pids = { limit: 20 };
    });
    expect(result).to.deep.include({ status: 1, stdout: '' });
  });

  it('does not run outside of the cgroup that is named', function () {
    deviates(this, 'crun', 'fails at the user namespace before');
    const result = runAs('echo ran', ({ linux }) => {
      linux.cgroupsPath = `/${c.bundle.id}/below`;
    });
    expect(result).to.deep.include({ status: 1, stdout: '' });
    expect(result.stderr).to.match(/permission denied/i);
  });

  it('has the limits in a subtree that was given to the user', function () {
    if (!isUnified) {
      this.test!.title += ' [cgroup v2 alone has subtrees to give]';
      this.skip();
    }
    const tree = join('/sys/fs/cgroup', `tsoci-conf-user-${process.pid}`);
    const caller = join(tree, 'caller');
    writeFileSync('/sys/fs/cgroup/cgroup.subtree_control', '+memory +pids');
    mkdirSync(tree);
    try {
      mkdirSync(caller);
      const given = ['', 'cgroup.procs', 'cgroup.subtree_control', 'cgroup.threads'];
      for (const name of given) chownSync(join(tree, name), UID, UID);
      const own = `${tree.slice('/sys/fs/cgroup'.length)}/${c.bundle.id}`;
      const limited = (config: Config) => {
        config.linux.cgroupsPath = own;
        config.linux.resources = { pids: { limit: 20 }, memory: { limit: 64 * MIB } };
        const options = ['rbind', 'nosuid', 'noexec', 'nodev', 'ro'];
        config.mounts.push({ destination: '/sys', type: 'none', source: '/sys', options });
      };
      const script = `cat /sys/fs/cgroup${own}/pids.max /sys/fs/cgroup${own}/memory.max /proc/self/cgroup`;
      const result = runAs(script, limited, `echo $$ > ${caller}/cgroup.procs`);
      expect(result.stderr).to.equal('');
      expect(result).to.deep.include({ status: 0, stdout: `20\n${64 * MIB}\n0::${own}\n` });
      expect(readFileSync(join(tree, 'cgroup.subtree_control'), 'utf8')).to.include('pids');
    } finally {
      rmdirSync(caller);
      rmdirSync(tree);
    }
  });
});
