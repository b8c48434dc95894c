// Where the container's cgroups are and what is written into them, without a kernel; and the calls that come of it.

import { expect } from 'chai';
import { describe, it } from 'mocha';
import type { LinuxResources, Spec } from '../../spec/types.ts';
import { useDoor } from '../sys/current.ts';
import { openRecorder } from '../sys/recorder.ts';
import { deviceAccess } from './devices/access.ts';
import { type CgroupHost, parseCgroups } from './host.ts';
import { planCgroup } from './plan.ts';
import { runCgroupStep } from './run.ts';
import { legacyRules } from './v1/devices.ts';
import { weightOf } from './v2/cpu.ts';

const MOUNTINFO = `31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755
32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct
35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory
36 31 0:33 / /sys/fs/cgroup/devices rw - cgroup cgroup rw,devices
39 31 0:36 / /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids
40 31 0:37 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,name=systemd
41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw
`;
const MEMBERSHIP = `9:name=systemd:/
8:pids:/user
4:memory:/a/b
2:cpu,cpuacct:/
1:devices:/
0::/user
`;
const HYBRID = parseCgroups(MOUNTINFO, MEMBERSHIP);
const UNIFIED = parseCgroups('41 31 0:38 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n', '0::/user\n');
const specOf = (resources: LinuxResources, cgroupsPath?: string): Spec => ({
  ociVersion: '1.3.0',
  linux: { resources, ...(cgroupsPath === undefined ? {} : { cgroupsPath }) },
});

/** `dir/file=value` of the writes. */
const writes = (resources: LinuxResources, host = HYBRID): string[] =>
  planCgroup(specOf(resources, '/c'), host, 'id', false).beforeJoin.flatMap((step) =>
    step.kind === 'cgroup-write' ? [`${step.dir.split('/').at(-2)}/${step.file}=${step.value}`] : [],
  );

