// config.md#mounts, where one mount stands on another.

import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { baseConfig, type Config, writeConfig } from '../harness/bundle.ts';
import { useCase } from '../harness/case.ts';
import { deviates, runtimeName } from '../harness/runtime.ts';

describe('mounts', () => {
  const c = useCase();

  const bind = (source: string, destination: string) => ({
    source,
    destination,
    type: 'bind',
    options: ['rbind', 'rprivate'],
  });

  /** The second mount's source is in the first one: as the host writes the path, it is not there before. */
  function stacked(config: Config): void {
    mkdirSync(join(c.bundle.dir, 'source/sub'), { recursive: true });
    writeFileSync(join(c.bundle.dir, 'source/sub/file'), 'found\n');
    mkdirSync(join(c.bundle.rootfs, 'mnt'));
    mkdirSync(join(c.bundle.rootfs, 'final'));
    config.mounts.push(bind(join(c.bundle.dir, 'source'), '/mnt'), bind(join(c.bundle.rootfs, 'mnt/sub'), '/final'));
  }

  it('takes a source that an earlier mount has brought', () => {
    expect(c.run('cat /final/file', stacked)).to.include({ status: 0, stdout: 'found\n' });
  });

  it('does so in a user namespace, too', function () {
    deviates(this, 'runc', '1.1 opens all sources before the first mount');
    chmodSync(c.bundle.dir, 0o755);
    const result = c.run('cat /final/file', (config) => {
      stacked(config);
      config.linux.namespaces.push({ type: 'user' });
      config.linux.uidMappings = [{ containerID: 0, hostID: 100000, size: 1000 }];
      config.linux.gidMappings = [{ containerID: 0, hostID: 100000, size: 1000 }];
    });
    expect(result).to.include({ status: 0, stdout: 'found\n' });
  });

  const MAP = [{ containerID: 0, hostID: 100000, size: 1000 }];
  const inUserNamespace = (config: Config): void => {
    config.linux.namespaces.push({ type: 'user' });
    Object.assign(config.linux, { uidMappings: MAP, gidMappings: MAP });
  };

  for (const where of ['', ', in a user namespace too'] as const) {
    it(`maps the ids of a source that an earlier mount has brought${where}`, function () {
      deviates(this, 'runc', '1.1 maps ids only of sources that are there before');
      deviates(this, 'crun', '1.8 maps ids only of sources that are there before');
      chmodSync(c.bundle.dir, 0o755);
      const result = c.run('stat -c %u:%g /final/file', (config) => {
        stacked(config);
        // The file system's 0 is the container's 7, whoever that is for the host.
        const map = [{ containerID: 0, hostID: where === '' ? 7 : 100007, size: 1 }];
        Object.assign(config.mounts.at(-1), { uidMappings: map, gidMappings: map });
        if (where !== '') inUserNamespace(config);
      });
      expect(result).to.include({ status: 0, stdout: '7:7\n' });
    });
  }

  it('takes what is mounted on a source, not what is below', function () {
    deviates(this, 'runc', '1.1 opens all sources before the first mount');
    deviates(this, 'crun', '1.8 opens all sources before the first mount');
    chmodSync(c.bundle.dir, 0o755);
    const result = c.run('cat /final/file', (config) => {
      stacked(config);
      mkdirSync(join(c.bundle.rootfs, 'mnt/sub'));
      writeFileSync(join(c.bundle.rootfs, 'mnt/sub/file'), 'covered\n');
      inUserNamespace(config);
    });
    expect(result).to.include({ status: 0, stdout: 'found\n' });
  });

  it('keeps the access times of a source unless others are asked for', () => {
    const source = join(c.bundle.dir, 'held');
    mkdirSync(source);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'noatime', 'none', source]);
    try {
      for (const [word, expected] of [
        ['ro', /noatime/],
        ['atime', /noatime/],
        ['norelatime', /noatime/],
        ['relatime', /relatime/],
      ] as const) {
        const { stdout } = c.run('grep " /final " /proc/self/mountinfo', (config) => {
          mkdirSync(join(c.bundle.rootfs, 'final'), { recursive: true });
          config.mounts.push({ source, destination: '/final', type: 'bind', options: ['bind', word] });
        });
        expect(stdout, word).to.match(expected);
      }
    } finally {
      execFileSync('umount', [source]);
    }
  });

  it('cannot take off in a user namespace what the host has put on a mount', function () {
    deviates(this, 'runc', '1.1 takes no option beside those that the host holds');
    deviates(this, 'crun', "mounts the source as the host's root, so that nothing is held");
    const source = join(c.bundle.dir, 'held');
    mkdirSync(source);
    chmodSync(c.bundle.dir, 0o755);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'nosuid,nodev,ro', 'none', source]);
    try {
      const script = 'mount -o remount,bind,rw /final; grep " /final " /proc/self/mountinfo';
      const seen = (...options: string[]) =>
        c.run(script, (config) => {
          mkdirSync(join(c.bundle.rootfs, 'final'), { recursive: true });
          config.mounts.push({ source, destination: '/final', type: 'bind', options });
          config.process.capabilities.effective.push('CAP_SYS_ADMIN');
          config.process.capabilities.permitted.push('CAP_SYS_ADMIN');
          config.process.capabilities.bounding.push('CAP_SYS_ADMIN');
          inUserNamespace(config);
        });
      expect(seen('rbind').stdout).to.match(/ ro,nosuid,nodev,/);
      expect(seen('rbind', 'noexec').stdout).to.match(/ ro,nosuid,nodev,noexec,/);
      expect(seen('rbind', 'rw', 'dev').status).to.equal(1);
      // Not one of those that the kernel holds.
      execFileSync('mount', ['-o', 'remount,bind,ro,nosuid,nodev,nosymfollow', source]);
      expect(seen('rbind').stdout).to.contain('nosymfollow');
      expect(seen('rbind', 'noexec').stdout).to.not.contain('nosymfollow');
    } finally {
      execFileSync('umount', [source]);
    }
  });

  it("takes a destination that is written as the host's path below the root", function () {
    deviates(this, 'crun', 'takes every destination from the root');
    const result = c.run('cat /final/file', (config) => {
      stacked(config);
      for (const mount of config.mounts.slice(-2)) mount.destination = join(c.bundle.rootfs, mount.destination);
    });
    expect(result).to.include({ status: 0, stdout: 'found\n' });
  });

  it("keeps out what the host mounts below the root later: the root is nobody's slave", function () {
    deviates(this, 'runc', 'a slave of the host until 1.1');
    writeConfig(c.bundle, baseConfig(c.bundle, 'cat /proc/self/mountinfo'));
    const line = c.runtime.line(['run', '--bundle', c.bundle.dir, c.bundle.id]).flat();
    const output = execFileSync('unshare', ['--mount', '--propagation', 'shared', ...line], { encoding: 'utf8' });
    expect(output).to.match(/^\d+ \d+ \S+ \S+ \/ \S+ - /m);
  });

  it('tells of a source that is nowhere, in a user namespace too', () => {
    chmodSync(c.bundle.dir, 0o755);
    for (const user of [false, true]) {
      const result = c.run('true', (config) => {
        config.mounts.push(bind('/nosuch/source', '/tmp'));
        if (!user) return;
        config.linux.namespaces.push({ type: 'user' });
        config.linux.uidMappings = [{ containerID: 0, hostID: 100000, size: 1000 }];
        config.linux.gidMappings = [{ containerID: 0, hostID: 100000, size: 1000 }];
      });
      expect(result.status).to.equal(1);
      // runc 1.1 gives another process's last words where it has a user namespace.
      if (!user || runtimeName !== 'runc') expect(result.stderr).to.match(/no such file or directory/i);
    }
  });
});
