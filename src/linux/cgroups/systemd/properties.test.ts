// linux.resources as properties of a unit, and the steps of a container whose cgroups systemd manages.

import { expect } from 'chai';
import { describe, it } from 'mocha';
import type { LinuxCPU, LinuxResources, Spec } from '../../../spec/types.ts';
import { deviceAccess } from '../devices/access.ts';
import { parseCgroups } from '../host.ts';
import { deviceProperties } from './devices.ts';
import { planUnitCgroup, updatedProperties } from './plan.ts';
import { withWeightOrIdle, withWholePercents } from './resources.ts';

const UNIFIED = parseCgroups('41 31 0:38 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n', '0::/\n');
const LEGACY = parseCgroups(
  '32 31 0:29 / /c/cpu rw - cgroup cgroup rw,cpu\n33 31 0:30 / /c/memory rw - cgroup cgroup rw,memory\n' +
    '34 31 0:31 / /c/systemd rw - cgroup cgroup rw,name=systemd\n35 31 0:32 / /c/blkio rw - cgroup cgroup rw,blkio\n' +
    '36 31 0:33 / /c/pids rw - cgroup cgroup rw,pids\n37 31 0:33 / /c/devices rw - cgroup cgroup rw,devices\n',
  '1:cpu:/\n2:memory:/\n3:name=systemd:/\n4:blkio:/\n5:pids:/\n6:devices:/\n',
);
const INFINITY = 2n ** 64n - 1n;

const told = (resources: LinuxResources, host = UNIFIED) =>
  Object.fromEntries(updatedProperties(resources, host).map(({ name, value }) => [name, value]));

describe('properties of a unit', () => {
  it('are those of the files of v2', () => {
    expect(told({ memory: { limit: 100, swap: 300, reservation: 50 } })).to.deep.equal({
      MemoryMax: 100n,
      MemoryLow: 50n,
      MemorySwapMax: 200n,
    });
    expect(told({ memory: { limit: -1 } })).to.deep.equal({ MemoryMax: INFINITY, MemorySwapMax: INFINITY });
    expect(told({ cpu: { shares: 1024 } })).to.deep.equal({ CPUWeight: 100n });
    expect(told({ pids: { limit: -1 } })).to.deep.equal({ TasksMax: INFINITY });
    expect(told({ pids: { limit: 0 } })).to.deep.equal({ TasksMax: 1n });
    expect(told({})).to.deep.equal({});
  });

  it('count CPU time in whole percents, upwards', () => {
    expect(told({ cpu: { quota: 12345, period: 50000 } })).to.deep.equal({
      CPUQuotaPerSecUSec: 250_000n,
      CPUQuotaPeriodUSec: 50_000n,
    });
    expect(told({ cpu: { quota: 50000 } })).to.deep.equal({ CPUQuotaPerSecUSec: 500_000n });
    expect(told({ cpu: { quota: -1 } })).to.deep.equal({ CPUQuotaPerSecUSec: INFINITY });
  });

  it('have CPUs and memory nodes as bits', () => {
    expect(told({ cpu: { cpus: '0-2,9', mems: '1' } })).to.deep.equal({ AllowedCPUs: [7, 2], AllowedMemoryNodes: [2] });
  });

  it('name block devices by their numbers', () => {
    const device = [{ major: 8, minor: 0, rate: 1024 }];
    expect(
      told({ blockIO: { weight: 10, throttleReadBpsDevice: device, throttleWriteIOPSDevice: device } }),
    ).to.deep.equal({
      IOWeight: 1n,
      IOReadBandwidthMax: [['/dev/block/8:0', 1024]],
      IOWriteIOPSMax: [['/dev/block/8:0', 1024]],
    });
  });

  it('follow `unified`, which comes last', () => {
    const unified = { 'memory.max': '5', 'memory.high': 'max', 'cpu.max': '20000 40000', 'hugetlb.2MB.max': '0' };
    expect(told({ memory: { limit: 100 }, unified })).to.deep.equal({
      MemoryMax: 5n,
      MemoryHigh: INFINITY,
      CPUQuotaPerSecUSec: 500_000n,
      CPUQuotaPeriodUSec: 40_000n,
    });
    expect(updatedProperties({ unified: { 'cpu.idle': '1' } }, UNIFIED)).to.deep.equal([
      { name: 'CPUWeight', signature: 't', value: 0n, since: 252 },
    ]);
  });

  it('are those of the files of v1', () => {
    const resources = { memory: { limit: 100, swap: 200 }, cpu: { shares: 512 }, blockIO: { weight: 300 } };
    expect(told(resources, LEGACY)).to.deep.equal({ MemoryLimit: 100n, CPUShares: 512n, BlockIOWeight: 300n });
  });

  it('hold every device that is allowed', () => {
    const [policy, empty, list] = deviceProperties(
      deviceAccess([
        { allow: false, access: 'rwm' },
        { allow: true, type: 'b', major: 8, minor: 1, access: 'r' },
        { allow: true, type: 'c', major: 188, access: 'rw' },
      ]),
    );
    expect(policy?.value).to.equal('strict');
    expect(empty?.value).to.deep.equal([]);
    expect(list?.value).to.deep.include.members([
      ['/dev/char/1:3', 'rwm'],
      ['char-136', 'rwm'],
      ['char-*', 'm'],
      ['block-*', 'm'],
      ['/dev/block/8:1', 'r'],
      ['char-188', 'rw'],
    ]);
    const all = deviceProperties(deviceAccess([{ allow: true, access: 'rwm' }]));
    expect(all.map(({ value }) => value)).to.deep.equal(['auto', []]);
  });
});

