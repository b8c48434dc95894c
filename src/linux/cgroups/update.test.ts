// An update that says half of what belongs together.

import { expect } from 'chai';
import { describe, it } from 'mocha';
import type { LinuxResources } from '../../spec/types.ts';
import { withWholeBandwidth } from './update.ts';

describe('an update', () => {
  const held = { quota: 20_000n, period: 50_000n };
  const whole = (resources: LinuxResources) => withWholeBandwidth(resources, held);

  it('has the half of quota and period that it does not say from the kernel', () => {
    expect(whole({ cpu: { quota: 5 } })).to.deep.equal({ cpu: { quota: 5, period: 50_000n } });
    expect(whole({ cpu: { period: 5, quota: 0 } })).to.deep.equal({ cpu: { period: 5, quota: 20_000n } });
    for (const cpu of [{ shares: 7 }, { quota: 5, period: 6 }]) expect(whole({ cpu })).to.deep.equal({ cpu });
    expect(whole({ pids: { limit: 1 } })).to.deep.equal({ pids: { limit: 1 } });
  });

  it('has the period of `cpu.max` from beside it, or from the kernel', () => {
    const maxOf = (max: string, cpu = {}) => whole({ cpu, unified: { 'cpu.max': max } }).unified?.['cpu.max'];
    expect(maxOf('7000')).to.equal('7000 50000');
    expect(maxOf('max')).to.equal('max 50000');
    expect(maxOf('7000 9000', { period: 5 })).to.equal('7000 9000');
    expect(maxOf('7000', { period: 6000 })).to.equal('7000 6000');
  });
});
