// --systemd-cgroup: the container is a unit of systemd, whose properties and whose cgroup's files say what was asked for.

import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { baseConfig, type Config, writeConfig } from '../harness/bundle.ts';
import { useCase } from '../harness/case.ts';
import { isUnified } from '../harness/cgroup.ts';
import { deviates, onlyTsoci, runtimeName } from '../harness/runtime.ts';
import { isBooted, show, systemctl, useUnit } from '../harness/systemd.ts';
import { until } from '../harness/until.ts';

const MIB = 1 << 20;

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
  const { c, unit, units, make, begin, end, membership, file } = useUnit();

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
    cpu: { quota: 12500, period: 50000, shares: 1024 },
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
      cpu: '12500 50000',
      pids: '77',
    };
    expect(limits()).to.deep.equal(files);
    systemctl('daemon-reload');
    expect(limits()).to.deep.equal(files);
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
      expect(update('--pids-limit', '5', '--cpu-period', '100')).to.include({ status: 1 });
      expect(show(unit())).to.include(properties);
      expect(limits()).to.deep.equal(files);
    }
    end();
  });

  describe('count CPU time in whole percents, in the file as in the property', () => {
    const ROUNDS = '1.1 rounds the property alone';
    const legacy = () => ['quota', 'period'].map((name) => file(`cpu.cfs_${name}_us`, 'cpu')).join(' ');
    const held = () => [isUnified ? file('cpu.max') : legacy(), show(unit())['CPUQuotaPerSecUSec']];
    const update = (...flags: string[]) => expect(c.runtime.run(['update', ...flags, c.bundle.id]).status).to.equal(0);

    it('of a quota or a period too that comes alone', function () {
      deviates(this, 'runc', ROUNDS);
      begin('exec sleep 1000', (config) => {
        config.linux.resources.cpu = { quota: 12345, period: 50000 };
      });
      expect(held()).to.deep.equal(['12500 50000', '250ms']);
      update('--cpu-period', '90000');
      expect(held()).to.deep.equal(['12600 90000', '140ms']);
      update('--cpu-quota', '10000');
      expect(held()).to.deep.equal(['10800 90000', '120ms']);
      expect(show(unit())).to.include({ CPUQuotaPeriodUSec: '90ms' });
      end();
    });

    it('of `unified` too', function () {
      if (!isUnified) this.skip();
      deviates(this, 'runc', ROUNDS);
      const unified = (text: string) => ({ unified: { 'cpu.max': text } });
      begin('exec sleep 1000', (config) => Object.assign(config.linux.resources, unified('12345 50000')));
      expect(held()).to.deep.equal(['12500 50000', '250ms']);
      const input = JSON.stringify(unified('20001'));
      expect(c.runtime.run(['update', '--resources', '-', c.bundle.id], { input }).status).to.equal(0);
      expect(held()).to.deep.equal(['20500 50000', '410ms']);
      end();
    });
  });

  it('have a weight, or are idle', function () {
    if (!isUnified) this.skip();
    deviates(this, 'runc', '1.1 knows no idle');
    begin('exec sleep 1000');
    const update = (unified: Record<string, string>) =>
      c.runtime.run(['update', '--resources', '-', c.bundle.id], { input: JSON.stringify({ unified }) });
    const held = () => [file('cpu.idle'), show(unit())['CPUWeight']];
    const both = c.runtime.run(['update', '--cpu-share', '200', '--cpu-idle', '1', c.bundle.id]);
    expect(both.stderr).to.include('unable to apply both CPUWeight and CpuIdle to systemd, ignoring CPUWeight');
    expect(held()).to.deep.equal(['1', 'idle']);
    expect(c.runtime.run(['update', '--cpu-share', '512', c.bundle.id])).to.include({ status: 0 });
    expect(held()).to.deep.equal(['0', '59']);
    const inFiles = update({ 'cpu.idle': '1', 'cpu.weight': '8' });
    expect(inFiles.stderr).to.include('unable to apply both cpu.weight and cpu.idle to systemd, ignoring cpu.weight');
    expect(held()).to.deep.equal(['1', 'idle']);
    expect(update({ 'cpu.weight': '8' })).to.include({ status: 0 });
    expect(held()).to.deep.equal(['0', '8']);
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
    expect(told('user-tsoci:p:n').stderr).to.include('invalid slice name: user-tsoci');
    expect(told(`:p:../${c.bundle.id}`)).to.include({ status: 1 });
  });

  it('are not left behind by a create that fails', () => {
    const made = make('create', 'true', (config) => {
      config.process.args = ['/nosuch'];
    });
    expect(made.status).to.equal(1);
    expect(units()).to.equal('');
  });

  it('are not left behind where systemd would not see that nobody is left', function () {
    deviates(this, 'runc', 'makes no container of a slice');
    const slice = `tsociconf${process.pid}.slice`;
    const made = make('create', 'true', (config) => {
      config.linux.cgroupsPath = `:x:${slice}`;
      config.hooks = { createRuntime: [{ path: '/bin/false' }] };
    });
    expect(made.status).to.equal(1);
    expect(show(slice)['ActiveState']).to.equal('inactive');
  });

  it('are left alone where a unit of that name is there already', function () {
    onlyTsoci(this);
    const other: ChildProcess = spawn('systemd-run', ['--scope', `--unit=${unit()}`, '--quiet', 'sleep', '1000']);
    until(() => show(unit())['ActiveState'] === 'active', 'the other unit');
    const { status, stderr } = make('create', 'true');
    expect(status).to.equal(1);
    expect(stderr).to.include("container's cgroup is not empty: 1 process(es) found");
    expect(show(unit())['ActiveState']).to.equal('active');
    systemctl('stop', unit());
    until(() => other.exitCode !== null || other.signalCode !== null || units() === '', 'its end');
  });

  it('are not made of a cgroup that is frozen, which is left as it is', function () {
    if (!isUnified) this.skip();
    deviates(this, 'runc', '1.1 thaws it');
    const dir = `/sys/fs/cgroup/system.slice/${unit()}`;
    mkdirSync(dir);
    writeFileSync(`${dir}/cgroup.freeze`, '1');
    const { status, stderr } = make('create', 'true');
    expect(status).to.equal(1);
    expect(stderr).to.include("container's cgroup unexpectedly frozen");
    expect(readFileSync(`${dir}/cgroup.freeze`, 'utf8')).to.equal('1\n');
    rmdirSync(dir);
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
});
