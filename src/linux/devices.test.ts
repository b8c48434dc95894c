import { expect } from 'chai';
import { describe, it } from 'mocha';
import type { Spec } from '../spec/types.ts';
import { planConsole, planReopenNull } from './console.ts';
import { planDevices } from './devices.ts';

const BASE: Spec = { ociVersion: '1.3.0' };

const nodesOf = (spec: Spec) => planDevices(spec).flatMap((step) => (step.kind === 'make-devices' ? step.devices : []));

describe('the plan of devices', () => {
  it('has the six default devices and the links', () => {
    expect(nodesOf(BASE).map((node) => node.path)).to.deep.equal(
      ['null', 'zero', 'full', 'random', 'urandom', 'tty'].map((name) => `/dev/${name}`),
    );
    expect(planDevices(BASE).map((step) => step.kind)).to.deep.equal(['make-devices', 'link-devices']);
  });

  it('lets a configured device take the place of a default one, and leaves ptmx to the link', () => {
    const devices = [
      { path: '/dev/null', type: 'c' as const, major: 1, minor: 3, fileMode: 0o600, uid: 5 },
      { path: '/dev/ptmx', type: 'c' as const, major: 5, minor: 2 },
      { path: '/dev//fuse', type: 'u' as const, major: 10, minor: 229 },
    ];
    const nodes = nodesOf({ ...BASE, linux: { devices } });
    expect(nodes.filter((node) => node.path === '/dev/null')).to.have.length(1);
    expect(nodes.find((node) => node.path === '/dev/null')).to.include({ mode: 0o600, uid: 5, byDefault: false });
    expect(nodes.find((node) => node.path === '/dev/fuse')).to.include({ type: 0o20000, mode: 0o666, minor: 229 });
    expect(nodes.some((node) => node.path === '/dev/ptmx')).to.equal(false);
  });

  it('makes nothing in a /dev that is bound from the host', () => {
    const bound = (options: string[]): Spec => ({
      ...BASE,
      mounts: [{ destination: '/dev/', source: '/dev', options }],
    });
    expect(planDevices(bound(['rbind']))).to.deep.equal([]);
    expect(planReopenNull(bound(['bind', 'ro']))).to.deep.equal([]);
    expect(planDevices({ ...BASE, mounts: [{ destination: '/dev', type: 'tmpfs' }] })).to.have.length(2);
  });

  it('binds the console with a terminal, and looks at the null streams without', () => {
    const process = (terminal: boolean) => ({ terminal, cwd: '/', user: { uid: 0, gid: 0 } });
    expect(planConsole({ ...BASE, process: process(true) })).to.deep.equal([{ kind: 'bind-console' }]);
    expect(planReopenNull({ ...BASE, process: process(true) })).to.deep.equal([]);
    expect(planConsole({ ...BASE, process: process(false) })).to.deep.equal([]);
    expect(planReopenNull({ ...BASE, process: process(false) })).to.deep.equal([{ kind: 'reopen-null' }]);
  });
});
