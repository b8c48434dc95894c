import { spawn, spawnSync } from 'node:child_process';
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
  PROC,
  parse,
  rootfs,
  SHARED_WORLD,
  specOf,
  withBundles,
} from './harness.test.ts';

describe('mounts in the kernel', function () {
  this.timeout(120_000);
  withBundles();

  it('propagate in the words that runc 1.1 fails on', () => {
    const spec = (word: string): Spec =>
      specOf([PROC, { destination: '/t', type: 'tmpfs', source: 'x' }], { rootfsPropagation: word as 'shared' });
    for (const word of ['unbindable', 'runbindable', 'rshared', 'shared', 'slave', 'private']) {
      const own = drive(spec(word), {}, SHARED_WORLD);
      expect(own.error, word).to.equal(undefined);
      const kinds = { unbindable: 'unbindable', runbindable: 'unbindable', rshared: 'shared', shared: 'shared' };
      expect(at(own, '/')?.optional, word).to.equal(kinds[word as 'shared'] ?? '');
      expect(at(own, '/t')?.optional, word).to.equal(word.startsWith('r') ? kinds[word as 'shared'] : '');
    }
  });

  it('bind devices in a user namespace, and keep the locked attributes of sources', () => {
    fs.mkdirSync(path.join(box.bundle, 'data'));
    fs.chmodSync(box.bundle, 0o755);
    const mounts: Mount[] = [
      ...ENGINE_MOUNTS.filter((mount) => mount.type !== 'sysfs').map((mount) =>
        mount.type === 'devpts'
          ? { ...mount, options: (mount.options ?? []).filter((word) => word !== 'gid=5') }
          : mount,
      ),
      { destination: '/sys', type: 'sysfs', source: 'sysfs', options: ['nosuid', 'noexec', 'nodev', 'ro'] },
      { destination: '/data', source: '/mnt', options: ['bind', 'ro'] },
    ];
    const locked = [
      'unshare',
      '--mount',
      'sh',
      '-c',
      'mount -t tmpfs -o nosuid,nodev,noexec none /mnt; exec "$@"',
      'sh',
    ];
    const order = { userns: true, list: ['/dev'] };
    const own = drive(specOf(mounts), order, locked, ['--user', '--map-root-user']);
    expect(own.error).to.equal(undefined);
    expect(at(own, '/dev/null')?.root).to.equal('/null');
    expect(at(own, '/sys')?.options).to.match(/^ro,nosuid,nodev,noexec/);
    expect(at(own, '/data')?.options).to.match(/^ro,nosuid,nodev,noexec/);
    const explicit = specOf([PROC, { destination: '/data', source: '/mnt', options: ['bind', 'exec'] }]);
    expect(drive(explicit, { userns: true }, locked, ['--user', '--map-root-user']).error).to.match(/not permitted/);
  });

  it('bind the terminal to /dev/console, but not through a link', () => {
    const terminal = { process: { terminal: true, cwd: '/', args: ['sh'], user: { uid: 0, gid: 0 } } };
    const own = drive(specOf(ENGINE_MOUNTS, {}, terminal), { terminal: true });
    expect(own.error).to.equal(undefined);
    expect(at(own, '/dev/console')).to.include({ type: 'devpts', root: '/0' });
    const bare = ENGINE_MOUNTS.filter((mount) => mount.destination !== '/dev');
    fs.mkdirSync(rootfs('dev'), { recursive: true });
    fs.symlinkSync('/proc/self/exe', rootfs('dev', 'console'));
    expect(drive(specOf(bare, {}, terminal), { terminal: true }).error).to.match(/console is a link/);
  });

  it('hold the recursive attributes on everything below', () => {
    const spec = specOf([
      PROC,
      { destination: '/h', source: '/dev', options: ['rbind', 'rro', 'rnosuid', 'rnoatime'] },
    ]);
    const lines = parse(drive(spec).mountinfo).filter((line) => line.point.startsWith('/h'));
    expect(lines.length).to.be.greaterThan(1);
    for (const line of lines) expect(line.options).to.match(/^ro,nosuid.*noatime/);
  });

  it('put the parts of a cgroup tree together, read-only at the end', () => {
    fs.mkdirSync(path.join(box.bundle, 'own', 'below'), { recursive: true });
    const flags = 2 | 4 | 8 | 1024; // nosuid, nodev, noexec, noatime
    const cgroup = [
      { kind: 'tmpfs', target: '', source: 'tmpfs', data: 'mode=755', flags: flags | 1 },
      { kind: 'bind', target: 'cpu,cpuacct', source: path.join(box.bundle, 'own'), flags: flags | 1 },
      { kind: 'symlink', target: 'cpu', source: 'cpu,cpuacct', flags: 0 },
    ];
    const mount: Mount = { destination: '/sys/fs/cgroup', type: 'cgroup', source: 'cgroup', options: ['ro'] };
    const own = drive(specOf([PROC, mount]), { cgroup, list: ['/sys/fs/cgroup', '/sys/fs/cgroup/cpu'] });
    expect(own.error).to.equal(undefined);
    expect(Object.values(own.files)).to.deep.equal(['cpu cpu,cpuacct', 'below']);
    expect(at(own, '/sys/fs/cgroup')?.options).to.equal('ro,nosuid,nodev,noexec,noatime');
    expect(at(own, '/sys/fs/cgroup/cpu,cpuacct')?.options).to.equal('ro,nosuid,nodev,noexec,noatime');
  });

  it('tell what covers a procfs that may therefore not be mounted', () => {
    // KERNEL: one procfs that nothing covers, wherever it is mounted, is enough for another to be allowed.
    const others = 'grep " - proc " /proc/self/mountinfo | cut -d" " -f5 | grep -vx /proc';
    const script = `for other in $(${others}); do umount -l $other; done; mount -t tmpfs none /proc/bus; exec "$@"`;
    const masked = ['unshare', '--mount', 'sh', '-c', script, 'sh'];
    const own = drive(specOf([PROC]), { userns: true }, masked, ['--user', '--map-root-user']);
    expect(own.error).to.match(/not permitted/);
    expect(own.hint).to.match(/covered are .*\/proc\/bus/);
  });

  it('tell what the kernel says of a wrong file system option', () => {
    const spec = specOf([{ destination: '/x', type: 'tmpfs', source: 'tmpfs', options: ['nonsense=1'] }]);
    expect(drive(spec).error).to.match(/invalid argument: tmpfs: Unknown parameter 'nonsense'/);
  });

  it('pass values that fsconfig(2) has no room for', () => {
    const lower = rootfs('l'.repeat(100), 'm'.repeat(120));
    for (const folder of [lower, rootfs('up'), rootfs('work'), rootfs('o')]) fs.mkdirSync(folder, { recursive: true });
    const options = [`lowerdir=${lower}`, `upperdir=${rootfs('up')}`, `workdir=${rootfs('work')}`, 'nosuid'];
    const outcome = drive(specOf([{ destination: '/o', type: 'overlay', source: 'overlay', options }]));
    expect(outcome.error).to.equal(undefined);
    expect(at(outcome, '/o')?.type).to.equal('overlay');
  });

  for (const options of [
    ['tmpcopyup', 'ro'],
    ['tmpcopyup', 'ro', 'iversion'],
  ]) {
    it(`copy the covered folder up: ${options.join(',')}`, () => {
      fs.mkdirSync(rootfs('etc', 'sub'), { recursive: true });
      fs.writeFileSync(rootfs('etc', 'sub', 'file'), 'hello', { mode: 0o640 });
      fs.symlinkSync('/bin/busybox', rootfs('etc', 'link'));
      spawnSync('mkfifo', [rootfs('etc', 'fifo')]);
      const spec = specOf([PROC, { destination: '/etc', type: 'tmpfs', source: 'tmpfs', options }]);
      const outcome = drive(spec, { read: ['/etc/sub/file'], list: ['/etc'] });
      expect(outcome.error).to.equal(undefined);
      expect(outcome.files).to.deep.equal({ '/etc/sub/file': 'hello', '/etc': 'fifo link sub' });
      expect(at(outcome, '/etc')?.options).to.match(/^ro/);
    });
  }

  it('take the mode of the folder that a tmpfs covers', () => {
    const words = ['rw', 'iversion'];
    for (const word of words) fs.mkdirSync(rootfs('t', word), { recursive: true, mode: 0o750 });
    const tmpfs = (word: string): Mount => ({ destination: `/t/${word}`, type: 'tmpfs', source: 't', options: [word] });
    const outcome = drive(specOf([PROC, ...words.map(tmpfs)]));
    expect(outcome.error).to.equal(undefined);
    for (const word of words) expect(at(outcome, `/t/${word}`)?.super).to.include('mode=750');
  });

  it('map ids', async () => {
    fs.mkdirSync(path.join(box.bundle, 'data'));
    fs.writeFileSync(path.join(box.bundle, 'data', 'f'), '');
    fs.chmodSync(path.join(box.bundle, 'data', 'f'), 0o644);
    const holder = spawn('unshare', ['--user', 'sleep', '60'], { stdio: 'ignore' });
    try {
      const own = fs.readlinkSync('/proc/self/ns/user');
      while (fs.readlinkSync(`/proc/${holder.pid}/ns/user`) === own) await new Promise((done) => setTimeout(done, 5));
      for (const map of ['uid_map', 'gid_map']) fs.writeFileSync(`/proc/${holder.pid}/${map}`, '0 5000 1000\n');
      const namespaces = [{ type: 'mount' as const }, { type: 'user' as const, path: `/proc/${holder.pid}/ns/user` }];
      const mount: Mount = { destination: '/x', source: 'data', options: ['bind', 'idmap', 'ro'] };
      // The map comes from a namespace by path: a new one takes clone3(2), which Node does not have.
      const outcome = drive(specOf([PROC, mount], { namespaces }), { stat: ['/x/f'] });
      expect(outcome.error).to.equal(undefined);
      expect(outcome.files).to.deep.equal({ '/x/f': '100644 5000 5000 0' });
      expect(at(outcome, '/x')?.options).to.match(/^ro.*idmapped/);
    } finally {
      holder.kill('SIGKILL');
    }
  });

  it('remount what is there', () => {
    fs.mkdirSync(path.join(box.bundle, 'data'));
    const tmpfs = { type: 'tmpfs', source: 'tmpfs' };
    const outcome = drive(
      specOf([
        PROC,
        { destination: '/t', ...tmpfs, options: ['size=1m'] },
        { destination: '/t', ...tmpfs, options: ['remount', 'nosuid', 'size=2m'] },
        { destination: '/d', source: 'data', options: ['bind'] },
        { destination: '/d', options: ['remount', 'bind', 'ro', 'noexec'] },
      ]),
    );
    expect(outcome.error).to.equal(undefined);
    expect(at(outcome, '/t')).to.include({ options: 'rw,nosuid,relatime' });
    expect(at(outcome, '/t')?.super).to.include('size=2048k');
    expect(at(outcome, '/d')).to.include({ options: 'ro,noexec,relatime' });
    expect(at(outcome, '/d')?.super).to.match(/^rw/);
  });

  it("take standard streams from the container's /dev/null, unless it is none", () => {
    const own = drive(specOf(ENGINE_MOUNTS), {}, [], [], 'ignore');
    const mountOfStdin = /mnt_id:\s*(\d+)/.exec(own.fdinfo)?.[1];
    expect(own.mountinfo).to.match(new RegExp(`^${mountOfStdin} .* /dev `, 'm'));
    fs.mkdirSync(rootfs('dev'), { recursive: true });
    fs.symlinkSync('/bin/busybox', rootfs('dev', 'null'));
    const fake = drive(specOf([PROC]), {}, [], [], 'ignore');
    expect(fake.error).to.equal(undefined);
    expect(fake.warnings.join()).to.match(/null: a file that is not.*streams are left/);
  });

  it('say so when a folder meets a file', () => {
    fs.mkdirSync(path.join(box.bundle, 'data'));
    const mount: Mount = { destination: '/bin/busybox', source: 'data', options: ['rbind'] };
    expect(drive(specOf([PROC, mount])).error).to.match(/: not a directory$/);
  });

  it('make the devices with exact modes, and refuse other files in their place (DV-02)', () => {
    const devices = [
      { path: '/dev/net/tun', type: 'c' as const, major: 10, minor: 200, fileMode: 0o622, uid: 7, gid: 8 },
      { path: '/srv/pipe', type: 'p' as const, fileMode: 0o640 },
    ];
    const outcome = drive(specOf(ENGINE_MOUNTS, { devices }), { list: ['/dev'], stat: ['/dev/net/tun', '/dev/null'] });
    expect(outcome.error).to.equal(undefined);
    const core = fs.existsSync('/proc/kcore') ? 'core ' : '';
    expect(outcome.files['/dev']).to.equal(
      `${core}fd full mqueue net null ptmx pts random shm stderr stdin stdout tty urandom zero`,
    );
    expect(outcome.files['/dev/net/tun']).to.equal(`20622 7 8 ${10 * 256 + 200}`);
    expect(outcome.files['/dev/null']).to.equal(`20666 0 0 ${256 + 3}`);
    const pipe = fs.statSync(rootfs('srv', 'pipe'));
    expect([pipe.isFIFO(), pipe.mode & 0o7777]).to.deep.equal([true, 0o640]);
    fs.mkdirSync(rootfs('odd'));
    fs.writeFileSync(rootfs('odd', 'null'), '');
    const other = [{ path: '/odd/null', type: 'c' as const, major: 1, minor: 3 }];
    expect(drive(specOf(ENGINE_MOUNTS, { devices: other })).error).to.match(/not the requested device/);
  });

  it('set sysctls, hostname and domainname of the namespaces', () => {
    const linux = { sysctl: { 'kernel.shm_rmid_forced': '1', 'kernel/msgmax': '4096' } };
    const more = { hostname: 'inner', domainname: 'example' };
    const read = ['/proc/sys/kernel/shm_rmid_forced', '/proc/sys/kernel/msgmax', '/proc/sys/kernel/hostname'];
    const outcome = drive(specOf([PROC], linux, more), { read });
    expect(outcome.error).to.equal(undefined);
    expect(Object.values(outcome.files)).to.deep.equal(['1\n', '4096\n', 'inner\n']);
  });
});
