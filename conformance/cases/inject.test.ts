// dist/tsoci-inject (`node --import tsx scripts/build.ts --inject`) fails at step TSOCI_FAIL_STEP: nothing may stay behind.

import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { expect } from 'chai';
import { before, describe, it } from 'mocha';
import { useCase } from '../harness/case.ts';
import { expectNothingLeft } from '../harness/leftovers.ts';
import { isTsoci } from '../harness/runtime.ts';

const PROGRAM = resolve('dist/tsoci-inject');
/** Far beyond the plan's length. */
const MOST = 500;

describe('a step that fails', () => {
  before(function () {
    if (isTsoci && existsSync(PROGRAM)) return;
    console.log(`    skipped: ${isTsoci ? 'dist/tsoci-inject is not built' : 'only tsoci can be made to fail'}`);
    this.skip();
  });
  const c = useCase(PROGRAM);

  it('leaves nothing behind, whichever it is', function () {
    this.timeout(120_000);
    let step = 1;
    for (; step < MOST; step++) {
      const env = { TSOCI_FAIL_STEP: String(step) };
      const created = c.create('exec sleep 100', () => {}, { env });
      if (created.status === 0) break;
      expect(created, `step ${step}`).to.include({ status: 1 });
      expect(created.stderr, `step ${step}`).to.match(/ \(step \d+ of \d+\): injected failure"?\n$/);
      expectNothingLeft(c.bundle, c.runtime);
    }
    c.verb('delete', '--force');
    expect(step).to.be.within(10, MOST - 1);
  });

  it('leaves no process in the container that exec has entered', function () {
    this.timeout(120_000);
    expect(c.create('exec sleep 100')).to.include({ status: 0 });
    c.verb('start');
    const { pid } = c.runtime.state(c.bundle.id);
    let step = 1;
    for (; step < MOST; step++) {
      const env = { TSOCI_FAIL_STEP: String(step) };
      const entered = c.runtime.run(['exec', c.bundle.id, '/bin/true'], { env });
      if (entered.status === 0) break;
      expect(entered, `step ${step}`).to.include({ status: 255 });
      expect(entered.stderr, `step ${step}`).to.match(/ \(step \d+ of \d+\): injected failure"?\n$/);
      expect(c.runtime.run(['ps', '--format', 'json', c.bundle.id]).stdout).to.equal(`[${pid}]\n`);
    }
    c.verb('delete', '--force');
    expect(step).to.be.within(10, MOST - 1);
  });
});
