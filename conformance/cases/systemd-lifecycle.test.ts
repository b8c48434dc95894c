// A unit from its beginning to its end: where it lies, what annotations make of it, what is left of it when something fails
// or is gone.

import { expect } from 'chai';
import { describe, it } from 'mocha';
import type { Config } from '../harness/bundle.ts';
import { isUnified } from '../harness/cgroup.ts';
import { deviates, isTsoci, onlyTsoci } from '../harness/runtime.ts';
import { show, systemctl, useUnit } from '../harness/systemd.ts';
import { until } from '../harness/until.ts';

const MIB = 1 << 20;

/** name, text in the form of GVariant, what `systemctl show` makes of it (all of it, or a word among others). */
const ANNOTATIONS: readonly (readonly [name: string, text: string, shown: string])[] = [
  ['SendSIGHUP', 'true', 'yes'],
  ['KillSignal', '10', '10'],
  ['KillMode', "'mixed'", 'mixed'],
  ['TimeoutStopSec', '2.5', '2.500000s'],
  ['RuntimeMaxUSec', 'uint64 3600000000', '1h'],
  ['After', "['network.target']", 'network.target'],
  ['Documentation', "['man:tsoci(8)']", 'man:tsoci(8)'],
  ['IPAddressDeny', '[(2, [byte 10, 0, 0, 0], uint32 8)]', '10.0.0.0/8'],
];

