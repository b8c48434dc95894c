import { expect } from 'chai';
import { describe, it } from 'mocha';
import { planSysctls, sysctlPath } from './sysctl.ts';

describe('sysctl keys', () => {
  it('are read as sysctl(8) reads them', () => {
    expect(sysctlPath('net.ipv4.ip_forward')).to.equal('net/ipv4/ip_forward');
    expect(sysctlPath('net/ipv4/ip_forward')).to.equal('net/ipv4/ip_forward');
    expect(sysctlPath('net/ipv4/conf/eth0.100/forwarding')).to.equal('net/ipv4/conf/eth0.100/forwarding');
    expect(sysctlPath('net.ipv4.conf.eth0/100.forwarding')).to.equal('net/ipv4/conf/eth0.100/forwarding');
  });

  it('never lead out of /proc/sys', () => {
    for (const key of ['', '..', '../sysrq-trigger', 'net/../../sysrq', '/kernel/x', 'kernel..x', './x', 'net/.']) {
      expect(sysctlPath(key), key).to.equal(undefined);
    }
    expect(() => planSysctls({ ociVersion: '1.3.0', linux: { sysctl: { '../x': '1' } } })).to.throw('is not a key');
  });
});
