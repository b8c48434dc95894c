import { spawn, spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import type { Mount, Spec } from '../../spec/types.ts';
import type { Outcome } from './drive.test.ts';

const DRIVER = fileURLToPath(new URL('./drive.test.ts', import.meta.url));
const isRoot = process.geteuid?.() === 0;
const hasRunc = spawnSync('runc', ['--version']).status === 0;
const BUSYBOX = '/bin/busybox';

let bundle = '';
let counter = 0;

const rootfs = (...parts: string[]): string => path.join(bundle, 'rootfs', ...parts);

const specOf = (mounts: Mount[], linux: Spec['linux'] = {}, more: Partial<Spec> = {}): Spec => ({
  ociVersion: '1.0.2',
  root: { path: 'rootfs' },
  mounts,
  linux: { namespaces: [{ type: 'mount' }, { type: 'pid' }, { type: 'uts' }, { type: 'ipc' }], ...linux },
  ...more,
});

const orderOf = (spec: Spec, more: object): NodeJS.ProcessEnv => ({
  ...process.env,
  TSOCI_DRIVE_MOUNTS: JSON.stringify({ bundle, spec, ...more }),
});

const NAMESPACES = ['--mount', '--uts', '--ipc', '--pid', '--fork', '--propagation', 'unchanged'];

/** A host whose mounts are shared, as systemd makes them. */
const SHARED_WORLD = ['unshare', '--mount', '--propagation', 'shared'];

/** Runs the steps of `spec` in namespaces of their own; `world` is a command around, `extra` are more of unshare(1). */
function drive(
  spec: Spec,
  more: object = {},
  world: string[] = [],
  extra: string[] = [],
  stdin: 'pipe' | 'ignore' = 'pipe',
): Outcome {
  const [command = '', ...args] = [
    ...world,
    'unshare',
    ...extra,
    ...NAMESPACES,
    process.execPath,
    '--import',
    'tsx',
    DRIVER,
  ];
  const result = spawnSync(command, args, {
    env: orderOf(spec, more),
    encoding: 'utf8',
    stdio: [stdin, 'pipe', 'pipe'],
  });
  if (result.status !== 0) throw new Error(`driver: ${result.stderr}`);
  return JSON.parse(result.stdout) as Outcome;
}

interface MountLine {
  readonly root: string;
  readonly point: string;
  readonly options: string;
  readonly optional: string;
  readonly type: string;
  readonly source: string;
  readonly super: string;
}

/** The fields that do not count up: not ids, not device numbers, not numbers of peer groups. */
function parse(mountinfo: string): MountLine[] {
  return mountinfo
    .trim()
    .split('\n')
    .map((line) => {
      const [front = '', back = ''] = line.split(' - ');
      const [, , , root = '', point = '', options = '', ...optional] = front.split(' ');
      const [type = '', source = '', superOptions = ''] = back.split(' ');
      const kinds = optional.map((word) => word.replace(/:.*/, '')).join(' ');
      return { root, point, options, optional: kinds, type, source, super: superOptions };
    });
}

const at = (outcome: Outcome, point: string): MountLine | undefined =>
  parse(outcome.mountinfo).findLast((line) => line.point === point);

/** The same configuration, done by runc, whose program prints its mount table. */
function mountinfoOfRunc(spec: Spec, world: string[] = [], flags: string[] = []): string {
  const process = { cwd: '/', args: ['/bin/busybox', 'cat', '/proc/self/mountinfo'], user: { uid: 0, gid: 0 } };
  fs.writeFileSync(path.join(bundle, 'config.json'), JSON.stringify({ ...spec, process }));
  const id = `tsoci-mounts-${globalThis.process.pid}-${counter++}`;
  const [command = '', ...args] = [...world, 'runc', 'run', ...flags, '--bundle', bundle, id];
  const result = spawnSync(command, args, { encoding: 'utf8' });
  if (result.status !== 0) throw new Error(`runc: ${result.stderr}${result.stdout}`);
  return result.stdout;
}

const PROC: Mount = { destination: '/proc', type: 'proc', source: 'proc', options: ['nosuid', 'noexec', 'nodev'] };

/** What docker and containerd ask for. */
const ENGINE_MOUNTS: Mount[] = [
  PROC,
  {
    destination: '/dev',
    type: 'tmpfs',
    source: 'tmpfs',
    options: ['nosuid', 'strictatime', 'mode=755', 'size=65536k'],
  },
  {
    destination: '/dev/pts',
    type: 'devpts',
    source: 'devpts',
    options: ['nosuid', 'noexec', 'newinstance', 'ptmxmode=0666', 'mode=0620', 'gid=5'],
  },
  {
    destination: '/dev/shm',
    type: 'tmpfs',
    source: 'shm',
    options: ['nosuid', 'noexec', 'nodev', 'mode=1777', 'size=67108864'],
  },
  { destination: '/dev/mqueue', type: 'mqueue', source: 'mqueue', options: ['nosuid', 'noexec', 'nodev'] },
  { destination: '/sys', type: 'sysfs', source: 'sysfs', options: ['nosuid', 'noexec', 'nodev', 'ro'] },
];

describe('mounts in the kernel', function () {
  this.timeout(120_000);

  beforeEach(function () {
    if (!isRoot) {
      console.log('      skipped: needs root');
      this.skip();
    }
    bundle = fs.mkdtempSync(path.join(os.tmpdir(), 'tsoci-mounts-'));
    fs.mkdirSync(rootfs('bin'), { recursive: true });
    fs.copyFileSync(BUSYBOX, rootfs('bin', 'busybox'));
    fs.chmodSync(rootfs('bin', 'busybox'), 0o755);
  });

  afterEach(() => {
    if (bundle !== '') fs.rmSync(bundle, { recursive: true, force: true });
  });

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
    fs.mkdirSync(path.join(bundle, 'data', 'deep'), { recursive: true });
    fs.writeFileSync(path.join(bundle, 'file'), 'x');
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
      bind('/b/many', path.join(bundle, 'data'), 'ro', 'bind', 'nodev', 'nosuid', 'noexec'),
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
      fs.mkdirSync(path.join(bundle, 'data'));
      const mounts: Mount[] = [
        PROC,
        { destination: '/t', type: 'tmpfs', source: 'tmpfs' },
        { destination: '/data', source: 'data', options: ['rbind'] },
        { destination: '/data/private', source: 'data', options: ['rbind', 'private'] },
      ];
      const spec = specOf(mounts, word === '' ? {} : { rootfsPropagation: word as 'shared' });
      const left = path.join(bundle, 'left');
      const own = drive(spec, {}, [
        ...SHARED_WORLD,
        'sh',
        '-c',
        `"$@"; s=$?; cp /proc/self/mountinfo ${left}; exit $s`,
        'sh',
      ]);
      expect(own.error).to.equal(undefined);
      expect(fs.readFileSync(left, 'utf8')).not.to.include(`${bundle}/rootfs/t `);
      // COMPAT: runc before 1.2 did not set the propagation of "/" itself; all other mounts are as its own.
      const others = (text: string) => parse(text).filter((line) => line.point !== '/');
      expect(others(own.mountinfo)).to.deep.equal(others(mountinfoOfRunc(spec, SHARED_WORLD)));
    });
  }

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

  it('bind devices in a user namespace, and keep the locked attributes of sources', () => {
    fs.mkdirSync(path.join(bundle, 'data'));
    fs.chmodSync(bundle, 0o755);
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
    fs.mkdirSync(path.join(bundle, 'own', 'below'), { recursive: true });
    const flags = 2 | 4 | 8; // nosuid, nodev, noexec
    const cgroup = [
      { kind: 'tmpfs', target: '', source: 'tmpfs', data: 'mode=755', flags: flags | 1 },
      { kind: 'bind', target: 'cpu,cpuacct', source: path.join(bundle, 'own'), flags: flags | 1 },
      { kind: 'symlink', target: 'cpu', source: 'cpu,cpuacct' },
    ];
    const mount: Mount = { destination: '/sys/fs/cgroup', type: 'cgroup', source: 'cgroup', options: ['ro'] };
    const own = drive(specOf([PROC, mount]), { cgroup, list: ['/sys/fs/cgroup', '/sys/fs/cgroup/cpu'] });
    expect(own.error).to.equal(undefined);
    expect(Object.values(own.files)).to.deep.equal(['cpu cpu,cpuacct', 'below']);
    expect(at(own, '/sys/fs/cgroup')?.options).to.equal('ro,nosuid,nodev,noexec,relatime');
    expect(at(own, '/sys/fs/cgroup/cpu,cpuacct')?.options).to.match(/^ro,nosuid,nodev,noexec/);
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

  it('copy the covered folder up', () => {
    fs.mkdirSync(rootfs('etc', 'sub'), { recursive: true });
    fs.writeFileSync(rootfs('etc', 'sub', 'file'), 'hello', { mode: 0o640 });
    fs.symlinkSync('/bin/busybox', rootfs('etc', 'link'));
    spawnSync('mkfifo', [rootfs('etc', 'fifo')]);
    const spec = specOf([PROC, { destination: '/etc', type: 'tmpfs', source: 'tmpfs', options: ['tmpcopyup', 'ro'] }]);
    const outcome = drive(spec, { read: ['/etc/sub/file'], list: ['/etc'] });
    expect(outcome.error).to.equal(undefined);
    expect(outcome.files).to.deep.equal({ '/etc/sub/file': 'hello', '/etc': 'fifo link sub' });
    expect(at(outcome, '/etc')?.options).to.match(/^ro/);
  });

  it('map ids', async () => {
    fs.mkdirSync(path.join(bundle, 'data'));
    fs.writeFileSync(path.join(bundle, 'data', 'f'), '');
    fs.chmodSync(path.join(bundle, 'data', 'f'), 0o644);
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
    fs.mkdirSync(path.join(bundle, 'data'));
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
    fs.writeFileSync(path.join(bundle, 'file'), 'nameserver 192.0.2.1');
    const mount: Mount = { destination: '/etc/resolv.conf', source: 'file', options: ['bind', 'ro'] };
    const outcome = drive(specOf([PROC, mount]), { read: ['/etc/resolv.conf'] });
    expect(outcome.error).to.equal(undefined);
    expect(outcome.files['/etc/resolv.conf']).to.equal('nameserver 192.0.2.1');
    expect(at(outcome, '/run/resolve/stub.conf')?.options).to.match(/^ro/);
  });

  it('say so when a folder meets a file', () => {
    fs.mkdirSync(path.join(bundle, 'data'));
    const mount: Mount = { destination: '/bin/busybox', source: 'data', options: ['rbind'] };
    expect(drive(specOf([PROC, mount])).error).to.match(/: not a directory$/);
  });

  it('make nothing in a /dev that a link has put on the host (CVE-2026-41579)', () => {
    const outside = path.join(bundle, 'outside');
    fs.mkdirSync(outside);
    fs.writeFileSync(path.join(outside, 'ptmx'), 'precious');
    fs.symlinkSync(outside, rootfs('dev'));
    const outcome = drive(specOf([PROC], { devices: [{ path: '/dev/mine', type: 'c', major: 1, minor: 3 }] }));
    expect(outcome.error).to.equal(undefined);
    expect(fs.readdirSync(outside)).to.deep.equal(['ptmx']);
    expect(fs.readdirSync(rootfs(outside))).to.include.members(['mine', 'null', 'ptmx', 'stdin']);
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

  it('refuse a sysctl that leads elsewhere', () => {
    expect(drive(specOf([PROC], { sysctl: { 'kernel/../../self/comm': 'x' } })).error).to.match(/is not a key/);
    expect(drive(specOf([PROC], { sysctl: { 'kernel.none': 'x' } })).error).to.match(/no such file or directory/);
  });

  it('leave the host alone while the rootfs is swapped for links under our hands (CVE-2021-30465, CVE-2024-45310)', () => {
    const outside = path.join(bundle, 'outside');
    fs.mkdirSync(outside);
    fs.mkdirSync(rootfs('a'), { recursive: true });
    fs.symlinkSync(`../../../../../../..${outside}`, rootfs('link'));
    const spec = specOf([{ destination: '/a/deep/er', type: 'tmpfs', source: 'tmpfs' }]);
    const env = orderOf(spec, { exchange: [rootfs('a'), rootfs('link')] });
    const attacker = spawn(process.execPath, ['--import', 'tsx', DRIVER], { env, stdio: 'ignore' });
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