describe('systemd cgroups: a unit', () => {
  const { c, unit, units, make, begin, end, membership, file } = useUnit();
  const slice = `tsociconf${process.pid}`;
  /** The runtime looks for the processes where they are. */
  const expectListed = () => {
    const { pid } = c.runtime.state(c.bundle.id);
    expect(JSON.parse(c.runtime.run(['ps', '--format', 'json', c.bundle.id]).stdout)).to.deep.equal([pid]);
  };

  it('lies in the root slice where that is asked for', function () {
    deviates(this, 'runc', 'refuses "-", also 1.3');
    for (const root of ['-', '-.slice']) {
      begin('exec sleep 1000', (config) => {
        config.linux.cgroupsPath = `${root}:tsoci-conf:${c.bundle.id}`;
      });
      expect(membership()).to.include(`:/${unit()}\n`);
      expect(show(unit())).to.include({ Slice: '-.slice' });
      expectListed();
      end();
    }
  });

  it('lies in a slice below others, which systemd makes', () => {
    begin('exec sleep 1000', (config) => {
      config.linux.cgroupsPath = `${slice}-a-b.slice:tsoci-conf:${c.bundle.id}`;
    });
    expect(membership()).to.include(`:/${slice}.slice/${slice}-a.slice/${slice}-a-b.slice/${unit()}\n`);
    expectListed();
    end();
    systemctl('stop', `${slice}.slice`);
  });

  for (const [name, text, shown] of ANNOTATIONS) {
    it(`takes ${name} from an annotation: ${text}`, function () {
      if (name === 'IPAddressDeny') deviates(this, 'runc', 'knows no tuples');
      begin('exec sleep 1000', (config) => {
        config.annotations = { [`org.systemd.property.${name}`]: text };
      });
      const property = name.replace(/([^U])Sec$/, '$1USec');
      expect((show(unit())[property] ?? '').replaceAll('"', '').split(' ')).to.include(shown);
      end();
    });
  }

  const FAILURES: readonly (readonly [what: string, change: (config: Config) => void])[] = [
    ['a limit that the kernel refuses', (config) => Object.assign(config.linux.resources, { cpu: { period: 100 } })],
    [
      'a property of another type',
      (config) => Object.assign(config, { annotations: { 'org.systemd.property.TimeoutStopUSec': "'x'" } }),
    ],
    ['a hook that fails', (config) => Object.assign(config, { hooks: { createRuntime: [{ path: '/bin/false' }] } })],
    ['a mount that fails', (config) => config.mounts.push({ destination: '/x', source: '/nosuch', options: ['bind'] })],
  ];
  for (const [what, change] of FAILURES) {
    it(`is not left behind by ${what}`, () => {
      expect(make('create', 'true', change)).to.include({ status: 1 });
      expect(units()).to.equal('');
      expect(c.verb('state')).to.include({ status: 1 });
    });
  }

  it('is not made where the bus cannot be reached, which takes no cgroup from it either', function () {
    deviates(this, 'runc', 'asks systemd by its own socket alone');
    const env = { DBUS_SYSTEM_BUS_ADDRESS: 'unix:path=/nosuch' };
    const { status, stderr } = make('create', 'true', () => {}, env);
    expect(status).to.equal(1);
    expect(stderr).to.include('failed to connect to dbus: /nosuch: no such file or directory');
    expect(units()).to.equal('');
  });

  it('may have been stopped by somebody else, and have failed at it', () => {
    // The first process of a pid namespace takes no SIGTERM that it has no handler for.
    begin('exec sleep 1000', (config) => {
      config.annotations = { 'org.systemd.property.TimeoutStopSec': '1' };
    });
    systemctl('stop', unit());
    until(() => c.runtime.state(c.bundle.id).status === 'stopped', 'the end');
    expect(units()).to.include('failed');
    expect(c.verb('delete')).to.include({ status: 0 });
    expect(units()).to.equal('');
  });

  it('may be gone already', () => {
    begin('trap "exit 0" TERM; sleep 1000 & wait');
    systemctl('stop', unit());
    until(() => c.runtime.state(c.bundle.id).status === 'stopped', 'the end');
    expect(units()).to.equal('');
    expect(c.verb('delete')).to.include({ status: 0 });
  });

  it('ends without a bus: systemd sees by itself that nobody is left', function () {
    onlyTsoci(this);
    begin();
    const options = { env: { DBUS_SYSTEM_BUS_ADDRESS: 'unix:path=/nosuch' } };
    expect(c.runtime.run(['delete', '--force', c.bundle.id], options)).to.include({ status: 0 });
    until(() => units() === '', 'the end of the unit');
  });

  it('ends with the last of its processes, without a pid namespace too', () => {
    begin('sleep 1000 & sleep 1000 & exec sleep 1000', (config) => {
      config.linux.namespaces = config.linux.namespaces.filter(({ type }: Config) => type !== 'pid');
    });
    expect(c.runtime.run(['kill', '--all', c.bundle.id, 'KILL'])).to.include({ status: 0 });
    until(() => units() === '', 'the end of the unit');
    expect(c.verb('delete')).to.include({ status: 0 });
  });

  it('takes in what exec starts', () => {
    begin();
    const inside = c.verb('exec', '/bin/cat', '/proc/self/cgroup');
    expect(inside.stdout).to.include(`:/system.slice/${unit()}\n`);
    end();
  });

  it('stays paused through a daemon-reload, and is deleted so', () => {
    begin();
    expect(c.verb('pause')).to.include({ status: 0 });
    systemctl('daemon-reload');
    expect(c.runtime.state(c.bundle.id).status).to.equal('paused');
    if (isUnified) expect(file('cgroup.events')).to.include('frozen 1');
    // runc 1.1 does not wait for the end of one that is paused.
    if (!isTsoci) expect(c.verb('resume')).to.include({ status: 0 });
    end();
  });

  it('has after an update that is refused what it had before', function () {
    if (!isUnified) this.skip();
    deviates(this, 'runc', 'keeps the properties of an update that the kernel refuses');
    begin('exec sleep 1000', (config) => {
      config.linux.resources.memory = { limit: 64 * MIB, swap: 64 * MIB };
      config.linux.resources.pids = { limit: 42 };
    });
    const names = ['MemoryMax', 'MemorySwapMax', 'TasksMax', 'CPUQuotaPerSecUSec', 'CPUQuotaPeriodUSec', 'CPUWeight'];
    const held = () => [
      ...names.map((name) => show(unit())[name]),
      ...['memory.max', 'memory.swap.max', 'pids.max', 'cpu.max', 'cpu.weight'].map((name) => file(name)),
    ];
    const before = held();
    const wrong = [
      { memory: { limit: 96 * MIB, swap: 64 * MIB }, pids: { limit: 7 } },
      { pids: { limit: 7 }, cpu: { shares: 512, period: 100 } },
      { pids: { limit: 7 }, unified: { 'memory.nosuch': '1' } },
      { pids: { limit: 7 }, memory: { limit: 80 * MIB, swappiness: 10 } },
    ];
    for (const resources of wrong) {
      const input = JSON.stringify(resources);
      expect(c.runtime.run(['update', '--resources', '-', c.bundle.id], { input }).status, input).to.equal(1);
      expect(held(), input).to.deep.equal(before);
    }
    end();
  });
});
