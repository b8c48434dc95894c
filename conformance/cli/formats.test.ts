// What verbs print: state, list, ps, events, spec, features, each as engines parse it and scripts cut it.

import { existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { type Config, writeRootfs } from '../harness/bundle.ts';
import { useCase } from '../harness/case.ts';
import { isUnified } from '../harness/cgroup.ts';
import { failure } from '../harness/log.ts';
import { deviates, onlyTsoci } from '../harness/runtime.ts';
import { until } from '../harness/until.ts';

const NANOSECONDS = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z$/;
const KEYS = ['ociVersion', 'id', 'pid', 'status', 'bundle', 'rootfs', 'created'];

const annotate = (config: Config): void => {
  config.annotations = { 'org.example.key': 'value' };
};

describe('formats', () => {
  const c = useCase();
  const run = (...args: string[]) => c.runtime.run(args);
  const state = (): Record<string, unknown> => JSON.parse(c.verb('state').stdout);

  it('state: indented by two, without a newline at the end, its keys in order', function () {
    deviates(this, 'crun', 'its order is another');
    expect(c.create('exec sleep 100', annotate).status).to.equal(0);
    const { stdout, stderr } = c.verb('state');
    expect(stderr).to.equal('');
    expect(stdout).to.equal(JSON.stringify(JSON.parse(stdout), null, 2));
    const seen = JSON.parse(stdout);
    expect(Object.keys(seen).filter((key) => key !== 'ended')).to.deep.equal([...KEYS, 'annotations', 'owner']);
    expect(seen).to.include({ id: c.bundle.id, status: 'created', bundle: c.bundle.dir, rootfs: c.bundle.rootfs });
    expect(seen).to.include({ owner: '' });
    expect(seen.annotations).to.deep.equal({ 'org.example.key': 'value' });
    expect(seen.created).to.match(NANOSECONDS);
    expect(readFileSync(`/proc/${seen.pid}/cgroup`, 'utf8')).to.include(c.bundle.id);
    c.verb('delete', '--force');
  });

  it('state: its status and pid through the life of a container', function () {
    deviates(this, 'crun', 'with a cgroup of v1 it shows a paused container as running');
    expect(c.create('exec sleep 100').status).to.equal(0);
    const { pid, created } = state();
    expect(pid).to.be.greaterThan(1);
    expect(state()).to.include({ status: 'created', pid, created });
    c.verb('start');
    expect(state()).to.include({ status: 'running', pid, created });
    if (c.verb('pause').status === 0) {
      expect(state()).to.include({ status: 'paused', pid, created });
      c.verb('resume');
    }
    expect(state()).to.include({ status: 'running', pid, created });
    c.verb('kill', 'KILL');
    until(() => state()['status'] === 'stopped', 'the end');
    expect(state()).to.include({ status: 'stopped', pid: 0, created });
    c.verb('delete');
  });

  it('list: nothing is a header, `null` as JSON, and nothing by --quiet', function () {
    deviates(this, 'crun', 'its table is another, its JSON an array');
    for (const make of [false, true]) {
      if (make) mkdirSync(c.runtime.root, { recursive: true });
      else if (run('list').status === 1) continue; // runc wants a root that was named to be there
      expect(run('list').stdout).to.equal('ID          PID         STATUS      BUNDLE      CREATED     OWNER\n');
      expect(run('list', '--format', 'json').stdout).to.equal('null\n');
      expect(run('list', '--quiet')).to.deep.equal({ status: 0, stdout: '', stderr: '' });
    }
  });

  it('list: a table of columns that are twelve wide at least, three apart', function () {
    deviates(this, 'crun', 'its table is another');
    expect(c.create('exec sleep 100').status).to.equal(0);
    const { id, dir } = c.bundle;
    const { pid, created } = state();
    const cells = [
      ['ID', id],
      ['PID', String(pid)],
      ['STATUS', 'created'],
      ['BUNDLE', dir],
      ['CREATED', String(created)],
      ['OWNER', userInfo().username],
    ];
    const wide = ([head = '', cell = '']: string[]) => Math.max(12, head.length + 3, cell.length + 3);
    const row = (line: 0 | 1) => cells.map((pair, at) => (pair[line] ?? '').padEnd(at === 5 ? 0 : wide(pair))).join('');
    expect(run('list').stdout).to.equal(`${row(0)}\n${row(1)}\n`);
    expect(run('list', '-q').stdout).to.equal(`${id}\n`);
    c.verb('delete', '--force');
  });

  it("list: JSON on one line, the objects that state prints, with the owner's name", function () {
    deviates(this, 'crun', 'its keys are others');
    expect(c.create('exec sleep 100', annotate).status).to.equal(0);
    const { stdout } = run('list', '-f', 'json');
    expect(stdout).to.match(/^\[.*\]\n$/);
    expect(JSON.parse(stdout)).to.deep.equal([{ ...state(), owner: userInfo().username }]);
    c.verb('delete', '--force');
  });

  it('list: what is whole; on standard error what is broken; nothing of what is no container', function () {
    deviates(this, 'crun', 'ends at the first that is broken');
    const log = join(c.bundle.dir, 'log');
    expect(c.create('exec sleep 100').status).to.equal(0);
    mkdirSync(join(c.runtime.root, 'broken'));
    writeFileSync(join(c.runtime.root, 'broken', 'state.json'), '{');
    mkdirSync(join(c.runtime.root, 'empty'));
    writeFileSync(join(c.runtime.root, 'file'), '');
    const listed = run('--log', log, 'list', '--format', 'json');
    expect(listed.status).to.equal(0);
    const lines = listed.stderr.trimEnd().split('\n').sort();
    expect(lines[0]).to.match(/^load container broken: (?!load)./);
    expect(lines.slice(1)).to.deep.equal(['load container empty: container does not exist']);
    expect(existsSync(log) ? readFileSync(log, 'utf8') : '').to.equal('');
    expect(JSON.parse(listed.stdout).map((view: Config) => view.id)).to.deep.equal([c.bundle.id]);
    expect(run('list', '-q').stdout).to.equal(`${c.bundle.id}\n`);
    expect(run('state', 'broken')).to.include({ status: 1, stdout: '' });
    for (const name of ['broken', 'empty', 'file']) rmSync(join(c.runtime.root, name), { recursive: true });
    c.verb('delete', '--force');
  });

  it('ps: pids of the host as JSON on one line; the lines of ps(1) with its header', function () {
    deviates(this, 'crun', 'its JSON is indented');
    expect(c.create('exec sleep 100').status).to.equal(0);
    const { pid } = state();
    expect(c.runtime.run(['ps', '--format', 'json', c.bundle.id]).stdout).to.equal(`[${pid}]\n`);
    const [header = '', ...lines] = c.verb('ps').stdout.trimEnd().split('\n');
    expect(header.trim().split(/\s+/)).to.include.members(['UID', 'PID', 'PPID', 'CMD']);
    expect(lines.map((line) => Number(line.trim().split(/\s+/)[1]))).to.deep.equal([pid]);
    c.verb('delete', '--force');
  });

  it('events: one object a line', function () {
    deviates(this, 'crun', 'it has no events');
    expect(c.create('exec sleep 100').status).to.equal(0);
    c.verb('start');
    const { stdout } = c.runtime.run(['events', '--stats', c.bundle.id]);
    expect(stdout).to.match(/^\{.*\}\n$/);
    const event = JSON.parse(stdout);
    expect(event).to.include({ type: 'stats', id: c.bundle.id });
    expect(event.data.cpu).to.include.keys('usage');
    expect(event.data.memory).to.include.keys('usage', 'raw');
    expect(event.data.pids).to.include({ current: 1 });
    c.verb('delete', '--force');
  });

  it('spec: a configuration to start from, by tabs, once', function () {
    deviates(this, 'crun', 'it asks for more');
    const dir = join(c.bundle.dir, 'new');
    mkdirSync(dir);
    expect(c.runtime.run(['spec'], { cwd: dir })).to.deep.equal({ status: 0, stdout: '', stderr: '' });
    const file = join(dir, 'config.json');
    const text = readFileSync(file, 'utf8');
    expect(text.trimEnd()).to.equal(JSON.stringify(JSON.parse(text), null, '\t'));
    expect(statSync(file).mode & 0o777).to.equal(0o666 & ~process.umask());
    const config = JSON.parse(text);
    expect(config.process).to.deep.include({ args: ['sh'], terminal: true, cwd: '/', noNewPrivileges: true });
    expect(config.process.env).to.deep.equal([
      'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
      'TERM=xterm',
    ]);
    expect(config.process.rlimits).to.deep.equal([{ type: 'RLIMIT_NOFILE', hard: 1024, soft: 1024 }]);
    for (const set of ['bounding', 'effective', 'permitted']) {
      expect(config.process.capabilities[set]).to.have.members(['CAP_AUDIT_WRITE', 'CAP_KILL', 'CAP_NET_BIND_SERVICE']);
    }
    expect(config.root).to.deep.equal({ path: 'rootfs', readonly: true });
    expect(config.mounts.map((mount: Config) => mount.destination)).to.deep.equal([
      ...['/proc', '/dev', '/dev/pts', '/dev/shm', '/dev/mqueue', '/sys', '/sys/fs/cgroup'],
    ]);
    const types = config.linux.namespaces.map((entry: Config) => entry.type);
    expect(types).to.deep.equal(['pid', 'network', 'ipc', 'uts', 'mount', ...(isUnified ? ['cgroup'] : [])]);
    expect(config.linux.resources.devices).to.deep.equal([{ allow: false, access: 'rwm' }]);
    expect(failure(c.runtime.run(['spec'], { cwd: dir }))).to.equal('File config.json exists. Remove it first');
    expect(readFileSync(file, 'utf8')).to.equal(text);
  });

  it('spec: runs as it was written, but for the terminal', function () {
    deviates(this, 'crun', 'its configuration asks for a cgroup namespace that a hybrid host does not show');
    const dir = join(c.bundle.dir, 'new');
    mkdirSync(dir);
    run('spec', '--bundle', dir);
    const config = JSON.parse(readFileSync(join(dir, 'config.json'), 'utf8'));
    Object.assign(config.process, { terminal: false, args: ['sh', '-c', 'echo runs; hostname'] });
    config.linux.cgroupsPath = c.bundle.cgroup;
    writeFileSync(join(dir, 'config.json'), JSON.stringify(config));
    writeRootfs(join(dir, 'rootfs'));
    const { status, stdout } = run('run', '--bundle', dir, c.bundle.id);
    expect({ status, stdout }).to.deep.equal({ status: 0, stdout: `runs\n${config.hostname}\n` });
  });

  it('spec --rootless: a user namespace that maps the caller, and no limits', function () {
    deviates(this, 'crun', 'its mappings are others');
    run('spec', '--rootless', '--bundle', c.bundle.dir);
    const config = JSON.parse(readFileSync(join(c.bundle.dir, 'config.json'), 'utf8'));
    expect(config.linux.namespaces.map((entry: Config) => entry.type))
      .to.include('user')
      .and.not.include('network');
    expect(config.linux.uidMappings).to.deep.equal([{ containerID: 0, hostID: process.getuid?.(), size: 1 }]);
    expect(config.linux.gidMappings).to.deep.equal([{ containerID: 0, hostID: process.getgid?.(), size: 1 }]);
    expect(config.linux).to.not.have.property('resources');
    const types = config.mounts.map(({ destination, type }: Config) => `${destination} ${type}`);
    expect(types).to.include.members(['/sys none', '/sys/fs/cgroup cgroup']);
  });

  it('features: the document of the specification and nothing beside it, for those who read both streams as one', function () {
    deviates(this, 'crun', 'version 1.8 has no features');
    const { status, stdout, stderr } = run('features');
    expect({ status, stderr }).to.deep.equal({ status: 0, stderr: '' });
    const features = JSON.parse(stdout);
    expect(stdout.trimEnd()).to.equal(JSON.stringify(features, null, 4));
    expect(features.ociVersionMin).to.equal('1.0.0');
    expect(features.ociVersionMax).to.match(/^1\.\d+\.\d+/);
    expect(features.hooks).to.have.members([
      ...['prestart', 'createRuntime', 'createContainer', 'startContainer', 'poststart', 'poststop'],
    ]);
    expect(features.mountOptions).to.include.members(['ro', 'rbind', 'rprivate', 'nosuid']);
    expect(features.linux.namespaces).to.include.members(['cgroup', 'ipc', 'mount', 'network', 'pid', 'user', 'uts']);
    expect(features.linux.cgroup).to.include({ v1: true, v2: true, systemd: true });
    expect(features.linux.seccomp).to.include({ enabled: true });
    expect(features.linux.seccomp.actions).to.include.members(['SCMP_ACT_ALLOW', 'SCMP_ACT_ERRNO', 'SCMP_ACT_NOTIFY']);
  });

  it('plan: what create would do, and nothing is touched', function () {
    onlyTsoci(this);
    expect(c.create('true').status).to.equal(0);
    c.verb('delete', '--force');
    const text = run('plan', '--bundle', c.bundle.dir, c.bundle.id);
    expect(text.stdout).to.match(/pivot-root +pivot_root to the rootfs/);
    const plan = JSON.parse(run('plan', '--bundle', c.bundle.dir, '--format', 'json', c.bundle.id).stdout) as {
      child: { kind: string }[];
    };
    expect(plan.child.at(-1)?.kind).to.equal('exec');
  });
});
