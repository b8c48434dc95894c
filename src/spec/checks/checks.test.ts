// Each named check by the smallest change to a good configuration, and the fault that comes of it.

// biome-ignore-all lint/suspicious/noExplicitAny: a change breaks what the types promise
// biome-ignore-all lint/suspicious/noAssignInExpressions: a change is one expression
// biome-ignore-all lint/complexity/noCommaOperator: or two

import { expect } from 'chai';
import { describe, it } from 'mocha';
import { defaultSpec } from '../default.ts';
import type { Spec } from '../types.ts';
import { CHECKS, checkSpec } from './index.ts';

type Change = (spec: Record<string, never>) => void;

/** What is changed, and the pointer of the one fault. */
const CASES: readonly (readonly [name: string, pointer: string, change: (spec: any) => void])[] = [
  ['a version that is none', '/ociVersion', (s) => (s.ociVersion = 'latest')],
  ['a leading zero in the version', '/ociVersion', (s) => (s.ociVersion = '1.02.0')],
  ['another major version', '/ociVersion', (s) => (s.ociVersion = '2.0.0')],
  ['no root', '/root', (s) => delete s.root],
  ['an empty root', '/root/path', (s) => (s.root.path = '')],
  ['a relative cwd', '/process/cwd', (s) => (s.process.cwd = 'tmp')],
  ['no arguments', '/process/args', (s) => (s.process.args = [])],
  ['an environment entry without =', '/process/env/0', (s) => (s.process.env = ['PATH'])],
  ['an environment entry without a name', '/process/env/0', (s) => (s.process.env = ['=x'])],
  ['the uid that means none', '/process/user/uid', (s) => (s.process.user.uid = 4294967295)],
  ['the gid that means none', '/process/user/gid', (s) => (s.process.user.gid = 4294967295)],
  ['a group that means none', '/process/user/additionalGids/0', (s) => (s.process.user.additionalGids = [4294967295])],
  ['an unknown rlimit', '/process/rlimits/0/type', (s) => (s.process.rlimits[0].type = 'RLIMIT_FOO')],
  ['an rlimit twice', '/process/rlimits/1/type', (s) => s.process.rlimits.push(s.process.rlimits[0])],
  [
    'a soft limit above the hard one',
    '/process/rlimits/0/soft',
    (s) => (s.process.rlimits[0].soft = 18446744073709551615n),
  ],
  [
    'an I/O priority beyond 7',
    '/process/ioPriority/priority',
    (s) => (s.process.ioPriority = { class: 'IOPRIO_CLASS_BE', priority: 8 }),
  ],
  [
    'a priority for a policy without',
    '/process/scheduler/priority',
    (s) => (s.process.scheduler = { policy: 'SCHED_BATCH', priority: 1 }),
  ],
  [
    'a deadline for a policy without',
    '/process/scheduler',
    (s) => (s.process.scheduler = { policy: 'SCHED_OTHER', deadline: 1 }),
  ],
  [
    'a nice value beyond 19',
    '/process/scheduler/nice',
    (s) => (s.process.scheduler = { policy: 'SCHED_OTHER', nice: 20 }),
  ],
  ['a mount to nowhere', '/mounts/0/destination', (s) => (s.mounts[0].destination = '')],
  ['half of a mapping', '/mounts/0/uidMappings', (s) => (s.mounts[0].uidMappings = [])],
  ['a relative hook', '/hooks/poststop/0/path', (s) => (s.hooks = { poststop: [{ path: 'bin/true' }] })],
  ['an annotation without a name', '/annotations/', (s) => (s.annotations = { '': 'x' })],
  ['a namespace twice', '/linux/namespaces/6/type', (s) => s.linux.namespaces.push({ type: 'pid' })],
  ['a relative namespace', '/linux/namespaces/0/path', (s) => (s.linux.namespaces[0].path = 'proc/1/ns/pid')],
  ['a hostname for the host', '/hostname', (s) => without(s, 'uts')],
  ['a domainname for the host', '/domainname', (s) => ((s.domainname = 'x'), delete s.hostname, without(s, 'uts'))],
  ['masks in the host', '/linux/maskedPaths', (s) => (delete s.linux.readonlyPaths, without(s, 'mount'))],
  ['read-only paths in the host', '/linux/readonlyPaths', (s) => (delete s.linux.maskedPaths, without(s, 'mount'))],
  ['time offsets for the host', '/linux/timeOffsets', (s) => (s.linux.timeOffsets = { monotonic: { secs: 1 } })],
  [
    'time offsets in a namespace of others',
    '/linux/timeOffsets',
    (s) => {
      s.linux.timeOffsets = { monotonic: { secs: 1 } };
      s.linux.namespaces.push({ type: 'time', path: '/proc/1/ns/time' });
    },
  ],
  [
    'mappings without a user namespace',
    '/linux/uidMappings',
    (s) => (s.linux.uidMappings = [{ containerID: 0, hostID: 0, size: 1 }]),
  ],
  ['a user namespace without mappings', '/linux/uidMappings', (s) => s.linux.namespaces.push({ type: 'user' })],
  [
    'a relative device',
    '/linux/devices/0/path',
    (s) => (s.linux.devices = [{ path: 'dev/x', type: 'c', major: 1, minor: 3 }]),
  ],
  [
    'a device without numbers',
    '/linux/devices/0/minor',
    (s) => (s.linux.devices = [{ path: '/dev/x', type: 'c', major: 1 }]),
  ],
  [
    'a parameter of the whole kernel',
    '/linux/sysctl/kernel.core_pattern',
    (s) => (s.linux.sysctl = { 'kernel.core_pattern': 'x' }),
  ],
  ['a parameter that climbs', '/linux/sysctl/net~1..~1kernel', (s) => (s.linux.sysctl = { 'net/../kernel': 'x' })],
  [
    'a parameter of a shared namespace',
    '/linux/sysctl/net.ipv4.ip_forward',
    (s) => ((s.linux.sysctl = { 'net.ipv4.ip_forward': '1' }), without(s, 'network')),
  ],
  ['a relative mask', '/linux/maskedPaths/0', (s) => (s.linux.maskedPaths = ['proc/acpi'])],
  ['a relative read-only path', '/linux/readonlyPaths/0', (s) => (s.linux.readonlyPaths = ['proc/bus'])],
  ['a personality without a domain', '/linux/personality/domain', (s) => (s.linux.personality = {})],
  [
    'a personality with a flag',
    '/linux/personality/flags/0',
    (s) => (s.linux.personality = { domain: 'LINUX', flags: ['X'] }),
  ],
  ['a memory policy without a mode', '/linux/memoryPolicy/mode', (s) => (s.linux.memoryPolicy = { nodes: '0' })],
  [
    'an errno for an action without',
    '/linux/seccomp/defaultErrnoRet',
    (s) => (s.linux.seccomp = { defaultAction: 'SCMP_ACT_ALLOW', defaultErrnoRet: 1 }),
  ],
  [
    'an errno for a rule without',
    '/linux/seccomp/syscalls/0/errnoRet',
    (s) => (s.linux.seccomp = rule({ action: 'SCMP_ACT_ALLOW', errnoRet: 1 })),
  ],
  [
    'a seventh argument',
    '/linux/seccomp/syscalls/0/args/0/index',
    (s) => (s.linux.seccomp = rule({ args: [{ index: 6, value: 0, op: 'SCMP_CMP_EQ' }] })),
  ],
  [
    'notification of nobody',
    '/linux/seccomp/listenerPath',
    (s) => (s.linux.seccomp = rule({ action: 'SCMP_ACT_NOTIFY' })),
  ],
  [
    'notification by default',
    '/linux/seccomp/defaultAction',
    (s) => (s.linux.seccomp = { defaultAction: 'SCMP_ACT_NOTIFY', listenerPath: '/x' }),
  ],
  [
    'metadata for nobody',
    '/linux/seccomp/listenerMetadata',
    (s) => (s.linux.seccomp = { defaultAction: 'SCMP_ACT_ALLOW', listenerMetadata: 'x' }),
  ],
  [
    'a listener that waits for itself',
    '/linux/seccomp/syscalls/0/names',
    (s) => (s.linux.seccomp = { ...rule({ names: ['sendmsg'], action: 'SCMP_ACT_NOTIFY' }), listenerPath: '/x' }),
  ],
];

