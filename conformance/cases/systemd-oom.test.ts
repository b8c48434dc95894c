// Where systemd takes the cgroup away with its last process, an OOM kill is told all the same.

import { spawnSync } from 'node:child_process';
import { expect } from 'chai';
import { before, describe, it } from 'mocha';
import type { Config } from '../harness/bundle.ts';
import { listen } from '../harness/events.ts';
import { isTsoci } from '../harness/runtime.ts';
import { useUnit } from '../harness/systemd.ts';
import { until } from '../harness/until.ts';

const MIB = 1 << 20;

describe('systemd cgroups tell of an OOM kill', () => {
  const { c, units, make, begin, end } = useUnit();
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
    // The kernel's log forgets, and is not asked again.
    const forgetful = 'mount --make-rprivate / && mount --bind /dev/null /dev/kmsg && exec "$@"';
    const [program, args] = c.runtime.line(['state', c.bundle.id]);
    const words = ['--mount', 'sh', '-c', forgetful, 'sh', program, ...args];
    expectOom(JSON.parse(spawnSync('unshare', words, { encoding: 'utf8' }).stdout).ended?.oom);
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
    const listener = listen(c.runtime, c.bundle.id, '1h');
    listener.untilListening();
    expect(c.verb('start')).to.include({ status: 0 });
    const { events } = await listener.ended();
    expect(events.map(({ type }) => type)).to.deep.equal(['oom', 'exit']);
    expectOom(events[1]?.data.oom);
    end();
  });

  it('as an event while the container goes on', async () => {
    expect(make('create', 'tail /dev/zero; exec sleep 1000', hogged)).to.include({ status: 0 });
    const listener = listen(c.runtime, c.bundle.id, '1h', () => void c.verb('kill', 'KILL'));
    listener.untilListening();
    expect(c.verb('start')).to.include({ status: 0 });
    const { events } = await listener.ended();
    expect(events.map(({ type }) => type)).to.deep.equal(['oom', 'exit']);
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
