// config.md#process, "execCPUAffinity", and that nobody inherits the CPUs of the runtime's caller.

import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { before, describe, it } from 'mocha';
import { baseConfig, writeConfig } from '../harness/bundle.ts';
import { useCase } from '../harness/case.ts';
import { deviates, type Result } from '../harness/runtime.ts';

const allowed = (status: string): string => /^Cpus_allowed_list:\t(.*)$/m.exec(status)?.[1] ?? '';
const ours = allowed(readFileSync('/proc/self/status', 'utf8'));
/** Numbers of the first and the last CPU that we may use. */
const [first = '0', last = '0'] = [/^[0-9]+/, /[0-9]+$/].map((end) => end.exec(ours)?.[0]);

describe('CPU affinity', () => {
  const c = useCase();

  before(function () {
    if (first === last) this.skip(); // there is no choice of CPUs
  });

  const STATUS = ['/bin/cat', '/proc/self/status'];

  /** Runs the runtime on CPU `cpu` alone. */
  function pinned(cpu: string, ...args: string[]): string {
    const [program, words] = c.runtime.line(args);
    const { status, stdout, stderr } = spawnSync('taskset', ['-c', cpu, program, ...words], { encoding: 'utf8' });
    expect({ status, stderr }).to.include({ status: 0 });
    return allowed(stdout);
  }

  /** A sleeping container, whose cgroup allows `cpus` where they are given. */
  function start(cpus?: string): void {
    c.create('exec sleep 100', (config) => {
      if (cpus !== undefined) config.linux.resources.cpu = { cpus, mems: '0' };
    });
    c.verb('start');
  }

  /** `execCPUAffinity` in a process document. */
  function exec(affinity: object): Result {
    const path = join(c.bundle.dir, 'process.json');
    const user = { uid: 0, gid: 0 };
    writeFileSync(path, JSON.stringify({ cwd: '/', user, args: STATUS, execCPUAffinity: affinity }));
    return c.runtime.run(['exec', '--process', path, c.bundle.id]);
  }

  for (const cpus of [undefined, last]) {
    const what = cpus === undefined ? 'every CPU' : 'the CPUs of its cgroup';
    it(`is ${what}, whatever the caller's is`, function () {
      deviates(this, 'runc', "1.1 leaves the caller's");
      deviates(this, 'crun', "1.8 leaves the caller's");
      start(cpus);
      const pid = c.runtime.state(c.bundle.id).pid;
      const expected = cpus ?? ours;
      expect(allowed(readFileSync(`/proc/${pid}/status`, 'utf8'))).to.equal(expected);
      expect(pinned(first, 'exec', c.bundle.id, ...STATUS), 'exec').to.equal(expected);
      c.verb('delete', '--force');
    });
  }

  it("is not the caller's in the first process either", function () {
    deviates(this, 'runc', "1.1 leaves the caller's");
    deviates(this, 'crun', "1.8 leaves the caller's");
    writeConfig(c.bundle, baseConfig(c.bundle, 'cat /proc/self/status'));
    expect(pinned(first, 'run', '--bundle', c.bundle.dir, c.bundle.id)).to.equal(ours);
  });

  it('of one more process is what its document says last', function () {
    deviates(this, 'runc', '1.1 does not know execCPUAffinity');
    deviates(this, 'crun', '1.8 does not know execCPUAffinity');
    start();
    expect(allowed(exec({ initial: first, final: last }).stdout)).to.equal(last);
    expect(allowed(exec({ final: first }).stdout)).to.equal(first);
    expect(allowed(exec({ initial: last }).stdout)).to.equal(last);
    c.verb('delete', '--force');
  });
});