function without(spec: any, type: string): void {
  spec.linux.namespaces = spec.linux.namespaces.filter((ns: { type: string }) => ns.type !== type);
}

const rule = (more: object) => ({
  defaultAction: 'SCMP_ACT_KILL',
  syscalls: [{ names: ['read'], action: 'SCMP_ACT_ERRNO', ...more }],
});

describe('the checks of what a schema cannot say', () => {
  it('find nothing in the configuration to start from', () => {
    expect(checkSpec(defaultSpec('v2'))).to.deep.equal([]);
    expect(checkSpec(defaultSpec('v2', { uid: 1000, gid: 1000 }))).to.deep.equal([]);
  });

  for (const [name, pointer, change] of CASES) {
    it(`find ${name}`, () => {
      const spec = structuredClone(defaultSpec('v2')) as Spec;
      (change as Change)(spec as never);
      expect(checkSpec(spec).map((problem) => problem.pointer)).to.deep.equal([pointer]);
    });
  }

  it('each find something', () => {
    const idle = CHECKS.filter((check) =>
      CASES.every(([, , change]) => {
        const spec = structuredClone(defaultSpec('v2')) as Spec;
        (change as Change)(spec as never);
        return check(spec).length === 0;
      }),
    );
    expect(idle).to.deep.equal([]);
  });
});
