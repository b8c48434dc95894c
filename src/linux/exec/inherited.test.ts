import { expect } from 'chai';
import { describe, it } from 'mocha';
import { completed, inheritedFrom } from './inherited.ts';

describe('completed', () => {
  const process = { cwd: '/', args: ['true'] };
  const capabilities = { bounding: ['CAP_KILL'] };
  const container = { ...process, capabilities, apparmorProfile: 'p', selinuxLabel: '', noNewPrivileges: true };

  it('gives what is not said, or empty, and nothing that every process has to say for itself', () => {
    expect(inheritedFrom(container)).to.deep.equal({ capabilities, apparmorProfile: 'p' });
    const whole = completed({ ...process, apparmorProfile: '' }, inheritedFrom(container));
    expect(whole).to.deep.equal({ ...process, capabilities, apparmorProfile: 'p' });
  });

  it('leaves what is said', () => {
    const own = { ...process, capabilities: {}, apparmorProfile: 'q' };
    expect(completed(own, inheritedFrom(container))).to.deep.equal(own);
    expect(completed(process, inheritedFrom(undefined))).to.deep.equal(process);
  });
});
