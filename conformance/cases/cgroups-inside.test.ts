// What a container sees of its cgroups, what of them it owns, and a container in a container.

import {
  chmodSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
} from 'node:fs';
import { join, resolve } from 'node:path';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { type Bundle, baseConfig, type Config, writeConfig, writeRootfs } from '../harness/bundle.ts';
import { useCase } from '../harness/case.ts';
import { isUnified, legacyNames } from '../harness/cgroup.ts';
import { deviates } from '../harness/runtime.ts';
import { until } from '../harness/until.ts';

const ROOT = '/sys/fs/cgroup';
const OWNER = 100_000;

const cgroupMount = (...options: string[]) => ({
  destination: ROOT,
  type: 'cgroup',
  source: 'cgroup',
  options: ['nosuid', 'noexec', 'nodev', ...options],
});

const linkOf = (name: string): string =>
  lstatSync(join(ROOT, name)).isSymbolicLink() ? readlinkSync(join(ROOT, name)) : '';

/** What it takes to run a container. */
const RUNTIME_CAPABILITIES = [
  ...['SYS_ADMIN', 'SYS_CHROOT', 'SYS_PTRACE', 'NET_ADMIN', 'MKNOD', 'KILL'],
  ...['CHOWN', 'DAC_OVERRIDE', 'FOWNER', 'SETGID', 'SETUID', 'SETPCAP'],
].map((name) => `CAP_${name}`);

