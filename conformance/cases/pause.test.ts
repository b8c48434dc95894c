// pause and resume: no part of the specification, but of every engine.

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { useCase } from '../harness/case.ts';
import { cgroupValue, isUnified } from '../harness/cgroup.ts';
import { deviates } from '../harness/runtime.ts';
import { until } from '../harness/until.ts';

describe('pause and resume', () => {
  const c = useCase();
  const status = () => c.runtime.state(c.bundle.id).status;
  const frozen = () => {
    const text = cgroupValue(c.bundle, 'freezer/freezer.state', 'cgroup.events');
    return isUnified ? /^frozen 1$/m.test(text) : text === 'FROZEN';
  };
  const begin = (script = 'exec sleep 100') => {
    expect(c.create(script)).to.include({ status: 0 });
    expect(c.verb('start')).to.include({ status: 0 });
  };

  it('stands still when pause returns, and goes on with resume', () => {
    begin('trap "echo got > /got; exit 0" USR1; echo > /ready; while :; do sleep 0.05; done');
    until(() => existsSync(join(c.bundle.rootfs, 'ready')), 'the trap');
    expect(c.verb('pause')).to.include({ status: 0, stderr: '' });
    expect(frozen()).to.equal(true);
    expect(status()).to.equal('paused');
    expect(c.verb('kill', 'USR1')).to.include({ status: 0 });
    expect(existsSync(join(c.bundle.rootfs, 'got'))).to.equal(false);
    expect(c.verb('resume')).to.include({ status: 0, stderr: '' });
    until(() => status() === 'stopped', 'the signal that was sent to the paused container');
    expect(existsSync(join(c.bundle.rootfs, 'got'))).to.equal(true);
    c.verb('delete');
  });

  it('goes back to what it was: a created container is created again', function () {
    deviates(this, 'crun', 'pauses no container that is only created');
    c.create('exec sleep 100');
    expect(c.verb('pause')).to.include({ status: 0 });
    expect(status()).to.equal('paused');
    expect(c.verb('start')).to.include({ status: 1 });
    expect(c.verb('resume')).to.include({ status: 0 });
    expect(status()).to.equal('created');
    c.verb('delete', '--force');
  });

  it('pauses again and again', () => {
    begin();
    for (let round = 0; round < 20; round++) {
      expect(c.verb('pause')).to.include({ status: 0 });
      expect(frozen(), `round ${round}`).to.equal(true);
      expect(c.verb('resume')).to.include({ status: 0 });
      expect(frozen(), `round ${round}`).to.equal(false);
    }
    c.verb('delete', '--force');
  });

  it("refuses what does not fit the status, with runc's words", function () {
    deviates(this, 'crun', 'has other words');
    begin();
    expect(c.verb('resume')).to.include({ status: 1 });
    expect(c.verb('resume').stderr).to.include('container not paused');
    c.verb('pause');
    expect(c.verb('pause').stderr).to.include('container not running');
    expect(c.verb('start').stderr).to.include('cannot start a container in the paused state');
    expect(c.verb('delete').stderr).to.include('that is not stopped: paused');
    expect(status()).to.equal('paused');
    c.verb('resume');
    c.verb('kill', 'KILL');
    until(() => status() === 'stopped', 'the end');
    expect(c.verb('pause').stderr).to.include('container not running');
    expect(c.verb('resume').stderr).to.include('container not paused');
    c.verb('delete');
    for (const verb of ['pause', 'resume']) expect(c.verb(verb).stderr).to.include('container does not exist');
  });

  it('ends a paused container by SIGKILL, and by delete --force', () => {
    begin();
    c.verb('pause');
    expect(c.verb('kill', 'KILL')).to.include({ status: 0 });
    until(() => status() === 'stopped', 'the end of the paused container');
    expect(c.verb('delete')).to.include({ status: 0 });
    begin();
    c.verb('pause');
    expect(c.verb('delete', '--force')).to.include({ status: 0 });
  });
});
