// --systemd-cgroup: the container is a unit of systemd, whose properties and whose cgroup's files say what was asked for.

import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { afterEach, before, describe, it } from 'mocha';
import { baseConfig, type Config, writeConfig } from '../harness/bundle.ts';
import { useCase } from '../harness/case.ts';
import { isUnified } from '../harness/cgroup.ts';
import { deviates, isTsoci, onlyTsoci, type Result, runtimeName } from '../harness/runtime.ts';
import { isBooted, systemctl } from '../harness/systemd.ts';
import { until } from '../harness/until.ts';

const MIB = 1 << 20;
/** A unit's properties by name; several of one name in their order, a line each. */
function show(unit: string): Record<string, string> {
  const properties: Record<string, string> = {};
  for (const line of systemctl('show', '--no-pager', unit).split('\n')) {
    const [name = '', value = ''] = [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)];
    properties[name] = name in properties ? `${properties[name]}\n${value}` : value;
  }
  return properties;
}

/** It has its descriptor of the kernel's notice, and sleeps. */
function isWaiting(pid: number): boolean {
  const texts = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9].map((fd) => textOf(`/proc/${pid}/fdinfo/${fd}`));
  return texts.some((text) => /eventfd|inotify/.test(text)) && /^State:\tS/m.test(textOf(`/proc/${pid}/status`));
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

/** Without systemd every try must say so; elsewhere the tests below do. */
describe('systemd cgroups without systemd', () => {
  const c = useCase();

  it('are refused', function () {
    if (isBooted) this.skip();
    deviates(this, 'crun', 'has other words');
    deviates(this, 'runc', '1.1 has other words than 1.2');
    writeConfig(c.bundle, baseConfig(c.bundle, 'true'));
    const { status, stderr } = c.runtime.run(['--systemd-cgroup', 'run', '--bundle', c.bundle.dir, c.bundle.id]);
    expect(status).to.equal(1);
    expect(stderr).to.include('systemd not running on this host, cannot use systemd cgroups manager');
  });
});

