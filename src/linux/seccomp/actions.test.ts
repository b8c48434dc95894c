// The flags of a profile, as seccomp(2) gets them.

import { expect } from 'chai';
import { describe, it } from 'mocha';
import * as k from '../sys/constants.ts';
import { flagsOf } from './actions.ts';

describe('flags of a seccomp profile', () => {
  it('are SPEC_ALLOW where it names none, and nothing where its list is empty', () => {
    expect(flagsOf(undefined)).to.equal(k.SECCOMP_FILTER_FLAG_SPEC_ALLOW);
    expect(flagsOf([])).to.equal(0);
  });

  it('are what it names, but for TSYNC, and no others', () => {
    const names = ['SECCOMP_FILTER_FLAG_LOG', 'SECCOMP_FILTER_FLAG_TSYNC'];
    expect(flagsOf(names)).to.equal(k.SECCOMP_FILTER_FLAG_LOG);
    expect(() => flagsOf(['SECCOMP_FILTER_FLAG_NONE'])).to.throw('unknown seccomp flag "SECCOMP_FILTER_FLAG_NONE"');
  });
});