describe('resources as systemd has them', () => {
  it('are of whole percents of a CPU, of their own period or the usual one', () => {
    const quotaOf = (cpu: LinuxCPU) => withWholePercents({ cpu }).cpu?.quota;
    expect(quotaOf({ quota: 500000, period: 900000 })).to.equal(504000n);
    expect(quotaOf({ quota: 1 })).to.equal(1000n);
    expect([quotaOf({ quota: 30000 }), quotaOf({ quota: -1 }), quotaOf({ period: 100 })]).to.deep.equal([
      30000,
      -1,
      undefined,
    ]);
  });

  it('are of whole percents in `unified` too, with their period', () => {
    const maxOf = (max: string, cpu: LinuxCPU = {}) =>
      withWholePercents({ cpu, unified: { 'cpu.max': max } }).unified?.['cpu.max'];
    expect(maxOf('12345 50000')).to.equal('12500 50000');
    expect(maxOf(' 20001\n')).to.equal('21000 100000');
    expect(maxOf('20001', { period: 50000 })).to.equal('20500 50000');
    expect([maxOf('max'), maxOf('max 7000'), maxOf('1 2 3')]).to.deep.equal(['max 100000', 'max 7000', '1 2 3']);
    expect(withWholePercents({ unified: { 'memory.max': '5' } })).to.deep.equal({ unified: { 'memory.max': '5' } });
  });

  it('have a weight, or are idle', () => {
    const told: string[] = [];
    const of = (resources: LinuxResources) => withWeightOrIdle(resources, (text) => told.push(text));
    expect(of({ cpu: { shares: 200, idle: 1 } })).to.deep.equal({ cpu: { idle: 1 } });
    expect(of({ unified: { 'cpu.idle': '1', 'cpu.weight': '8' } })).to.deep.equal({ unified: { 'cpu.idle': '1' } });
    expect(told).to.have.length(2);
    expect(of({ cpu: { shares: 200 } })).to.deep.equal({ cpu: { shares: 200, idle: 0 } });
    expect(of({ unified: { 'cpu.weight': '8' } })).to.deep.equal({ cpu: { idle: 0 }, unified: { 'cpu.weight': '8' } });
    expect(of({ cpu: { shares: 0, idle: 1 } })).to.deep.equal({ cpu: { shares: 0, idle: 1 } });
    expect(told).to.have.length(2);
  });
});

describe('planUnitCgroup', () => {
  const host = { cgroup: UNIFIED, isSystemdRunning: true, userManagerCgroup: '/user.slice/user@1.service' };
  const specOf = (linux: Spec['linux'] = {}): Spec => ({ ociVersion: '1.3.0', linux });
  const kinds = (spec: Spec, facts = host) => planUnitCgroup(spec, facts, 'id', false).join.map(({ kind }) => kind);

  it('starts the unit with the container in it, and then writes the files', () => {
    const plan = planUnitCgroup(specOf({ resources: { pids: { limit: 5 } } }), host, 'id', false);
    expect(plan.unit).to.deep.equal({ name: 'tsoci-id.scope', manager: 'system' });
    expect(plan.paths).to.deep.equal({ unified: '/sys/fs/cgroup/system.slice/tsoci-id.scope' });
    expect(plan.beforeJoin).to.deep.equal([]);
    expect(plan.join.map(({ kind }) => kind)).to.deep.equal(
      ['unit', 'mkdir', 'enable', 'write', 'device-filter'].map((kind) => `cgroup-${kind}`),
    );
  });

  it('joins a slice, and the hierarchies of v1, by their files', () => {
    expect(kinds(specOf({ cgroupsPath: ':x:a.slice' }))).to.include('cgroup-join');
    const legacy = kinds(specOf(), { ...host, cgroup: LEGACY });
    expect(legacy.filter((kind) => kind === 'cgroup-join')).to.have.length(6);
  });

  it("asks a user's own systemd where there are no privileges", () => {
    const plan = planUnitCgroup(specOf(), host, 'id', true);
    expect(plan.unit?.manager).to.equal('user');
    expect(plan.paths['unified']).to.equal('/sys/fs/cgroup/user.slice/user@1.service/user.slice/tsoci-id.scope');
    const [start] = plan.join;
    expect(start?.kind === 'cgroup-unit' && start.properties.map(({ name }) => name)).to.not.include('DevicePolicy');
  });

  it('leaves device rules for later that forbid the nodes that are made', () => {
    const node = { path: '/dev/x', type: 'c', major: 10, minor: 237 } as const;
    const rules = [{ allow: true }, { ...node, access: 'rwm', allow: false }];
    const plan = planUnitCgroup(specOf({ devices: [node], resources: { devices: rules } }), host, 'id', false);
    const [start] = plan.join;
    expect(start?.kind === 'cgroup-unit' && start.properties.map(({ name }) => name)).to.not.include('DevicePolicy');
    expect(plan.join.map(({ kind }) => kind)).to.not.include('cgroup-device-filter');
    expect(plan.afterNodes.map(({ kind }) => kind)).to.deep.equal(['cgroup-unit-properties', 'cgroup-device-filter']);
  });

  it('says so where there is no systemd', () => {
    expect(() => planUnitCgroup(specOf(), { ...host, isSystemdRunning: false }, 'id', false)).to.throw(
      'systemd not running on this host',
    );
  });
});