describe('systemd cgroups', () => {
  before(function () {
    if (isBooted && runtimeName !== 'crun') return;
    const reason = isBooted
      ? 'crun keeps the container in a cgroup below its scope'
      : 'systemd is not running here; `npm run conformance:vm` has a guest where it is';
    console.log(`    skipped: ${reason}`);
    this.skip();
  });
  const c = useCase();
  const unit = () => `tsoci-conf-${c.bundle.id}.scope`;
  const units = () => systemctl('list-units', '--all', '--no-legend', '--plain', `*${c.bundle.id}*`);
  afterEach(() => {
    if (isBooted) expect(units()).to.equal('');
  });

  function make(verb: 'run' | 'create', script: string, change: (config: Config) => void = () => {}): Result {
    const config = baseConfig(c.bundle, script);
    config.linux.cgroupsPath = `system.slice:tsoci-conf:${c.bundle.id}`;
    change(config);
    writeConfig(c.bundle, config);
    const args = ['--systemd-cgroup', verb, '--bundle', c.bundle.dir, c.bundle.id];
    return c.runtime.run(args, { detached: verb === 'create' });
  }
  function begin(script = 'exec sleep 1000', change?: (config: Config) => void): void {
    expect(make('create', script, change)).to.include({ status: 0 });
    expect(c.verb('start')).to.include({ status: 0 });
  }
  const end = () => expect(c.verb('delete', '--force')).to.include({ status: 0 });
  const membership = () => readFileSync(`/proc/${c.runtime.state(c.bundle.id).pid}/cgroup`, 'utf8');
  const file = (name: string) => readFileSync(join('/sys/fs/cgroup/system.slice', unit(), name), 'utf8').trim();

  it('are a delegated scope in system.slice, and nothing when deleted', () => {
    begin();
    expect(membership()).to.include(`:/system.slice/${unit()}\n`);
    expect(show(unit())).to.include({
      ActiveState: 'active',
      Transient: 'yes',
      Delegate: 'yes',
      Slice: 'system.slice',
      DefaultDependencies: 'no',
      MemoryAccounting: 'yes',
      CPUAccounting: 'yes',
      TasksAccounting: 'yes',
    });
    end();
    expect(units()).to.equal('');
  });

  it('lie in the slice that is asked for, or are named after the runtime', () => {
    begin('exec sleep 1000', (config) => {
      config.linux.cgroupsPath = `user-tsoci.slice:tsoci-conf:${c.bundle.id}`;
    });
    expect(membership()).to.include(`:/user.slice/user-tsoci.slice/${unit()}\n`);
    end();
    systemctl('stop', 'user-tsoci.slice');
    begin('exec sleep 1000', (config) => {
      delete config.linux.cgroupsPath;
    });
    expect(membership()).to.include(`:/system.slice/${runtimeName.replace(/-.*/, '')}-${c.bundle.id}.scope\n`);
    end();
  });

  it('may be a slice', function () {
    deviates(this, 'runc', 'asks systemd for a slice with a process in it, which there is not');
    const slice = `tsociconf${process.pid}.slice`;
    begin('exec sleep 1000', (config) => {
      config.linux.cgroupsPath = `:x:${slice}`;
    });
    expect(membership()).to.include(`:/${slice}\n`);
    end();
    expect(show(slice)['ActiveState']).to.equal('inactive');
  });

  const LIMITS = {
    memory: { limit: 64 * MIB, reservation: 32 * MIB, swap: 128 * MIB },
    cpu: { quota: 12345, period: 50000, shares: 1024 },
    pids: { limit: 77 },
  };
  const withLimits = (config: Config) => Object.assign(config.linux.resources, LIMITS);
  const limits = () => ({
    max: file('memory.max'),
    low: file('memory.low'),
    swap: file('memory.swap.max'),
    cpu: file('cpu.max'),
    pids: file('pids.max'),
  });

  it('have limits as properties and as files, which a daemon-reload leaves', function () {
    if (!isUnified) this.skip();
    begin('exec sleep 1000', withLimits);
    const properties = {
      MemoryMax: String(64 * MIB),
      MemoryLow: String(32 * MIB),
      MemorySwapMax: String(64 * MIB),
      CPUQuotaPerSecUSec: '250ms',
      CPUQuotaPeriodUSec: '50ms',
      TasksMax: '77',
    };
    expect(show(unit())).to.include(properties);
    const files = {
      max: String(64 * MIB),
      low: String(32 * MIB),
      swap: String(64 * MIB),
      cpu: '12345 50000',
      pids: '77',
    };
    expect(limits()).to.deep.equal(files);
    systemctl('daemon-reload');
    expect(limits()).to.deep.include({ max: files.max, low: files.low, swap: files.swap, pids: '77' });
    end();
  });

  it('are updated in both, and a refused update in none', function () {
    if (!isUnified) this.skip();
    begin('exec sleep 1000', withLimits);
    const update = (...flags: string[]) => c.runtime.run(['update', ...flags, c.bundle.id]);
    expect(update('--memory', '96M', '--memory-swap', '150M', '--pids-limit', '-1', '--cpu-quota', '30000')).to.include(
      {
        status: 0,
      },
    );
    const properties = {
      MemoryMax: String(96 * MIB),
      MemorySwapMax: String(54 * MIB),
      TasksMax: 'infinity',
      CPUQuotaPerSecUSec: '600ms',
    };
    const files = {
      max: String(96 * MIB),
      low: String(32 * MIB),
      swap: String(54 * MIB),
      cpu: '30000 50000',
      pids: 'max',
    };
    expect(show(unit())).to.include(properties);
    expect(limits()).to.deep.equal(files);
    if (runtimeName !== 'runc') {
      expect(update('--pids-limit', '5', '--cpu-quota', '1')).to.include({ status: 1 });
      expect(show(unit())).to.include(properties);
      expect(limits()).to.deep.equal(files);
    }
    end();
  });

  it('keep the devices that they allow, and no others, through a daemon-reload', () => {
    const node = (path: string, minor: number) => ({ path, type: 'c', major: 10, minor, fileMode: 0o666 });
    execFileSync('mkfifo', [join(c.bundle.rootfs, 'go'), join(c.bundle.rootfs, 'done')]);
    const look = 'for d in yes no null; do (: </dev/$d) 2>/dev/null && echo $d; done';
    begin(`while read x </go; do { ${look}; } >/done; done`, (config) => {
      config.linux.devices = [node('/dev/yes', 229), node('/dev/no', 237)];
      config.linux.resources.devices.push({ allow: true, type: 'c', major: 10, minor: 229, access: 'rw' });
    });
    const ask = () => {
      execFileSync('sh', ['-c', 'echo >"$1/go"', 'sh', c.bundle.rootfs]);
      return execFileSync('cat', [join(c.bundle.rootfs, 'done')], { encoding: 'utf8' });
    };
    expect(show(unit())).to.include({ DevicePolicy: 'strict' });
    expect(ask()).to.equal('yes\nnull\n');
    systemctl('daemon-reload');
    // Any new property makes systemd put its filter in force anew.
    systemctl('set-property', '--runtime', unit(), 'CPUWeight=50');
    expect(ask()).to.equal('yes\nnull\n');
    end();
  });

  it('take properties from annotations, and none that command systemd', () => {
    begin('exec sleep 1000', (config) => {
      config.annotations = {
        'org.systemd.property.TimeoutStopSec': '5',
        'org.systemd.property.RuntimeMaxUSec': 'uint64 3600000000',
        'org.systemd.property.CollectMode': "'inactive-or-failed'",
      };
    });
    expect(show(unit())).to.include({ TimeoutStopUSec: '5s', RuntimeMaxUSec: '1h', CollectMode: 'inactive-or-failed' });
    end();
    const wrong = (name: string, value: string): string =>
      make('run', 'true', (config) => {
        config.annotations = { [`org.systemd.property.${name}`]: value };
      }).stderr;
    expect(wrong('Xy', '1')).to.include('name incorrect: too short');
    expect(wrong('TimeoutStopSec', '[')).to.include('value parse error: unexpected EOF');
    if (runtimeName.startsWith('tsoci')) expect(wrong('FailureAction', "'reboot'")).to.include('may not set');
  });

  it('are refused where cgroupsPath has another form', () => {
    const told = (path: string) =>
      make('run', 'true', (config) => {
        config.linux.cgroupsPath = path;
      });
    for (const path of ['/a/b', 'a:b']) {
      const { status, stderr } = told(path);
      expect(status).to.equal(1);
      expect(stderr).to.include('expected cgroupsPath to be of format \\"slice:prefix:name\\" for systemd cgroups');
    }
    expect(told('x:p:n').stderr).to.include('invalid slice name: x');
    expect(told(`:p:../${c.bundle.id}`)).to.include({ status: 1 });
  });

  it('are not left behind by a create that fails', () => {
    const made = make('create', 'true', (config) => {
      config.process.args = ['/nosuch'];
    });
    expect(made.status).to.equal(1);
    expect(units()).to.equal('');
  });

  it('are left alone where a unit of that name is there already', function () {
    onlyTsoci(this);
    const other: ChildProcess = spawn('systemd-run', ['--scope', `--unit=${unit()}`, '--quiet', 'sleep', '1000']);
    until(() => show(unit())['ActiveState'] === 'active', 'the other unit');
    const { status, stderr } = make('create', 'true');
    expect(status).to.equal(1);
    expect(stderr).to.match(/unable to start unit .*already/);
    expect(show(unit())['ActiveState']).to.equal('active');
    systemctl('stop', unit());
    until(() => other.exitCode !== null || other.signalCode !== null || units() === '', 'its end');
  });

  it('are paused, listed and resumed by their files', () => {
    begin();
    expect(c.verb('pause')).to.include({ status: 0 });
    expect(c.runtime.state(c.bundle.id).status).to.equal('paused');
    expect(c.verb('resume')).to.include({ status: 0 });
    const { pid } = c.runtime.state(c.bundle.id);
    expect(JSON.parse(c.runtime.run(['ps', '--format', 'json', c.bundle.id]).stdout)).to.deep.equal([pid]);
    end();
  });

  it('end with their container', () => {
    expect(make('run', 'exit 7')).to.include({ status: 7 });
    begin('exit 3');
    until(() => c.runtime.state(c.bundle.id).status === 'stopped', 'the end');
    end();
  });

  describe('tell of an OOM kill', () => {
    /** tail(1) keeps its whole input. */
    const HOG = 'tail /dev/zero; exit 3';
    const LIMIT = 16 * MIB;
    const hogged = (config: Config) => {
      config.linux.resources.memory = { limit: LIMIT, swap: LIMIT };
    };
    const stopped = () => {
      until(() => c.runtime.state(c.bundle.id).status === 'stopped', 'the end');
      until(() => units() === '', 'the end of the unit');
      return c.runtime.state(c.bundle.id) as { ended?: { oom?: { kills: number; limit: number; peak: number } } };
    };
    const expectOom = (oom: unknown): void => {
      expect(oom).to.include({ kills: 1, limit: LIMIT });
      expect(oom)
        .to.have.property('peak')
        .that.is.within(LIMIT / 2, LIMIT);
    };
    before(function () {
      if (!isTsoci) this.skip(); // runc says nothing of it
    });

    it('when systemd has taken the cgroup away, until delete', () => {
      begin(HOG, hogged);
      expectOom(stopped().ended?.oom);
      // The kernel's log forgets; it is not asked again.
      expect(spawnSync('dmesg', ['--clear']).status).to.equal(0);
      expectOom(stopped().ended?.oom);
      end();
      begin('exit 3', hogged);
      expect(stopped().ended?.oom).to.equal(undefined);
      end();
    });

    it('not of that of another container of the name', () => {
      begin(HOG, hogged);
      until(() => units() === '', 'the end of the unit');
      end();
      spawnSync('sleep', ['1']);
      begin('exit 3', hogged);
      expect(stopped().ended?.oom).to.equal(undefined);
      end();
    });

    it('as an event, and with that of the end', async () => {
      expect(make('create', HOG, hogged)).to.include({ status: 0 });
      const [program, words] = c.runtime.line(['events', '--interval', '1h', c.bundle.id]);
      const child = spawn(program, words, { stdio: ['ignore', 'pipe', 'inherit'] });
      let output = '';
      child.stdout.on('data', (data) => {
        output += data;
      });
      const ended = once(child, 'close');
      until(() => isWaiting(child.pid as number), 'events to listen');
      expect(c.verb('start')).to.include({ status: 0 });
      await ended;
      const events = output
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line));
      expect(events.map(({ type }) => type)).to.deep.equal(['oom', 'exit']);
      expectOom(events[1].data.oom);
      end();
    });

    it('of set-up, with limit and peak', () => {
      const { status, stderr } = make('create', 'true', (config) => {
        config.linux.resources.memory = { limit: 8 << 10, swap: 8 << 10 };
      });
      expect(status).to.equal(1);
      expect(stderr).to.match(/OOM-killed \(memory limit too low\?\): memory limit 8 KiB, peak/);
    });
  });

  describe("of a user's own systemd", () => {
    const USER = { uid: 1000, name: 'dev' };
    const folder = `/run/user/${USER.uid}`;
    before(function () {
      const known = spawnSync('id', ['-u', USER.name], { encoding: 'utf8' }).stdout.trim() === String(USER.uid);
      if (known && isUnified && spawnSync('systemctl', ['start', `user@${USER.uid}.service`]).status === 0) return;
      console.log(`    skipped: there is no user ${USER.name} (${USER.uid}) with a systemd of its own here`);
      this.skip();
    });
    const ids = (size: number) => [{ containerID: 0, hostID: USER.uid, size }];

    function as(args: string[], environment: string[]): Result {
      const line = c.runtime.line(args);
      const words = ['-u', USER.name, ...environment, line[0], ...line[1]];
      const errors = join(c.bundle.dir, 'stderr');
      const { status } = spawnSync('sh', ['-c', `exec sudo "$@" </dev/null >/dev/null 2>${errors}`, 'sh', ...words]);
      return { status, stdout: '', stderr: readFileSync(errors, 'utf8') };
    }
    function prepare(): void {
      const config = baseConfig(c.bundle, 'exec sleep 1000');
      config.linux.cgroupsPath = `user.slice:tsoci-conf:${c.bundle.id}`;
      config.linux.namespaces.push({ type: 'user' });
      config.linux.uidMappings = ids(1);
      config.linux.gidMappings = ids(1);
      config.linux.resources = { pids: { limit: 42 }, memory: { limit: 64 * MIB } };
      config.mounts = config.mounts.filter((mount: Config) => mount.type !== 'devpts');
      writeConfig(c.bundle, config);
      writeFileSync(join(c.bundle.dir, 'stderr'), '');
      spawnSync('chown', ['-R', `${USER.uid}:${USER.uid}`, c.bundle.dir, join(c.runtime.root, '..')]);
    }

    it('lie below it, with its limits', () => {
      prepare();
      const environment = [`XDG_RUNTIME_DIR=${folder}`];
      const made = as(['--systemd-cgroup', 'create', '--bundle', c.bundle.dir, c.bundle.id], environment);
      expect(made).to.include({ status: 0 });
      const path = `user.slice/user-${USER.uid}.slice/user@${USER.uid}.service/user.slice/${unit()}`;
      expect(membership()).to.equal(`0::/${path}\n`);
      const value = (name: string) => readFileSync(join('/sys/fs/cgroup', path, name), 'utf8').trim();
      expect([value('pids.max'), value('memory.max')]).to.deep.equal(['42', String(64 * MIB)]);
      expect(as(['update', '--pids-limit', '43', c.bundle.id], environment)).to.include({ status: 0 });
      expect(value('pids.max')).to.equal('43');
      expect(as(['delete', '--force', c.bundle.id], environment)).to.include({ status: 0 });
      expect(existsSync(join('/sys/fs/cgroup', path))).to.equal(false);
    });

    it('say so where it cannot be reached', () => {
      prepare();
      const made = as(['--systemd-cgroup', 'create', '--bundle', c.bundle.dir, c.bundle.id], []);
      expect(made).to.include({ status: 1 });
      expect(made.stderr).to.include('failed to connect to dbus');
    });
  });
});
