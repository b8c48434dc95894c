import { expect } from 'chai';
import { describe, it } from 'mocha';
import type { Spec } from '../spec/types.ts';
import { planMaskSource, planMasks } from './masks.ts';
import { cleanPath, isAtOrBelow, splitPath } from './names.ts';
import {
  planHostRootfs,
  planPivot,
  planPropagation,
  planRootfs,
  planRootPropagation,
  planRootReadonly,
} from './rootfs.ts';
import * as k from './sys/constants.ts';
import { planUts } from './uts.ts';

const specOf = (linux: Spec['linux'] = {}, more: Partial<Spec> = {}): Spec => ({
  ociVersion: '1.3.0',
  root: { path: 'rootfs' },
  linux: { namespaces: [{ type: 'mount' }], ...linux },
  ...more,
});

describe('the plan of the rootfs', () => {
  it('makes the host a master when nothing is said', () => {
    expect(planPropagation(specOf())).to.deep.equal([{ kind: 'set-propagation', flags: k.MS_SLAVE | k.MS_REC }]);
    expect(planRootPropagation(specOf(), '/b')).to.deep.equal([]);
    expect(planPivot(specOf(), false)).to.deep.equal([{ kind: 'pivot-root', shared: false }]);
  });

  it('keeps the host from losing its mounts when they are shared with ours', () => {
    const spec = specOf({ rootfsPropagation: 'shared' });
    expect(planPivot(spec, false)).to.deep.equal([{ kind: 'pivot-root', shared: true }]);
    expect(planRootfs(spec, '/b')[0]).to.include({
      path: '/b/rootfs',
      privateParent: true,
      isPrivate: false,
      bind: true,
    });
    expect(planRootPropagation(spec, '/b')).to.deep.equal([{ kind: 'root-propagation', flags: k.MS_SHARED }]);
  });

  it('refuses what is no propagation, and a private one without pivot_root', () => {
    expect(() => planPropagation(specOf({ rootfsPropagation: 'bogus' as 'slave' }))).to.throw('is not a propagation');
    expect(() => planPivot(specOf({ rootfsPropagation: 'rprivate' as 'private' }), true)).to.throw('not safe');
    expect(planPivot(specOf(), true)).to.deep.equal([{ kind: 'move-root' }]);
  });

  it("makes a mount of the root among the host's without a mount namespace, and touches no other", () => {
    const spec = specOf({ namespaces: [] }, { root: { path: '/abs/./root', readonly: true } });
    expect(planPropagation(spec)).to.deep.equal([]);
    expect(planHostRootfs(spec, '/b')).to.deep.equal([{ kind: 'mount-rootfs', path: '/abs/root' }]);
    expect(planRootfs(spec, '/b')[0]).to.include({ path: '/abs/root', bind: false });
    expect(planPivot(spec, false)).to.deep.equal([{ kind: 'change-root' }]);
    expect(planRootReadonly(spec, '/b')).to.deep.equal([{ kind: 'root-readonly' }]);
    expect(planHostRootfs(specOf(), '/b')).to.deep.equal([]);
  });

  it('leaves the host\'s own "/" alone', () => {
    const spec = specOf({ namespaces: [], rootfsPropagation: 'shared' }, { root: { path: '/', readonly: true } });
    const steps = [planHostRootfs, planRootPropagation, planRootReadonly].flatMap((plan) => [...plan(spec, '/b')]);
    expect(steps).to.deep.equal([]);
  });

  it('masks after it makes read-only, and opens the mask only when there is need', () => {
    const spec = specOf({ maskedPaths: ['/proc/kcore'], readonlyPaths: ['/proc/sys/'] });
    expect(planMasks(spec).map((step) => step.kind)).to.deep.equal(['readonly-paths', 'mask-paths']);
    expect(planMasks(spec)[0]).to.deep.equal({ kind: 'readonly-paths', paths: ['/proc/sys'] });
    expect(planMaskSource(spec)).to.have.length(1);
    expect([...planMasks(specOf()), ...planMaskSource(specOf())]).to.deep.equal([]);
  });

  it('names the host only when it has a name', () => {
    expect(planUts(specOf({}, { hostname: '', domainname: 'd' }))).to.deep.equal([
      { kind: 'set-domainname', name: 'd' },
    ]);
  });
});

describe('names', () => {
  it('are cleaned by their text', () => {
    expect(['', '/', 'a//b/./c/', '/a/../../b', '/..'].map(cleanPath)).to.deep.equal(['/', '/', '/a/b/c', '/b', '/']);
    expect(splitPath('/a/b')).to.deep.equal({ folder: '/a', name: 'b' });
    expect(splitPath('/a')).to.deep.equal({ folder: '/', name: 'a' });
    expect([isAtOrBelow('/ab', '/a'), isAtOrBelow('/a/b', '/a'), isAtOrBelow('/x', '/')]).to.deep.equal([
      false,
      true,
      true,
    ]);
  });
});
