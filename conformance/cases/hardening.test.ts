// A rootfs made to harm: the runtime refuses or goes on inside; the host stays as it was, and nothing hangs.

import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, rmSync, statSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { useCase } from '../harness/case.ts';
import { deviates, runtimePath } from '../harness/runtime.ts';

describe('a hostile root file system', () => {
  const c = useCase();

  it('with a FIFO for /etc/passwd does not hang', function () {
    deviates(this, 'runc', 'waits for a writer for ever');
    deviates(this, 'crun', 'waits for a writer for ever');
    const passwd = join(c.bundle.rootfs, 'etc/passwd');
    rmSync(passwd);
    execFileSync('mkfifo', [passwd]);
    const started = Date.now();
    c.run('true', (config) => {
      config.process.env = ['PATH=/bin'];
    });
    expect(Date.now() - started).to.be.lessThan(5000);
  });

  for (const dir of ['proc', 'sys', 'dev']) {
    it(`with /${dir} as a link out of it touches nothing outside`, function () {
      if (dir === 'dev') deviates(this, 'runc', 'CVE-2026-41579');
      if (dir === 'dev') deviates(this, 'crun', 'CVE-2026-47766');
      const outside = join(c.bundle.dir, 'outside');
      mkdirSync(outside);
      rmSync(join(c.bundle.rootfs, dir), { recursive: true });
      symlinkSync(`../../../../../../../..${outside}`, join(c.bundle.rootfs, dir));
      c.run('true');
      expect(readdirSync(outside)).to.deep.equal([]);
    });
  }

  it('with /dev/null as a link does not mask by the wrong file', function () {
    deviates(this, 'runc', 'CVE-2025-31133');
    const result = c.run('test -c /proc/keys || test ! -e /proc/keys; cat /proc/keys', (config) => {
      config.mounts = config.mounts.filter((mount: { destination: string }) => !mount.destination.startsWith('/dev'));
      config.linux.maskedPaths = ['/proc/keys'];
      symlinkSync('/bin/busybox', join(c.bundle.rootfs, 'dev/null'));
    });
    expect(result.stdout).to.equal('');
  });

  it('cannot write the runtime through /proc/PID/exe', () => {
    const before = execFileSync('sha256sum', [execFileSync('which', [runtimePath], { encoding: 'utf8' }).trim()]);
    const script = 'for p in /proc/[0-9]*/exe; do echo broken >> $p; done; true';
    c.run(script, (config) => {
      config.hooks = { startContainer: [{ path: '/bin/sh', args: ['sh', '-c', script] }] };
    });
    const after = execFileSync('sha256sum', [execFileSync('which', [runtimePath], { encoding: 'utf8' }).trim()]);
    expect(after.toString()).to.equal(before.toString());
  });

  it('finds no descriptor of the runtime', () => {
    expect(c.run('ls /proc/self/fd').stdout.trim().split('\n')).to.deep.equal(['0', '1', '2', '3']);
  });

  it('cannot get a folder of the host for its cwd', () => {
    for (let fd = 3; fd < 12; fd++) {
      const result = c.run('pwd; ls', (config) => {
        config.process.cwd = `/proc/self/fd/${fd}`;
      });
      // Refused, or a folder of the container: there `pwd` is absolute and is what `ls` lists.
      if (result.status === 0) expect(result.stdout, `descriptor ${fd}`).to.match(/^\/\nbin\ndev\netc\nproc\nroot\n/);
    }
  });

  it('never gets uid 0 for a uid beyond 32 bits', function () {
    deviates(this, 'crun', "hands 4294967295 to the kernel, to which it is 'no change'");
    for (const uid of [4294967296, 4294967295, -1, 1.5]) {
      const result = c.run('id -u', (config) => {
        config.process.user.uid = uid;
      });
      expect(result.stdout, String(uid)).to.not.equal('0\n');
    }
  });

  it('whose mount point is a link out of it gets the mount inside', () => {
    const outside = join(c.bundle.dir, 'outside');
    mkdirSync(outside);
    symlinkSync(outside, join(c.bundle.rootfs, 'mnt'));
    c.run('true', (config) => {
      config.mounts.push({ destination: '/mnt/new', type: 'tmpfs', source: 'tmpfs' });
    });
    expect(readdirSync(outside)).to.deep.equal([]);
  });

  it('keeps the masks from being undone', () => {
    const result = c.run('umount /proc/cpuinfo; cat /proc/cpuinfo; echo 1 > /proc/sys/vm/swappiness', (config) => {
      config.linux.maskedPaths = ['/proc/cpuinfo'];
      config.linux.readonlyPaths = ['/proc/sys'];
    });
    expect(result.stdout).to.equal('');
    expect(result.status).to.not.equal(0);
  });

  it("does not reach the host's /dev/null by what is masked", () => {
    const times = () => statSync('/dev/null').mtimeMs;
    const before = times();
    c.run('touch -d 2001-01-01 /proc/cpuinfo; chmod 666 /proc/cpuinfo', (config) => {
      config.linux.maskedPaths = ['/proc/cpuinfo'];
    });
    expect(times()).to.equal(before);
  });
});