describe('planCgroup', () => {
  it('tells v1, hybrid and v2 apart', () => {
    expect(HYBRID.mode).to.equal('hybrid');
    expect(UNIFIED.mode).to.equal('v2');
    expect(parseCgroups(MOUNTINFO, '8:pids:/\n').mode).to.equal('v1');
  });

  it('takes an absolute path from the mount point, a relative one and none from our own cgroup', () => {
    const paths = (path?: string) => planCgroup(specOf({}, path), HYBRID, 'id', false).paths;
    expect(paths('/a/../x')['memory']).to.equal('/sys/fs/cgroup/memory/x');
    expect(paths('x/../../y')['memory']).to.equal('/sys/fs/cgroup/memory/a/b/y');
    expect(paths()['pids']).to.equal('/sys/fs/cgroup/pids/user/id');
    expect(paths('/x')['unified']).to.equal('/sys/fs/cgroup/unified/x');
  });

  it('goes beside our own cgroup of v2, whose processes keep controllers from those below', () => {
    const host = parseCgroups(MOUNTINFO, '0::/a/own\n');
    const paths = (path?: string) => planCgroup(specOf({}, path), host, 'id', false).paths;
    expect(paths('x/../../y')['unified']).to.equal('/sys/fs/cgroup/unified/a/y');
    expect(paths()['unified']).to.equal('/sys/fs/cgroup/unified/a/id');
  });

  it('does without a cgroup where there are no privileges, but not without one that is named', () => {
    const optional = (host: CgroupHost, path?: string) =>
      planCgroup(specOf({}, path), host, 'id', true)
        .join.map((step) => 'optional' in step && step.optional)
        .includes(true);
    for (const host of [HYBRID, UNIFIED]) {
      expect(optional(host)).to.equal(true);
      expect(optional(host, '/a/b')).to.equal(false);
    }
  });

  it('writes the limit before memory and swap together, the period before the quota', () => {
    const written = writes({ memory: { limit: 1024, swap: 2048 }, cpu: { quota: 5, period: 10, shares: 7 } });
    expect(written).to.deep.equal(
      [
        'pids/pids.max=max',
        'memory/memory.limit_in_bytes=1024',
        'memory/memory.memsw.limit_in_bytes=2048',
        'cpu,cpuacct/cpu.shares=7',
        'cpu,cpuacct/cpu.cfs_period_us=10',
        'cpu,cpuacct/cpu.cfs_quota_us=5',
      ].filter((line) => !line.startsWith('pids')),
    );
  });

  it('leaves alone what is 0, keeps 64 bits, and knows no process from no limit', () => {
    expect(writes({ memory: { limit: 0, reservation: 9223372036854771712n } })).to.deep.equal([
      'memory/memory.soft_limit_in_bytes=9223372036854771712',
    ]);
    expect(writes({ pids: { limit: 0 } })).to.deep.equal(['pids/pids.max=0']);
    expect(writes({ pids: { limit: -1 } })).to.deep.equal(['pids/pids.max=max']);
  });

  it('refuses what no hierarchy of the host can do, with its place', () => {
    const refuse = (resources: LinuxResources) => () => planCgroup(specOf(resources), HYBRID, 'id', false);
    expect(refuse({ network: { classID: 5 } })).to.throw(
      '/linux/resources/network/classID: the host has no cgroup v1 controller net_cls',
    );
    expect(refuse({ unified: { 'memory.high': '1' } })).to.throw('/linux/resources/unified');
    expect(refuse({ cpu: { shares: 1 } })).to.throw('the minimum allowed cpu-shares is 2');
    expect(refuse({ cpu: { shares: 262145 } })).to.throw('the maximum allowed cpu-shares is 262144');
    const rule = { type: 'c', major: 10, access: 'r' };
    const hole = [
      { ...rule, allow: true },
      { ...rule, minor: 237, allow: false },
    ];
    expect(refuse({ devices: hole })).to.throw('cannot take "c 10:237 r" out of "c 10:* r"');
  });

  it('converts to v2', () => {
    expect(
      writes({ memory: { limit: 1000, swap: 1500 }, cpu: { quota: 5 }, pids: { limit: 3 } }, UNIFIED),
    ).to.deep.equal([
      'cgroup/pids.max=3',
      'cgroup/memory.swap.max=500',
      'cgroup/memory.max=1000',
      'cgroup/cpu.max=5 100000',
    ]);
    expect([1, 2, 1024, 262144, 2n ** 63n].map(weightOf)).to.deep.equal(['1', '1', '100', '10000', '10000']);
  });

  it('gives what v1 does not have to the unified hierarchy of a hybrid host', () => {
    const resources = { hugepageLimits: [{ pageSize: '2MB', limit: 4194304 }] };
    expect(writes(resources)).to.deep.equal([
      'unified/hugetlb.2MB.max=4194304',
      'unified/hugetlb.2MB.rsvd.max=4194304',
    ]);
    const enable = planCgroup(specOf(resources), HYBRID, 'id', false).beforeJoin.find(
      (step) => step.kind === 'cgroup-enable',
    );
    expect(enable).to.deep.include({ needed: [{ name: 'hugetlb', pointer: '/linux/resources/hugepageLimits/0' }] });
  });

  it('lets rules wait for the nodes that they forbid, and no others', () => {
    const node = { path: '/dev/x', type: 'c', major: 10, minor: 237 } as const;
    const planned = (allow: boolean) =>
      planCgroup(
        {
          ociVersion: '1.3.0',
          linux: { devices: [node], resources: { devices: [{ allow }, { ...node, access: 'rwm', allow: false }] } },
        },
        HYBRID,
        'id',
        false,
      );
    expect(planned(true).afterNodes.map((step) => step.kind)).to.deep.equal(['cgroup-devices']);
    expect(planned(false).afterNodes).to.deep.equal([]);
    expect(planned(false).beforeJoin.at(-1)?.kind).to.equal('cgroup-devices');
  });

  it('gives a cgroup of its own, mounted for writing, to the user of the container', () => {
    const own = (options: string[], namespaces: { type: 'cgroup' | 'user' }[]) =>
      planCgroup(
        {
          ociVersion: '1.3.0',
          process: { user: { uid: 5, gid: 0 }, cwd: '/' },
          mounts: [{ destination: '/sys/fs/cgroup/', type: 'cgroup', options }],
          linux: { namespaces, uidMappings: [{ containerID: 0, hostID: 1000, size: 10 }] },
        },
        UNIFIED,
        'id',
        false,
      ).beforeJoin.find((step) => step.kind === 'cgroup-own');
    expect(own(['rw'], [{ type: 'cgroup' }, { type: 'user' }])).to.deep.include({ uid: 1005 });
    expect(own([], [{ type: 'cgroup' }])).to.deep.include({ uid: 5 });
    expect(own(['ro'], [{ type: 'cgroup' }])).to.equal(undefined);
    expect(own([], [])).to.equal(undefined);
  });

  it('allows nothing that no rule allows, but the default devices, last', () => {
    const rules = legacyRules(deviceAccess([{ allow: true, type: 'c', major: 10, minor: 229 }])).map(
      (r) => `${r.allow ? '+' : '-'}${r.rule}`,
    );
    expect(rules.slice(0, 2)).to.deep.equal(['-a', '+c 10:229 rwm']);
    expect(rules.at(-1)).to.equal('+c 10:200 rwm');
    expect(legacyRules(deviceAccess([{ allow: false }, { allow: true }]))).to.deep.equal([{ allow: true, rule: 'a' }]);
    const twice = deviceAccess([{ allow: true, type: 'c', major: 1, minor: 3, access: 'rw' }]);
    expect(twice.exceptions.filter((device) => device.major === 1 && device.minor === 3)).to.have.length(1);
  });
});

describe('runCgroupStep', () => {
  it('makes, writes and joins with as few calls as there are things to do', () => {
    const recorder = openRecorder((call) => (call.name === 'openat' ? 7 : 0));
    useDoor(recorder);
    runCgroupStep({ kind: 'cgroup-mkdir', dir: '/g/c', optional: false }, 0, []);
    runCgroupStep({ kind: 'cgroup-write', dir: '/g/c', file: 'pids.max', value: '5' }, 0, []);
    runCgroupStep({ kind: 'cgroup-join', dir: '/g/c', optional: false }, 42, []);
    expect(recorder.calls.map((call) => call.name)).to.deep.equal([
      ...['mkdirat', 'openat', 'write', 'close'],
      ...['openat', 'write', 'close'],
    ]);
    expect(recorder.calls[1]?.args[1]).to.equal('/g/c/pids.max');
    expect(new TextDecoder().decode(recorder.calls[5]?.args[1] as Uint8Array)).to.equal('42');
  });

  it('does without a cgroup that nothing is asked of, when there is no permission', () => {
    const denied = openRecorder(() => -13);
    useDoor(denied);
    runCgroupStep({ kind: 'cgroup-mkdir', dir: '/g/c', optional: true }, 0, []);
    runCgroupStep({ kind: 'cgroup-join', dir: '/g/c', optional: true }, 42, []);
    expect(() => runCgroupStep({ kind: 'cgroup-mkdir', dir: '/g/c', optional: false }, 0, [])).to.throw(
      'permission denied',
    );
  });
});
