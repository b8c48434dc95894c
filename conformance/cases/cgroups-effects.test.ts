// What limits do to those who try to take more: the container suffers, nobody else, and its end is told as it was.

import { existsSync, mkdirSync, readFileSync, rmdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { useCase } from '../harness/case.ts';
import { cgroupPath, cgroupValue, isLegacy, isUnified, needsLegacy, rdmaDevice } from '../harness/cgroup.ts';
import { deviates } from '../harness/runtime.ts';
import { until } from '../harness/until.ts';

const MIB = 1 << 20;

/** The number behind `key` in a file of lines `key number`. */
const counted = (text: string, key: string): number =>
  Number(new RegExp(`^${key} (\\d+)$`, 'm').exec(text)?.[1] ?? Number.NaN);

describe('cgroups: effects', () => {
  const c = useCase();
  const value = (legacy: string, unified?: string) => cgroupValue(c.bundle, legacy, unified);

  const begin = (script: string, resources: object) => {
    expect(
      c.create(script, (config) => {
        Object.assign(config.linux.resources, resources);
      }),
    ).to.include({ status: 0 });
    expect(c.verb('start')).to.include({ status: 0 });
  };
  const end = () => {
    expect(c.verb('kill', 'KILL').status).to.equal(0);
    until(() => c.runtime.state(c.bundle.id).status === 'stopped', 'the end');
    expect(c.verb('delete')).to.include({ status: 0 });
  };

  /** dd fills its buffer before it writes. */
  const HOG = 'dd if=/dev/zero of=/dev/null bs=100M count=1';
  const hogged = { memory: { limit: 24 * MIB, swap: 24 * MIB } };
  const oomFile = isLegacy('memory') ? 'memory/memory.oom_control' : `${isUnified ? '' : 'unified/'}memory.events`;
  const kills = () => counted(readFileSync(cgroupPath(c.bundle, oomFile), 'utf8'), 'oom_kill');

  it('ends a container that takes more memory than its limit', function () {
    needsLegacy(this, 'memory');
    const result = c.run(`exec ${HOG}`, (config) => Object.assign(config.linux.resources, hogged));
    expect(result).to.include({ status: 137 });
  });

  it('ends only the process that takes more, where the first one does not', function () {
    needsLegacy(this, 'memory');
    begin(`( ${HOG} ); exec sleep 1000`, hogged);
    until(() => kills() > 0, 'the OOM kill');
    expect(c.runtime.state(c.bundle.id).status).to.equal('running');
    end();
  });

  it('keeps the count of OOM kills until the container is deleted', function () {
    needsLegacy(this, 'memory');
    begin(`exec ${HOG}`, hogged);
    until(() => c.runtime.state(c.bundle.id).status === 'stopped', 'the end');
    expect(kills()).to.be.greaterThan(0);
    expect(c.verb('delete')).to.include({ status: 0 });
  });

  it('lets a container that would take a whole processor have its share', () => {
    begin('while :; do :; done', { cpu: { quota: 10_000, period: 100_000 } });
    until(() => counted(value('cpu/cpu.stat'), 'nr_throttled') > 1, 'throttling');
    end();
  });

  it('lets a fork bomb have as many processes as the limit says', () => {
    begin('(while :; do sleep 1000 & done) 2>/dev/null; exec sleep 1000', { pids: { limit: 7 } });
    until(() => counted(value('pids/pids.events'), 'max') > 0, 'the limit');
    expect(Number(value('pids/pids.current'))).to.be.at.most(7);
    end();
  });

  it('tells a program that may not fork that it cannot', () => {
    const result = c.run('true & true & sleep 0', (config) => {
      config.linux.resources.pids = { limit: 1 };
    });
    expect(result.status).to.not.equal(0);
    expect(result.stderr).to.include("can't fork: Resource temporarily unavailable");
  });

  it('opens the devices that are allowed, and no others', () => {
    const nodes = 'mknod /dev/a c 1 11 && mknod /dev/b c 1 3 && mknod /dev/d c 1 5 &&';
    const tries = 'for f in a b d; do (: <>/dev/$f) 2>/dev/null && echo $f; done';
    const result = c.run(`${nodes} ${tries}; :`, (config) => {
      for (const set of ['bounding', 'effective', 'permitted']) config.process.capabilities[set].push('CAP_MKNOD');
    });
    expect(result).to.deep.include({ status: 0, stdout: 'b\nd\n' });
  });

  it('makes no node of a device that is denied by its numbers', function () {
    if (isUnified) deviates(this, 'crun', 'allows every mknod(2) by a rule of its own that comes last');
    const result = c.run('mknod /dev/a c 1 11; mknod /dev/b c 10 229', (config) => {
      for (const set of ['bounding', 'effective', 'permitted']) config.process.capabilities[set].push('CAP_MKNOD');
      config.linux.resources.devices = [
        { allow: true, access: 'rwm' },
        { allow: false, type: 'c', major: 1, minor: 11, access: 'rwm' },
      ];
    });
    expect(result.stderr).to.match(/\/dev\/a: Operation not permitted/);
    expect(result.stderr).to.not.include('/dev/b');
  });

  it('has open what is allowed, and nothing else, while limits change', function () {
    deviates(this, 'crun', 'takes the devices of an update');
    const tries =
      'while :; do : <>/dev/null || echo b >>/told; (: </dev/a) 2>/dev/null && echo a >>/told; echo >>/done; done';
    expect(
      c.create(`mknod /dev/a c 1 11 && ${tries}`, (config) => {
        for (const set of ['bounding', 'effective', 'permitted']) config.process.capabilities[set].push('CAP_MKNOD');
      }),
    ).to.include({ status: 0 });
    expect(c.verb('start')).to.include({ status: 0 });
    const done = () => (existsSync(join(c.bundle.rootfs, 'done')) ? statSync(join(c.bundle.rootfs, 'done')).size : 0);
    for (let round = 0; round < 10; round++) {
      const before = done();
      const resources = { pids: { limit: 100 + round }, devices: [{ allow: round % 2 === 0, access: 'rwm' }] };
      const update = c.runtime.run(['update', '-r', '-', c.bundle.id], { input: JSON.stringify(resources) });
      expect(update, update.stderr).to.include({ status: 0 });
      until(() => done() > before, 'a round of tries');
    }
    expect(existsSync(join(c.bundle.rootfs, 'told'))).to.equal(false);
    end();
  });

  it('has the devices of the last container in a cgroup that stays', function () {
    for (const peer of ['runc', 'crun']) deviates(this, peer, 'removes a cgroup that it has not made');
    const dir = join('/sys/fs/cgroup', isUnified ? '' : 'devices', c.bundle.cgroup);
    mkdirSync(dir, { recursive: true });
    const tries =
      'mknod /dev/l c 10 237; mknod /dev/f c 10 229; for f in l f null; do (: </dev/$f) 2>/dev/null && echo $f; done; :';
    for (const [minor, shown] of [
      [237, 'l\nnull\n'],
      [229, 'f\nnull\n'],
      [237, 'l\nnull\n'],
    ] as const) {
      const result = c.run(tries, (config) => {
        for (const set of ['bounding', 'effective', 'permitted']) config.process.capabilities[set].push('CAP_MKNOD');
        config.linux.resources.devices.push({ allow: true, type: 'c', major: 10, minor, access: 'r' });
      });
      expect(result.stdout, result.stderr).to.equal(shown);
    }
    rmdirSync(dir);
  });

  it('lets nobody have more handles of an rdma device than its limit', function () {
    const device = rdmaDevice();
    const node = '/sys/class/infiniband_verbs/uverbs0/dev';
    if (device === undefined || !existsSync(node)) {
      this.test!.title += ' [no rdma device here]';
      return this.skip();
    }
    const [major, minor] = readFileSync(node, 'utf8').split(':').map(Number);
    // IB_USER_VERBS_CMD_GET_CONTEXT (rdma/ib_user_verbs.h) for each of two descriptors, its answer where the stack ends.
    const ask = String.raw`
      while read range _ _ _ _ name; do [ "$name" != '[stack]' ] || end=0x${'$'}{range%%-*}; done </proc/self/maps
      for shift in 0 8 16 24 32 40 48 56; do answer=$answer\\$(printf %03o $((end >> shift & 255))); done
      exec 3<>/dev/uverbs 4<>/dev/uverbs
      for fd in 3 4; do printf "\0\0\0\0\4\0\2\0$answer" >&$fd && echo $fd; done; :`;
    const given = (hcaHandles: number) =>
      c.run(ask, (config) => {
        config.linux.devices = [{ path: '/dev/uverbs', type: 'c', major, minor, fileMode: 0o666 }];
        config.linux.resources.devices.push({ allow: true, type: 'c', major, minor, access: 'rw' });
        config.linux.resources.rdma = { [device]: { hcaHandles } };
      }).stdout;
    expect([0, 1, 2].map(given)).to.deep.equal(['', '3\n', '3\n4\n']);
  });
});