describe('cgroups: seen from inside', () => {
  const c = useCase();
  const limited = (config: Config): void => {
    config.linux.resources.pids = { limit: 30 };
  };
  const inNamespace = (config: Config): void => {
    config.linux.namespaces.push({ type: 'cgroup' });
  };

  for (const namespace of [true, false]) {
    // Without a namespace v2 shows the host's whole hierarchy.
    const own = isUnified ? (namespace ? '' : '$(cut -d: -f3 /proc/self/cgroup)') : '/pids';
    const dir = `${ROOT}${own}`;
    const where = namespace ? 'with a cgroup namespace' : 'without a cgroup namespace';
    const prepare = (config: Config, ...options: string[]) => {
      limited(config);
      if (namespace) inNamespace(config);
      config.mounts.push(cgroupMount(...options));
    };

    it(`shows the container its own cgroup, ${where}`, () => {
      const script = `cat ${dir}/pids.max ${dir}/cgroup.procs`;
      const result = c.run(script, (config) => prepare(config, 'ro'));
      expect(result.stderr).to.equal('');
      expect(result.stdout.split('\n')).to.include.members(['30', '1']);
    });

    it(`cannot be written where it is read-only, ${where}`, () => {
      const script = `echo 40 > ${dir}/pids.max; mkdir ${dir}/sub; cat ${dir}/pids.max`;
      const result = c.run(script, (config) => prepare(config, 'ro'));
      expect(result.stdout).to.equal('30\n');
      expect(result.stderr.match(/Read-only file system/g)).to.have.length(2);
    });

    it(`takes nothing beside the hierarchies where it is read-only, ${where}`, function () {
      deviates(this, 'runc', 'leaves their folder writable');
      const result = c.run(`mkdir ${ROOT}/sub`, (config) => prepare(config, 'ro'));
      expect(result.stderr).to.include('Read-only file system');
    });

    it(`can be written where it is writable, ${where}`, () => {
      const script = `mkdir ${dir}/sub; echo 25 > ${dir}/pids.max; cat ${dir}/pids.max`;
      const result = c.run(script, (config) => prepare(config));
      // KERNEL: with nsdelegate the limits of a namespace's root are those of who has made it.
      const isHeld = namespace && isUnified;
      expect(result.stdout).to.equal(isHeld ? '30\n' : '25\n');
      expect(result.stderr).to.match(isHeld ? /^[^\n]*Operation not permitted\n$/ : /^$/);
    });

    it(`has a folder for each hierarchy of v1, and its links, ${where}`, function () {
      if (isUnified) this.skip();
      const result = c.run(`cd ${ROOT}; for f in *; do echo $f $(readlink $f); done`, (config) =>
        prepare(config, 'ro'),
      );
      const shown = result.stdout
        .trim()
        .split('\n')
        .map((line) => line.trim());
      const names = legacyNames().filter((name) => name !== 'unified');
      if (names.some((name) => linkOf(name) !== '' && !linkOf(name).includes(','))) {
        deviates(this, 'runc', 'has no links but to the halves of a name with a comma');
      }
      const expected = names.map((name) => `${name} ${linkOf(name)}`.trim());
      expect(shown.toSorted()).to.deep.equal(expected.toSorted());
    });
  }

  it('is the root of its cgroup namespace', () => {
    const result = c.run('cat /proc/self/cgroup', inNamespace);
    const places = result.stdout
      .trim()
      .split('\n')
      .map((line) => line.split(':').slice(2).join(':'));
    expect(new Set(places)).to.deep.equal(new Set(['/']));
  });

  it('is the whole hierarchy where a user namespace has no cgroup namespace of its own', function () {
    if (!isUnified) this.skip();
    const map = [{ containerID: 0, hostID: OWNER, size: 65536 }];
    chmodSync(c.bundle.dir, 0o755);
    const dir = `${ROOT}${c.bundle.cgroup}`;
    const result = c.run(`cat ${dir}/pids.max; mkdir ${dir}/sub`, (config) => {
      Object.assign(config.linux, { uidMappings: map, gidMappings: map });
      config.linux.namespaces.push({ type: 'user' });
      limited(config);
      config.mounts.push(cgroupMount('ro'));
    });
    expect(result.stdout, result.stderr).to.equal('30\n');
    expect(result.stderr).to.include('Read-only file system');
  });

  it('leaves the host’s own mount as it is', function () {
    if (!isUnified) this.skip();
    for (const peer of ['runc', 'crun']) deviates(this, peer, 'takes nsdelegate and the like from the host');
    const line = () => /^.* \/sys\/fs\/cgroup .*$/m.exec(readFileSync('/proc/self/mountinfo', 'utf8'))?.[0];
    const before = line();
    const result = c.run('grep -c " cgroup2 " /proc/self/mountinfo', (config) => config.mounts.push(cgroupMount('ro')));
    expect(result.stdout, result.stderr).to.equal('1\n');
    expect(line()).to.equal(before).and.to.include('nsdelegate');
  });

  it('tells the whole path without one', () => {
    const result = c.run('cat /proc/self/cgroup');
    expect(result.stdout).to.match(new RegExp(`:${c.bundle.cgroup}$`, 'm'));
  });

  describe('a cgroup that is given away', () => {
    const delegated = (): string[] =>
      existsSync('/sys/kernel/cgroup/delegate')
        ? readFileSync('/sys/kernel/cgroup/delegate', 'utf8').trim().split('\n')
        : ['cgroup.procs', 'cgroup.subtree_control', 'cgroup.threads'];
    const inUser = (config: Config, ...options: string[]): void => {
      const map = [{ containerID: 0, hostID: OWNER, size: 65536 }];
      Object.assign(config.linux, { uidMappings: map, gidMappings: map });
      config.linux.namespaces.push({ type: 'user' });
      inNamespace(config);
      limited(config);
      config.mounts.push(cgroupMount(...options));
      chmodSync(c.bundle.dir, 0o755);
    };
    const ownersOf = (): Record<string, number> => {
      const dir = join(ROOT, c.bundle.cgroup);
      return Object.fromEntries(['.', ...readdirSync(dir)].map((name) => [name, statSync(join(dir, name)).uid]));
    };

    it('belongs to the container’s user with the files that the kernel names, and no others', function () {
      if (!isUnified) this.skip();
      deviates(this, 'runc', 'gives it away by systemd alone');
      const made = c.create('exec sleep 1000', (config) => inUser(config));
      expect(made, made.stderr).to.include({ status: 0 });
      const owners = ownersOf();
      const given = ['.', ...delegated()].filter((name) => name in owners).toSorted();
      const found = Object.keys(owners).filter((name) => owners[name] === OWNER);
      expect(found.toSorted()).to.deep.equal(given);
      expect(owners['pids.max']).to.equal(0);
      c.verb('delete', '--force');
    });

    it('can be divided by the container, whose limit stays', function () {
      if (!isUnified) this.skip();
      deviates(this, 'runc', 'gives it away by systemd alone');
      const script = [
        `cd ${ROOT} && mkdir init below && echo $$ > init/cgroup.procs`,
        'echo +pids > cgroup.subtree_control && echo 5 > below/pids.max && cat below/pids.max',
        'echo 1000 > pids.max',
        'cat pids.max',
      ].join('\n');
      const result = c.run(script, (config) => inUser(config));
      expect(result.stdout, result.stderr).to.equal('5\n30\n');
      expect(result.stderr).to.match(/pids.max: (Permission denied|Operation not permitted)/);
    });

    it('is none where the mount is read-only', function () {
      if (!isUnified) this.skip();
      deviates(this, 'crun', 'gives it away all the same');
      expect(c.create('exec sleep 1000', (config) => inUser(config, 'ro'))).to.include({ status: 0 });
      expect(Object.values(ownersOf()).filter((uid) => uid !== 0)).to.deep.equal([]);
      c.verb('delete', '--force');
    });
  });

  it('takes a container in the container, with limits of its own', () => {
    const inner = join(c.bundle.rootfs, 'inner');
    mkdirSync(join(inner, 'rootfs'), { recursive: true });
    writeRootfs(join(inner, 'rootfs'));
    const nested = { ...c.bundle, dir: inner, rootfs: join(inner, 'rootfs'), id: 'inner' } as Bundle;
    const config = baseConfig(nested, 'cat /proc/self/cgroup > /told; exec sleep 1000');
    delete config.linux.cgroupsPath;
    config.linux.resources.pids = { limit: 10 };
    writeConfig(nested, config);
    cpSync(resolve('dist/tsoci'), join(c.bundle.rootfs, 'tsoci'));
    // Below a cgroup with processes there are no limits: the container's own go aside.
    const aside = isUnified ? `mkdir ${ROOT}/init && echo $$ > ${ROOT}/init/cgroup.procs &&` : '';
    const outer = (changed: Config): void => {
      for (const set of ['bounding', 'effective', 'permitted']) {
        changed.process.capabilities[set] = RUNTIME_CAPABILITIES;
      }
      changed.process.noNewPrivileges = false;
      limited(changed);
      inNamespace(changed);
      changed.mounts.push(cgroupMount());
      changed.linux.resources.devices = [{ allow: true, access: 'rwm' }];
    };
    const script = `${aside} exec /tsoci --root /run/tsoci run --bundle /inner inner 2>/inner/errors`;
    const made = c.create(script, outer);
    expect(made, made.stderr).to.include({ status: 0 });
    expect(c.verb('start')).to.include({ status: 0 });
    const told = join(nested.rootfs, 'told');
    const errors = () => (existsSync(join(inner, 'errors')) ? readFileSync(join(inner, 'errors'), 'utf8') : '');
    try {
      until(() => (existsSync(told) && readFileSync(told, 'utf8') !== '') || errors() !== '', 'the inner container');
      expect(errors()).to.equal('');
      const dir = join(ROOT, isUnified ? '' : 'pids', c.bundle.cgroup);
      expect(readFileSync(join(dir, 'inner/pids.max'), 'utf8')).to.equal('10\n');
      expect(readFileSync(join(dir, 'pids.max'), 'utf8')).to.equal('30\n');
      expect(readFileSync(join(dir, 'inner/cgroup.procs'), 'utf8')).to.not.equal('');
      expect(readFileSync(told, 'utf8')).to.match(/:\/inner$/m);
    } finally {
      c.verb('kill', 'KILL');
      until(() => c.runtime.state(c.bundle.id).status === 'stopped', 'the end');
      expect(c.verb('delete')).to.include({ status: 0 });
    }
  });
});
