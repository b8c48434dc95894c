// `events`: what a container uses, OOM kills, its end; and what `state` tells of that end.

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { before, describe, it } from 'mocha';
import type { Config } from '../harness/bundle.ts';
import { useCase } from '../harness/case.ts';
import { cgroupValue, isUnified, needsController, needsLegacy } from '../harness/cgroup.ts';
import { listen } from '../harness/events.ts';
import { cgroupDirs } from '../harness/leftovers.ts';
import { deviates, onlyTsoci, Runtime, runtimeName } from '../harness/runtime.ts';
import { until } from '../harness/until.ts';

/** Names of all members, with the types of their values. */
function shape(value: unknown, path = ''): string[] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return [`${path}: ${typeof value}`];
  return Object.entries(value).flatMap(([name, member]) => shape(member, `${path}/${name}`));
}

const LIMIT = 16 << 20;

/** tail(1) keeps its whole input: memory without end, of an applet that is in every busybox. */
const HOG = 'tail /dev/zero';

describe('events', () => {
  before(function () {
    if (runtimeName === 'crun') this.skip();
  });
  const c = useCase();

  const start = (script: string, change?: (config: Config) => void): void => {
    expect(c.create(script, change)).to.include({ status: 0 });
    expect(c.verb('start')).to.include({ status: 0 });
  };

  const limited = (config: Config): void => {
    config.linux.resources.memory = { limit: LIMIT, swap: LIMIT };
  };

  const hasMemory = (): boolean =>
    cgroupDirs(c.bundle.cgroup).some((dir) =>
      ['memory.limit_in_bytes', 'memory.max'].some((file) => existsSync(join(dir, file))),
    );

  /** Waits for the end. runc's events end with the cgroup. */
  function end(...verb: string[]): void {
    if (verb.length > 0) c.verb(...(verb as [string]));
    until(() => c.runtime.state(c.bundle.id).status === 'stopped', 'the end of the container');
    if (runtimeName === 'runc') c.verb('delete');
  }

  it('tells once what a container uses', function () {
    needsLegacy(this, 'memory');
    start('exec sleep 100', limited);
    const result = c.verb('events', '--stats');
    expect(result.status).to.equal(0);
    expect(result.stdout).to.match(/^\{.*\}\n$/);
    const { type, id, data } = JSON.parse(result.stdout);
    expect({ type, id }).to.deep.equal({ type: 'stats', id: c.bundle.id });
    expect(data.pids.current).to.equal(1);
    if (hasMemory()) {
      expect(data.memory.usage.limit).to.equal(LIMIT);
      expect(data.memory.usage.usage).to.be.within(1, LIMIT);
    }
    expect(data.cpu.usage.total).to.be.greaterThan(0);
    c.verb('delete', '--force');
  });

  it('counts how often the limit of memory was reached', function () {
    needsController(this, 'memory');
    if (isUnified) deviates(this, 'runc', 'counts nothing on v2');
    start(`( ${HOG} ); exec sleep 100`, limited);
    const counted = (): number => {
      const text = cgroupValue(c.bundle, 'memory/memory.failcnt', 'memory.events');
      return Number(/^(?:max )?(\d+)$/m.exec(text)?.[1]);
    };
    const kills = () =>
      /^oom_kill ([1-9]\d*)$/m.test(cgroupValue(c.bundle, 'memory/memory.oom_control', 'memory.events'));
    until(kills, 'the limit');
    // Kernels of today count nothing on v1.
    if (isUnified) expect(counted()).to.be.greaterThan(0);
    expect(JSON.parse(c.verb('events', '--stats').stdout).data.memory.usage.failcnt).to.equal(counted());
    c.verb('delete', '--force');
  });

  it('tells of pressure where the kernel measures it', function () {
    if (!isUnified || !existsSync('/proc/pressure/cpu')) this.skip();
    deviates(this, 'runc', '1.1 does not know it');
    start('while :; do :; done', (config) => {
      config.linux.resources.cpu = { quota: 5000, period: 100_000 };
    });
    const pressure = () => JSON.parse(c.verb('events', '--stats').stdout).data.cpu.psi.some;
    until(() => pressure().total > 0, 'pressure');
    expect(pressure()).to.have.keys('avg10', 'avg60', 'avg300', 'total');
    c.verb('delete', '--force');
  });

  it("has the members of runc's document, with their types", function () {
    onlyTsoci(this);
    start('exec sleep 100', limited);
    const control = new Runtime('runc');
    const args = ['run', '--detach', '--bundle', c.bundle.dir, c.bundle.id];
    const ours = JSON.parse(c.verb('events', '--stats').stdout);
    c.verb('delete', '--force');
    if (control.run(args, { detached: true }).status !== 0) this.skip();
    const theirs = JSON.parse(control.run(['events', '--stats', c.bundle.id]).stdout);
    control.run(['delete', '--force', c.bundle.id]);
    // The kernel's own table, and what is left out when it is zero.
    const fixed = (event: unknown) =>
      shape(event).filter((path) => !/raw|hugetlb|blkio|psi|cache|throttling|(usage|max): number$/.test(path));
    expect(fixed(ours)).to.have.members(fixed(theirs));
  });

  it('tells every now and then what is used, and ends with the container', async function () {
    needsLegacy(this, 'memory');
    this.timeout(30_000);
    start('exec sleep 100');
    const { status, events } = await listen(c.runtime, c.bundle.id, '50ms', () => end('kill', 'KILL')).ended();
    if (runtimeName !== 'runc') expect(status).to.equal(0);
    expect(events[0]?.type).to.equal('stats');
    // runc says nothing of the end.
    if (runtimeName !== 'runc') {
      expect(events.at(-1)?.type).to.equal('exit');
      expect(events.at(-1)?.data.exitStatus).to.be.oneOf([undefined, 137]);
    }
    c.verb('delete');
  });

  it('tells an OOM kill, and state keeps it until delete', async function () {
    needsLegacy(this, 'memory');
    this.timeout(30_000);
    const script = `while [ ! -e /go ]; do sleep 0.02; done; ${HOG}; sleep 0.3; exit 3`;
    start(script, limited);
    if (!hasMemory()) return this.skip();
    const listener = listen(c.runtime, c.bundle.id, '1h');
    listener.untilListening();
    c.verb('exec', '/bin/touch', '/go');
    end();
    const { lines, events } = await listener.ended();
    expect(lines).to.include(`{"type":"oom","id":"${c.bundle.id}"}`);
    if (runtimeName === 'runc') return void c.verb('delete');
    const exit = events.find(({ type }) => type === 'exit');
    expect(exit?.data.oom).to.include({ limit: LIMIT });
    expect(exit?.data.oom.kills).to.be.at.least(1);
    const state = c.runtime.state(c.bundle.id) as unknown as { ended: { oom: { kills: number; limit: number } } };
    expect(state.ended.oom).to.include({ limit: LIMIT });
    c.verb('delete');
  });

  it('says nothing of memory when somebody else killed it', function () {
    onlyTsoci(this);
    start('exec sleep 100', limited);
    c.verb('kill', 'KILL');
    until(() => c.runtime.state(c.bundle.id).status === 'stopped', 'the end');
    const state = c.runtime.state(c.bundle.id) as { ended?: { oom?: unknown } };
    expect(state.ended?.oom).to.equal(undefined);
    c.verb('delete');
  });

  it('keeps the exit status of a container that run has waited for', function () {
    onlyTsoci(this);
    c.create('exit 5');
    c.verb('delete');
    expect(c.runtime.run(['run', '--keep', '--bundle', c.bundle.dir, c.bundle.id]).status).to.equal(5);
    expect(c.runtime.state(c.bundle.id)['ended']).to.deep.equal({ exitStatus: 5 });
    c.verb('delete');
  });

  it('says that set-up ran out of memory, with limit and peak', function () {
    onlyTsoci(this);
    const result = c.create('true', (config) => {
      config.linux.resources.memory = { limit: 8 << 10, swap: 8 << 10 };
    });
    if (result.status === 0) {
      c.verb('delete', '--force');
      return this.skip(); // it was enough
    }
    expect(result.stderr).to.match(/OOM-killed \(memory limit too low\?\): memory limit 8 KiB, peak/);
  });

  it('refuses a stopped container, an unknown one, and an interval of nothing', function () {
    deviates(this, 'runc', 'of a container that is not there its exit code is 1 as well, its words are others');
    c.create('true');
    c.verb('start');
    until(() => c.runtime.state(c.bundle.id).status === 'stopped', 'the end');
    expect(c.verb('events', '--stats').stderr).to.match(/container with id .* is not running/);
    expect(c.verb('events', '--interval', '0s').stderr).to.match(/duration interval must be greater than 0/);
    c.verb('delete');
    expect(c.verb('events').status).to.equal(1);
  });
});
