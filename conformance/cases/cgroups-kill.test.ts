// cgroup.kill of v2 ends a whole tree at once; where it is not to be had, each process is ended from a standstill.

import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { beforeEach, describe, it } from 'mocha';
import { useCase } from '../harness/case.ts';
import { isUnified } from '../harness/cgroup.ts';
import { deviates } from '../harness/runtime.ts';
import { until } from '../harness/until.ts';

/** Processes that make others as long as they may. */
const FORKING = '(while :; do sleep 0.02 & done) 2>/dev/null & (while :; do sleep 0.02 & done) 2>/dev/null; sleep 1000';

describe('cgroups: cgroup.kill', () => {
  const c = useCase();
  beforeEach(function () {
    if (!isUnified) this.skip();
  });
  const dir = () => join('/sys/fs/cgroup', c.bundle.cgroup);
  const processes = () => readFileSync(join(dir(), 'cgroup.procs'), 'utf8');

  const begin = (): void => {
    const made = c.create(FORKING, (config) => {
      config.linux.resources.pids = { limit: 30 };
    });
    expect(made).to.include({ status: 0 });
    expect(c.verb('start')).to.include({ status: 0 });
    until(() => processes().split('\n').length > 10, 'processes');
  };

  /** `kill --all KILL`, behind the words of another command. */
  const killAll = (...before: string[]): void => {
    const [program, words] = c.runtime.line(['kill', '--all', c.bundle.id, 'KILL']);
    const [first = '', ...rest] = [...before, program, ...words];
    const { status, stderr } = spawnSync(first, rest, { encoding: 'utf8', timeout: 20_000 });
    expect(status, stderr).to.equal(0);
    until(() => processes() === '', 'the end of all');
    expect(c.verb('delete')).to.include({ status: 0 });
  };

  it('is used where it is there', function () {
    deviates(this, 'runc', '1.1 does not know it');
    if (!existsSync('/usr/bin/strace')) this.skip();
    begin();
    const log = join(c.bundle.dir, 'strace');
    killAll('strace', '-f', '-o', log, '-e', 'trace=openat,openat2,write');
    expect(readFileSync(log, 'utf8')).to.match(/cgroup\.kill/);
  });

  it('is done without where it is not', () => {
    begin();
    const other = join(c.bundle.dir, 'other');
    writeFileSync(other, '');
    const file = join(dir(), 'cgroup.kill');
    const hide = `mount --make-rprivate / && mount --bind ${other} ${file} && mount -o remount,bind,ro ${file} && exec "$@"`;
    killAll('unshare', '-m', 'sh', '-c', hide, 'sh');
    expect(readFileSync(other, 'utf8')).to.equal('');
  });
});
