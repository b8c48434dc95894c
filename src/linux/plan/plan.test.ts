// The order of set-up, held without a kernel: for what engines generate, and for changes of it.

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import fc from 'fast-check';
import { before, describe, it } from 'mocha';
import type { Spec } from '../../spec/types.ts';
import type { Host } from '../host.ts';
import { useDoor } from '../sys/current.ts';
import { parseJson } from '../sys/json.ts';
import { openKoffiDoor } from '../sys/koffi.ts';
import { compilePlan } from './compile.ts';
import { printPlan, printPlanJson } from './print.ts';
import type { Plan } from './steps.ts';

const FIXTURES = 'conformance/fixtures/configs';

const HOST: Host = {
  euid: 0,
  egid: 0,
  userNamespaced: false,
  kernel: [6, 1],
  arch: 'x64',
  isSystemdRunning: false,
  userManagerCgroup: '',
  cgroup: {
    mode: 'hybrid',
    hierarchies: [
      'memory',
      'cpu',
      'cpuset',
      'pids',
      'devices',
      'freezer',
      'blkio',
      'hugetlb',
      'net_cls',
      'net_prio',
    ].map((name) => ({
      ...{ version: 1, controllers: [name], mountPoint: `/sys/fs/cgroup/${name}`, own: '/' },
    })),
  },
  apparmor: true,
  selinux: true,
};

const planOf = (spec: Spec): Plan =>
  compilePlan({
    ...{ id: 'id', bundle: '/bundle', spec, host: HOST, noPivot: false, noNewKeyring: false, preserveFds: 0 },
    ...{ rootless: false, systemdCgroup: false },
  });

const files = readdirSync(FIXTURES).filter((name) => name.endsWith('.json') && !name.includes('process'));
const specOf = (file: string): Spec => parseJson(readFileSync(join(FIXTURES, file))) as Spec;

/** [before, after]: whatever is there of the first kind comes before whatever is there of the second. */
const ORDER: readonly (readonly [string, string])[] = [
  ['await-parent', 'become-root'],
  ['become-root', 'join-namespace'],
  ['join-namespace', 'set-propagation'],
  ['set-propagation', 'open-rootfs'],
  ['open-rootfs', 'mount-filesystem'],
  ['open-rootfs', 'mount-bind'],
  ['mount-filesystem', 'make-devices'],
  ['mount-bind', 'make-devices'],
  ['make-devices', 'open-terminal'],
  ['open-terminal', 'bind-console'],
  ['make-devices', 'runtime-hooks'],
  ['runtime-hooks', 'create-container-hooks'],
  ['open-mask', 'pivot-root'],
  ['create-container-hooks', 'pivot-root'],
  ['pivot-root', 'root-readonly'],
  ['root-readonly', 'set-sysctl'],
  ['set-sysctl', 'readonly-paths'],
  ['readonly-paths', 'mask-paths'],
  ['mask-paths', 'user'],
  ['rlimit', 'user'],
  ['no-new-privileges', 'seccomp'],
  ['capability-bounding-set', 'user'],
  ['user', 'capabilities'],
  ['user', 'cwd'],
  ['cwd', 'lookup'],
  ['lookup', 'ready'],
  ['ready', 'start-container-hooks'],
  ['start-container-hooks', 'seccomp'],
  ['close-descriptors', 'seccomp'],
  ['seccomp', 'exec'],
];

function expectOrder(plan: Plan): void {
  const kinds = plan.child.map((step) => step.kind as string);
  for (const [before, after] of ORDER) {
    const [last, first] = [kinds.lastIndexOf(before), kinds.indexOf(after)];
    if (last >= 0 && first >= 0) expect(last, `${before} before ${after}`).to.be.below(first);
  }
  expect(kinds.at(-1)).to.equal('exec');
}

describe('the plan', () => {
  before(() => useDoor(openKoffiDoor()));

  it('has the order of set-up for what engines generate', () => {
    expect(files.length).to.be.greaterThan(20);
    for (const file of files) expectOrder(planOf(specOf(file)));
  });

  it('keeps it when parts are taken away', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...files),
        fc.subarray(['hooks', 'mounts', 'hostname', 'annotations']),
        fc.boolean(),
        (file, gone, nnp) => {
          const spec = { ...specOf(file) } as Record<string, unknown> & Spec;
          for (const name of gone) delete (spec as Record<string, unknown>)[name];
          const changed = { ...spec, process: { cwd: '/', ...spec.process, noNewPrivileges: nnp } };
          expectOrder(planOf(changed));
        },
      ),
      { numRuns: 60 },
    );
  });

  it('leaves CAP_SYS_ADMIN to nobody: without no_new_privs the last capabilities come after the filter', () => {
    const spec = specOf('docker28-default.json');
    const plan = planOf({ ...spec, process: { cwd: '/', ...spec.process, noNewPrivileges: false } });
    const kinds = plan.child.map((step) => step.kind);
    expect(kinds.slice(-3)).to.deep.equal(['seccomp', 'capabilities', 'exec']);
    const last = plan.child.findLast((step) => step.kind === 'capabilities');
    expect(last).to.deep.include({ keep: [] });
  });

  it('is frozen, and printed as text and as JSON step by step', () => {
    const plan = planOf(specOf('docker28-default.json'));
    expect(Object.isFrozen(plan) && Object.isFrozen(plan.child)).to.equal(true);
    const lines = printPlan(plan).trimEnd().split('\n');
    expect(lines).to.have.length(plan.parent.length + plan.child.length);
    expect(lines.some((line) => /pivot-root +pivot_root/.test(line))).to.equal(true);
    const document = JSON.parse(printPlanJson(plan)) as { parent: { step: number }[]; child: { step: number }[] };
    expect([...document.parent, ...document.child].map(({ step }) => step)).to.deep.equal(
      lines.map((_, index) => index + 1),
    );
  });

  it('refuses what is not built yet, with its place', () => {
    const spec = specOf('docker28-default.json');
    const refuse = (linux: object) => () => planOf({ ...spec, linux: { ...spec.linux, ...linux } });
    expect(refuse({ intelRdt: { closID: 'x' } })).to.throw('/linux/intelRdt: not supported yet');
    expect(refuse({ netDevices: { eth0: {} } })).to.throw('/linux/netDevices: not supported yet');
  });
});
