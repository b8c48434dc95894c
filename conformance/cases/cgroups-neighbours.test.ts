// What limits do for those outside: while a container takes all that it can have, its neighbours go on as if it were not there.
// Both live on the same supply, that of a cgroup above them: so the same container without the limit, which follows each
// time, harms its neighbour alone, and shows that it was the limit that kept it from that.

import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, rmdirSync, statSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { afterEach, type Context, describe, it } from 'mocha';
import type { Config } from '../harness/bundle.ts';
import { useCase } from '../harness/case.ts';
import { diskOf, isUnified, needsController } from '../harness/cgroup.ts';
import { cgroupDirs } from '../harness/leftovers.ts';
import { until } from '../harness/until.ts';

const ROOT = '/sys/fs/cgroup';
const MIB = 1 << 20;

describe('cgroups: neighbours', () => {
  let neighbours: ChildProcess[] = [];
  // Before the case looks for leftovers.
  afterEach(async () => {
    const ends = neighbours.filter(({ exitCode, signalCode }) => exitCode === null && signalCode === null);
    const ended = ends.map((child) => once(child, 'exit'));
    for (const child of ends) child.kill('SIGKILL');
    await Promise.all(ended);
    neighbours = [];
    for (const name of ['neighbour', '']) {
      // By way of its links a hierarchy is there twice.
      for (const dir of cgroupDirs(join(c.bundle.cgroup, name))) if (existsSync(dir)) rmdirSync(dir);
    }
  });
  const c = useCase();
  let dir = '';

  /** The cgroup above container and neighbour, with files that say how much there is for both. */
  function supply(context: Context, controller: string, files: Readonly<Record<string, string>>): void {
    needsController(context, controller);
    const tree = join(ROOT, isUnified ? '' : controller);
    dir = join(tree, c.bundle.cgroup);
    mkdirSync(join(dir, 'neighbour'), { recursive: true });
    const above = isUnified ? [tree, join(dir, '..'), dir] : [];
    for (const folder of above) writeFileSync(join(folder, 'cgroup.subtree_control'), `+${controller}`);
    for (const [name, value] of Object.entries(files)) {
      if (existsSync(join(dir, name))) writeFileSync(join(dir, name), value);
    }
  }

  /** A script beside the container. */
  const joining = (script: string): string[] => [
    'sh',
    '-c',
    `echo $$ >"$0/cgroup.procs"; ${script}`,
    join(dir, 'neighbour'),
  ];
  function settle(script: string): ChildProcess & { pid: number } {
    const child = spawn('/bin/busybox', joining(script), { stdio: ['ignore', 'pipe', 'ignore'] });
    neighbours.push(child);
    return child as ChildProcess & { pid: number };
  }

  const limitedBy = (resources: Config) => (config: Config) => {
    config.linux.cgroupsPath = `${c.bundle.cgroup}/container`;
    Object.assign(config.linux.resources, resources);
  };
  function begin(script: string, resources: Config): void {
    expect(c.create(script, limitedBy(resources))).to.include({ status: 0 });
    expect(c.verb('start')).to.include({ status: 0 });
  }
  function end(): void {
    expect(c.verb('kill', 'KILL')).to.include({ status: 0 });
    until(() => c.runtime.state(c.bundle.id).status === 'stopped', 'the end');
    expect(c.verb('delete')).to.include({ status: 0 });
  }

  describe('of a fork bomb', () => {
    const bombed = (context: Context, resources: Config) => {
      supply(context, 'pids', { 'pids.max': '40' });
      begin('(while :; do sleep 1000 & done) 2>/dev/null; exec sleep 1000', resources);
      const files = [join(dir, 'container/pids.events'), join(dir, 'pids.events')];
      const refused = (file: string) => !/^max 0$/m.test(readFileSync(file, 'utf8'));
      until(() => files.some(refused) || readFileSync(join(dir, 'pids.current'), 'utf8').trim() === '40', 'the bomb');
      const forks = 'for i in 1 2 3 4 5 6 7 8 9 10; do busybox sleep 0.1 & done; wait';
      const { status, stderr } = spawnSync('/bin/busybox', joining(forks), { encoding: 'utf8' });
      end();
      return { status, stderr };
    };

    it('go on forking', function () {
      expect(bombed(this, { pids: { limit: 7 } })).to.deep.equal({ status: 0, stderr: '' });
    });

    it('could not, without its limit', function () {
      expect(bombed(this, {}).stderr).to.include("can't fork");
    });
  });

  describe('of a memory hog', () => {
    const HELD = 64 * MIB;
    const held = ({ pid }: { pid: number }): number =>
      1024 * Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0);
    const hogged = (context: Context, resources: Config) => {
      const most = String(96 * MIB);
      const legacy = { 'memory.limit_in_bytes': most, 'memory.memsw.limit_in_bytes': most };
      supply(context, 'memory', isUnified ? { 'memory.max': most, 'memory.swap.max': '0' } : legacy);
      // Nobody reads what dd has in its buffer.
      const neighbour = settle(`exec busybox dd if=/dev/zero bs=${HELD} count=1`);
      until(() => held(neighbour) >= HELD, 'the memory of the neighbour');
      expect(c.run('exec tail /dev/zero', limitedBy(resources))).to.include({ status: 137 });
      return neighbour;
    };

    it('keep what they have', function () {
      const neighbour = hogged(this, { memory: { limit: 16 * MIB, swap: 16 * MIB } });
      expect(held(neighbour)).to.be.at.least(HELD);
    });

    it('could not, without its limit', async function () {
      const neighbour = hogged(this, {});
      if (neighbour.signalCode === null) await once(neighbour, 'exit');
      expect(neighbour.signalCode).to.equal('SIGKILL');
    });
  });

  describe('of a burner of processors', () => {
    const SPIN = 'while :; do :; done';
    const processors = availableParallelism();

    /** Ticks of user and system time of those in a cgroup. */
    const spent = (name: string): number => {
      const pids = readFileSync(join(dir, name, 'cgroup.procs'), 'utf8')
        .trim()
        .split('\n');
      const times = pids.map((pid) => readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/.*\) /, '').split(' '));
      return times.reduce((sum, fields) => sum + Number(fields[11]) + Number(fields[12]), 0);
    };

    /** How much the neighbour had for each tick of the container's. */
    const share = (context: Context, resources: Config): number => {
      supply(context, 'cpu', {});
      begin(`${`${SPIN} & `.repeat(4 * processors)} wait`, resources);
      for (let i = 0; i < processors; i++) settle(SPIN);
      until(() => spent('neighbour') > 0 && spent('container') > 0, 'their beginning');
      const before = [spent('neighbour'), spent('container')] as const;
      const since = () => [spent('neighbour') - before[0], spent('container') - before[1]] as const;
      until(() => since()[0] + since()[1] >= 50, 'half a second of processor time');
      const [neighbour, container] = since();
      end();
      return neighbour / Math.max(1, container);
    };

    it('have nearly all beside a quota', function () {
      expect(share(this, { cpu: { quota: 2000, period: 100_000 } })).to.be.greaterThan(5);
    });

    it('have what their weight promises', function () {
      expect(share(this, { cpu: { shares: 32 } })).to.be.greaterThan(5);
    });

    it('would have half, without', function () {
      expect(share(this, {})).to.be.within(0.2, 5);
    });
  });

  describe('of a writer', () => {
    const RATE = 65536;
    const dd = (file: string, mebibytes: number): string[] =>
      `dd if=/dev/zero of=${file} bs=64k count=${16 * mebibytes} oflag=direct`.split(' ');

    /** Whether the container has written more than its rate allows, when its neighbour has written 8 MiB. */
    const overstepped = (context: Context, resources: Config): boolean => {
      const held = join(c.bundle.rootfs, 'held');
      const free = join(c.bundle.dir, 'free');
      const begun = Date.now();
      begin(`exec ${dd('/held', 512).join(' ')} 2>/dev/null`, resources);
      until(() => existsSync(held), 'the writer');
      expect(spawnSync('/bin/busybox', dd(free, 8)).status).to.equal(0);
      const bytes = statSync(held).size;
      const seconds = (Date.now() - begun) / 1000;
      context.test!.title += ` [${bytes} bytes in ${seconds} s]`;
      end();
      // KERNEL: a throttle gives in slices of a tenth of a second, and lets a write that is longer pass whole.
      return bytes > RATE * (seconds + 0.2) + 65536;
    };

    const disk = (context: Context): { major: number; minor: number } => {
      const [major = 0, minor = 0] = diskOf().split(':').map(Number);
      // The kernel's own form of a device's number, where it is a small one.
      if ((major << 8) + minor !== statSync(c.bundle.dir).dev) {
        context.test!.title += ' [the bundles are not on the disk]';
        context.skip();
      }
      return { major, minor };
    };

    it('write freely while it is held back', function () {
      const throttleWriteBpsDevice = [{ ...disk(this), rate: RATE }];
      expect(overstepped(this, { blockIO: { throttleWriteBpsDevice } })).to.equal(false);
    });

    it('would share with it, without its limit', function () {
      disk(this);
      expect(overstepped(this, {})).to.equal(true);
    });
  });
});
