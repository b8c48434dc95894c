import { spawn } from 'node:child_process';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import type { Mount } from '../../spec/types.ts';
import { at, box, DRIVER, drive, orderOf, PROC, rootfs, specOf, withBundles } from './harness.test.ts';

describe('mounts on hostile ground', function () {
  this.timeout(120_000);
  withBundles();

  it('refuse /proc and /sys through a link (CVE-2019-19921)', () => {
    fs.mkdirSync(rootfs('real'));
    fs.symlinkSync('real', rootfs('proc'));
    expect(drive(specOf([PROC])).error).to.match(/must be mounted on ordinary directory/);
  });

  it('refuse a link that leads a mount inside /proc (CVE-2019-16884)', () => {
    fs.mkdirSync(rootfs('proc'));
    fs.symlinkSync('/proc/self/attr', rootfs('evil'));
    const spec = specOf([PROC, { destination: '/evil', type: 'tmpfs', source: 'tmpfs' }]);
    expect(drive(spec).error).to.match(/inside \/proc/);
  });

  it('follow links of the rootfs inside the rootfs only', () => {
    fs.symlinkSync('/../../../../../../tmp', rootfs('var'));
    fs.symlinkSync('/run/late', rootfs('dangling'));
    const spec = specOf([
      PROC,
      { destination: '/var/in/side', type: 'tmpfs', source: 'tmpfs' },
      { destination: '/dangling/d', type: 'tmpfs', source: 'tmpfs' },
    ]);
    const outcome = drive(spec);
    expect(outcome.error).to.equal(undefined);
    expect(at(outcome, '/tmp/in/side')?.type).to.equal('tmpfs');
    expect(at(outcome, '/run/late/d')?.type).to.equal('tmpfs');
    expect(fs.existsSync('/tmp/in')).to.equal(false);
  });

  it('put a file where a dangling link of the rootfs says', () => {
    fs.mkdirSync(rootfs('etc'));
    fs.symlinkSync('../run/resolve/stub.conf', rootfs('etc', 'resolv.conf'));
    fs.writeFileSync(path.join(box.bundle, 'file'), 'nameserver 192.0.2.1');
    const mount: Mount = { destination: '/etc/resolv.conf', source: 'file', options: ['bind', 'ro'] };
    const outcome = drive(specOf([PROC, mount]), { read: ['/etc/resolv.conf'] });
    expect(outcome.error).to.equal(undefined);
    expect(outcome.files['/etc/resolv.conf']).to.equal('nameserver 192.0.2.1');
    expect(at(outcome, '/run/resolve/stub.conf')?.options).to.match(/^ro/);
  });

  it('make nothing in a /dev that a link has put on the host (CVE-2026-41579)', () => {
    const outside = path.join(box.bundle, 'outside');
    fs.mkdirSync(outside);
    fs.writeFileSync(path.join(outside, 'ptmx'), 'precious');
    fs.symlinkSync(outside, rootfs('dev'));
    const outcome = drive(specOf([PROC], { devices: [{ path: '/dev/mine', type: 'c', major: 1, minor: 3 }] }));
    expect(outcome.error).to.equal(undefined);
    expect(fs.readdirSync(outside)).to.deep.equal(['ptmx']);
    expect(fs.readdirSync(rootfs(outside))).to.include.members(['mine', 'null', 'ptmx', 'stdin']);
  });

  it('refuse a sysctl that leads elsewhere', () => {
    expect(drive(specOf([PROC], { sysctl: { 'kernel/../../self/comm': 'x' } })).error).to.match(/is not a key/);
    expect(drive(specOf([PROC], { sysctl: { 'kernel.none': 'x' } })).error).to.match(/no such file or directory/);
  });

  it('leave the host alone while the rootfs is swapped for links under our hands (CVE-2021-30465, CVE-2024-45310)', () => {
    const outside = path.join(box.bundle, 'outside');
    fs.mkdirSync(outside);
    fs.mkdirSync(rootfs('a'), { recursive: true });
    fs.symlinkSync(`../../../../../../..${outside}`, rootfs('link'));
    const spec = specOf([{ destination: '/a/deep/er', type: 'tmpfs', source: 'tmpfs' }]);
    const env = orderOf(spec, { exchange: [rootfs('a'), rootfs('link')] });
    const attacker = spawn(process.execPath, [DRIVER], { env, stdio: 'ignore' });
    try {
      const outcome = drive(spec, { contest: 3000 });
      expect(outcome.error).to.equal(undefined);
      expect(outcome.contest.mounted).to.be.greaterThan(100);
      expect(fs.readdirSync(outside)).to.deep.equal([]);
      expect(outcome.mountinfo).not.to.include(` ${outside}`);
    } finally {
      attacker.kill('SIGKILL');
    }
  });
});
