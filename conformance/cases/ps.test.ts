// ps: the container's processes by their pids on the host.

import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { useCase } from '../harness/case.ts';
import { cgroupFile } from '../harness/cgroup.ts';
import { deviates } from '../harness/runtime.ts';
import { until } from '../harness/until.ts';

describe('ps', () => {
  const c = useCase();
  const ps = (...args: string[]) => c.runtime.run(['ps', ...args]);
  const pids = () =>
    readFileSync(cgroupFile(c.bundle, 'pids/cgroup.procs'), 'utf8').trim().split('\n').map(Number).sort();

  it("lists the kernel's pids as JSON", () => {
    c.create('sleep 100 & sleep 100 & wait');
    c.verb('start');
    until(() => pids().length === 3, 'three processes');
    const { status, stdout } = ps('--format', 'json', c.bundle.id);
    expect(status).to.equal(0);
    expect((JSON.parse(stdout) as number[]).sort()).to.deep.equal(pids());
    c.verb('delete', '--force');
  });

  it("filters the host's table, with its header and with ps's own options", function () {
    deviates(this, 'crun', 'takes no options of ps');
    c.create('sleep 100 & wait');
    c.verb('start');
    until(() => pids().length === 2, 'two processes');
    const [header, ...rows] = ps(c.bundle.id).stdout.trimEnd().split('\n');
    expect(header).to.match(/^UID +PID +PPID /);
    expect(rows.map((row) => Number(row.trim().split(/ +/)[1])).sort()).to.deep.equal(pids());
    const own = ps(c.bundle.id, '-e', '-o', 'pid,comm').stdout.trimEnd().split('\n');
    expect(own[0]).to.match(/^ +PID COMMAND$/);
    expect(own).to.have.length(3);
    expect(own[1]).to.match(/sleep|sh/);
    c.verb('delete', '--force');
  });

  it('has the header alone of a stopped container, and no pids', function () {
    deviates(this, 'crun', 'refuses a stopped container');
    c.create('true');
    c.verb('start');
    until(() => c.runtime.state(c.bundle.id).status === 'stopped', 'the end');
    expect(ps(c.bundle.id).stdout).to.match(/^UID +PID .*\n$/);
    expect(ps('-f', 'json', c.bundle.id).stdout).to.equal('null\n');
    c.verb('delete');
  });

  it('refuses an unknown container, a format that is none, a table without pids, and options that ps refuses', function () {
    deviates(this, 'crun', 'has other words');
    expect(ps(c.bundle.id).stderr).to.include('container does not exist');
    expect(ps()).to.include({ status: 1 });
    c.create('true');
    expect(ps('-f', 'xml', c.bundle.id)).to.include({ status: 1 });
    expect(ps('-f', 'xml', c.bundle.id).stderr).to.include('invalid format option');
    expect(ps(c.bundle.id, '-e', '-o', 'comm').stderr).to.include("couldn't find PID field in ps output");
    expect(ps(c.bundle.id, '--nosuch').stderr).to.include('exit status 1');
    c.verb('delete');
  });
});
