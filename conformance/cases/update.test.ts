// update: the kernel's files say what was asked for last, whatever was there before.

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import type { Config } from '../harness/bundle.ts';
import { useCase } from '../harness/case.ts';
import { cgroupFile, cgroupValue, isUnified, needsController } from '../harness/cgroup.ts';
import { deviates } from '../harness/runtime.ts';
import { until } from '../harness/until.ts';

const MIB = 1 << 20;
/** What v1 shows where there is no limit: the largest number of whole pages. */
const NO_LIMIT = '9223372036854771712';

const bytes = (value: number): string => (value < 0 ? (isUnified ? 'max' : NO_LIMIT) : String(value));

describe('update', () => {
  const c = useCase();
  const value = (legacy: string, unified?: string) => cgroupValue(c.bundle, legacy, unified);
  const update = (...flags: string[]) => c.runtime.run(['update', ...flags, c.bundle.id]);
  const send = (resources: Config) =>
    c.runtime.run(['update', '--resources', '-', c.bundle.id], { input: JSON.stringify(resources) });

  const begin = (resources: Config = {}) => {
    const made = c.create('exec sleep 1000', (config) => Object.assign(config.linux.resources, resources));
    expect(made).to.include({ status: 0 });
    expect(c.verb('start')).to.include({ status: 0 });
  };

  const found = (): Record<string, string> => ({
    limit: value('memory/memory.limit_in_bytes', 'memory.max'),
    swap: value('memory/memory.memsw.limit_in_bytes', 'memory.swap.max'),
    reservation: value('memory/memory.soft_limit_in_bytes', 'memory.low'),
    pids: value('pids/pids.max'),
    ...(isUnified
      ? { cpu: value('', 'cpu.max') }
      : {
          cpu: `${value('cpu/cpu.cfs_quota_us')} ${value('cpu/cpu.cfs_period_us')}`,
          cpus: value('cpuset/cpuset.cpus'),
        }),
  });

  it('takes limits as flags, with units', function () {
    deviates(this, 'crun', 'reads no units');
    needsController(this, 'memory');
    begin();
    expect(update('--memory', '64m', '--memory-swap', '1G', '--memory-reservation', '32768k')).to.include({
      status: 0,
    });
    expect(update('--pids-limit', '42', '--cpu-quota', '50000')).to.include({ status: 0 });
    expect(update('--cpu-share', '512')).to.include({ status: 0 });
    expect(value('memory/memory.limit_in_bytes', 'memory.max')).to.equal(String(64 * MIB));
    const swap = isUnified ? 960 * MIB : 1024 * MIB;
    expect(value('memory/memory.memsw.limit_in_bytes', 'memory.swap.max')).to.equal(String(swap));
    expect(value('pids/pids.max')).to.equal('42');
    if (!isUnified) expect(value('cpu/cpu.shares')).to.equal('512');
    expect(update('--memory', '-1', '--pids-limit', '-1')).to.include({ status: 0 });
    expect(value('pids/pids.max')).to.equal('max');
    expect(value('memory/memory.limit_in_bytes', 'memory.max')).to.equal(bytes(-1));
    expect(value('memory/memory.memsw.limit_in_bytes', 'memory.swap.max')).to.equal(bytes(-1));
    c.verb('delete', '--force');
  });

  it('sets burst and idle, also back to 0', function () {
    deviates(this, 'runc', '1.1 does not know them');
    deviates(this, 'crun', 'has no such flags');
    const burst = () => value('cpu/cpu.cfs_burst_us', 'cpu.max.burst');
    begin();
    for (const [quota, saved] of [
      ['50000', '40000'],
      ['20000', '10000'],
      ['90000', '80000'],
      ['10000', '0'],
    ] as const) {
      expect(update('--cpu-quota', quota, '--cpu-burst', saved)).to.include({ status: 0 });
      expect(burst()).to.equal(saved);
    }
    for (const idle of ['1', '0', '1']) {
      expect(update('--cpu-idle', idle)).to.include({ status: 0 });
      expect(value('cpu/cpu.idle')).to.equal(idle);
    }
    expect(update('--cpu-idle', '0', '--cpu-share', '300')).to.include({ status: 0 });
    expect(value('cpu/cpu.idle')).to.equal('0');
    c.verb('delete', '--force');
  });

  it('reads a file, which wins over flags', () => {
    begin();
    const file = join(c.bundle.dir, 'resources.json');
    writeFileSync(file, '{"pids":{"limit":77}}');
    expect(update('-r', file, '--pids-limit', '5')).to.include({ status: 0 });
    expect(value('pids/pids.max')).to.equal('77');
    c.verb('delete', '--force');
  });

  it('leaves the devices as they are', function () {
    deviates(this, 'crun', 'takes the devices of an update');
    begin({
      devices: [
        { allow: false, access: 'rwm' },
        { allow: true, type: 'c', major: 10, minor: 200, access: 'r' },
      ],
    });
    const list = () => (isUnified ? '' : readFileSync(cgroupFile(c.bundle, 'devices/devices.list'), 'utf8'));
    const before = list();
    const sent = send({ devices: [{ allow: false, access: 'rwm' }], cpu: { quota: 20000 } });
    expect(sent, sent.stderr).to.include({ status: 0 });
    expect(list()).to.equal(before);
    c.verb('delete', '--force');
  });

  it('works on a created and on a paused container, and not on one that has ended', function () {
    deviates(this, 'crun', 'updates one that has ended');
    c.create('exec sleep 100');
    expect(update('--pids-limit', '50')).to.include({ status: 0 });
    c.verb('start');
    c.verb('pause');
    expect(update('--pids-limit', '60')).to.include({ status: 0 });
    expect(value('pids/pids.max')).to.equal('60');
    c.verb('resume');
    c.verb('kill', 'KILL');
    until(() => c.runtime.state(c.bundle.id).status === 'stopped', 'the end');
    expect(update('--pids-limit', '70')).to.include({ status: 1 });
    expect(update('--pids-limit', '70').stderr).to.match(/not running/);
    c.verb('delete');
  });

  it('leaves everything as it was when the kernel refuses a part', function () {
    deviates(this, 'runc', 'writes what it wrote back, not what was there');
    deviates(this, 'crun', 'leaves what it has written');
    needsController(this, 'memory');
    begin({ memory: { limit: 256 * MIB, swap: 512 * MIB }, pids: { limit: 30 }, cpu: { quota: 40000, period: 80000 } });
    const before = found();
    const impossible = isUnified
      ? { pids: { limit: 9 }, cpu: { quota: 9000, period: 10000 }, unified: { 'memory.high': 'nonsense' } }
      : { pids: { limit: 9 }, cpu: { quota: 9000, period: 10000 }, memory: { limit: 128 * MIB, swap: 64 * MIB } };
    const refused = send(impossible);
    expect(refused).to.include({ status: 1 });
    expect(refused.stderr).to.match(/invalid argument/);
    expect(found()).to.deep.equal(before);
    c.verb('delete', '--force');
  });

  it('names what is in use when a limit is below it', function () {
    deviates(this, 'crun', 'has other words');
    if (isUnified) deviates(this, 'runc', '1.1 looks only when there was a limit');
    needsController(this, 'memory');
    begin();
    const refused = send({ memory: { limit: 4096, checkBeforeUpdate: true } });
    expect(refused).to.include({ status: 1 });
    const words = isUnified
      ? /rejecting memory limit 4096 <= usage \d+/
      : /unable to set memory limit to 4096 \(current usage: \d+, peak usage: \d+\)/;
    expect(refused.stderr).to.match(words);
    expect(value('memory/memory.limit_in_bytes', 'memory.max')).to.equal(bytes(-1));
    c.verb('delete', '--force');
  });

  it('refuses what is none, and touches nothing', function () {
    deviates(this, 'crun', 'has other words');
    begin({ pids: { limit: 30 } });
    const cases: [string[], string | undefined, RegExp][] = [
      [['--memory', '1x'], undefined, /invalid value for memory: invalid size: '1x'/],
      [['--cpu-period', 'abc'], undefined, /invalid value for cpu-period/],
      [['--pids-limit', 'abc'], undefined, /invalid value \\"abc\\" for flag -pids-limit/],
      [['--l3-cache-schema', 'x'], undefined, /l3 cache schema is not enabled/],
      [['--mem-bw-schema', 'x'], undefined, /memory bandwidth schema is not enabled/],
      [['-r', '/nosuch'], undefined, /open \/nosuch: no such file or directory/],
      [['-r', '-'], '{"memory":{"limit":"x"}}', /memory.limit/],
      [['-r', '-'], '{', /unexpected E|expected a name|unexpected end/],
    ];
    for (const [flags, input, words] of cases) {
      const result = c.runtime.run(['update', ...flags, c.bundle.id], input === undefined ? {} : { input });
      expect(result.status, flags.join(' ')).to.equal(1);
      expect(result.stderr, flags.join(' ')).to.match(words);
    }
    const old = update('--kernel-memory', '1g');
    expect(old).to.include({ status: 0 });
    expect(old.stderr).to.include('Kernel memory settings are ignored and will be removed');
    expect(value('pids/pids.max')).to.equal('30');
    c.verb('delete', '--force');
  });
});
