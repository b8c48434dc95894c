import * as fs from 'node:fs';
import * as path from 'node:path';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import type { Mount, Spec } from '../../spec/types.ts';
import {
  at,
  box,
  drive,
  ENGINE_MOUNTS,
  hasRunc,
  mountinfoOfRunc,
  PROC,
  parse,
  SHARED_WORLD,
  specOf,
  withBundles,
} from './harness.test.ts';

describe('mounts beside runc', function () {
  this.timeout(120_000);
  withBundles();

  function sameAsRunc(spec: Spec): void {
    const own = drive(spec);
    expect(own.error).to.equal(undefined);
    expect(parse(own.mountinfo)).to.deep.equal(parse(mountinfoOfRunc(spec)));
  }

  const againstRunc = (title: string, specFor: () => Spec): void => {
    it(`are field by field as runc's: ${title}`, function () {
      if (!hasRunc) {
        console.log('      skipped: no runc');
        this.skip();
      }
      sameAsRunc(specFor());
    });
  };

  againstRunc('an engine', () => specOf(ENGINE_MOUNTS));
  againstRunc('a read-only root', () => specOf(ENGINE_MOUNTS, {}, { root: { path: 'rootfs', readonly: true } }));
  againstRunc('read-only tmpfs and /dev', () =>
    specOf([
      PROC,
      { destination: '/dev', type: 'tmpfs', source: 'tmpfs', options: ['ro', 'nosuid'] },
      { destination: '/run', type: 'tmpfs', source: 'tmpfs', options: ['ro', 'nosuid', 'noatime'] },
      { destination: '/run/a/b', type: 'tmpfs', source: 'x' },
    ]),
  );
  againstRunc('access times', () =>
    specOf([
      PROC,
      ...['noatime', 'strictatime', 'relatime', 'nodiratime', 'norelatime', 'nostrictatime', 'atime', 'diratime'].map(
        (word): Mount => ({ destination: `/t/${word}`, type: 'tmpfs', source: 'tmpfs', options: [word] }),
      ),
    ]),
  );
  againstRunc('super block words', () =>
    specOf([
      PROC,
      ...['sync', 'dirsync', 'lazytime', 'mand', 'iversion', 'silent'].map(
        (word): Mount => ({ destination: `/t/${word}`, type: 'tmpfs', source: 'tmpfs', options: [word] }),
      ),
    ]),
  );
  againstRunc('bind mounts', () => {
    fs.mkdirSync(path.join(box.bundle, 'data', 'deep'), { recursive: true });
    fs.writeFileSync(path.join(box.bundle, 'file'), 'x');
    const bind = (destination: string, source: string, ...options: string[]): Mount => ({
      destination,
      source,
      type: 'bind',
      options,
    });
    return specOf([
      PROC,
      bind('/b/plain', 'data', 'rbind'),
      bind('/b/ro', 'data', 'rbind', 'ro', 'rprivate'),
      bind('/b/many', path.join(box.bundle, 'data'), 'ro', 'bind', 'nodev', 'nosuid', 'noexec'),
      bind('/etc/file', 'file', 'bind', 'ro'),
      bind('/b/noatime', 'data', 'bind', 'noatime'),
      bind('/b/shared', 'data', 'bind', 'shared'),
      bind('/b/unbindable', 'data', 'bind', 'unbindable'),
      bind('/b/slave', 'data', 'bind', 'rslave'),
      bind('/hostdev', '/dev', 'rbind', 'rslave'),
    ]);
  });
  for (const word of ['', 'shared', 'slave', 'private', 'rprivate', 'rslave']) {
    it(`propagate as runc's on a shared host: rootfsPropagation "${word}"`, function () {
      if (!hasRunc) {
        console.log('      skipped: no runc');
        this.skip();
      }
      fs.mkdirSync(path.join(box.bundle, 'data'));
      const mounts: Mount[] = [
        PROC,
        { destination: '/t', type: 'tmpfs', source: 'tmpfs' },
        { destination: '/data', source: 'data', options: ['rbind'] },
        { destination: '/data/private', source: 'data', options: ['rbind', 'private'] },
      ];
      const spec = specOf(mounts, word === '' ? {} : { rootfsPropagation: word as 'shared' });
      const left = path.join(box.bundle, 'left');
      const own = drive(spec, {}, [
        ...SHARED_WORLD,
        'sh',
        '-c',
        `"$@"; s=$?; cp /proc/self/mountinfo ${left}; exit $s`,
        'sh',
      ]);
      expect(own.error).to.equal(undefined);
      expect(fs.readFileSync(left, 'utf8')).not.to.include(`${box.bundle}/rootfs/t `);
      // COMPAT: runc before 1.2 did not set the propagation of "/" itself; all other mounts are as its own.
      const others = (text: string) => parse(text).filter((line) => line.point !== '/');
      expect(others(own.mountinfo)).to.deep.equal(others(mountinfoOfRunc(spec, SHARED_WORLD)));
    });
  }

  it("are as runc's without pivot_root", function () {
    if (!hasRunc) {
      console.log('      skipped: no runc');
      this.skip();
    }
    const spec = specOf(ENGINE_MOUNTS);
    const own = drive(spec, { noPivot: true });
    expect(own.error).to.equal(undefined);
    expect(parse(own.mountinfo)).to.deep.equal(parse(mountinfoOfRunc(spec, [], ['--no-pivot'])));
  });

  it('mask and protect the paths that runc does', function () {
    if (!hasRunc) {
      console.log('      skipped: no runc');
      this.skip();
    }
    const maskedPaths = ['/proc/keys', '/proc/none', '/sys/firmware', '/proc/timer_list', '/proc/acpi', '/proc/keys/x'];
    const readonlyPaths = ['/proc/sys', '/proc/bus', '/proc/none', '/proc/sysrq-trigger'];
    const spec = specOf(ENGINE_MOUNTS, { maskedPaths: maskedPaths.slice(0, 5), readonlyPaths });
    const own = drive(spec, { read: ['/proc/keys', '/proc/timer_list'], list: ['/sys/firmware'] });
    expect(own.error).to.equal(undefined);
    // The mask of a file is the host's null device, not one of the container's /dev; an empty folder has room for nothing.
    const plain = (text: string) =>
      parse(text)
        .map((line) => (maskedPaths.includes(line.point) ? line.point : JSON.stringify(line)))
        .sort();
    expect(plain(own.mountinfo)).to.deep.equal(plain(mountinfoOfRunc(spec)));
    expect(own.files).to.deep.equal({ '/proc/keys': '', '/proc/timer_list': '', '/sys/firmware': '' });
    expect(at(own, '/sys/firmware')?.options).to.match(/^ro/);
  });
});
