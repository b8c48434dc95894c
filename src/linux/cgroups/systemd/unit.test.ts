// cgroupsPath as a unit, addresses of the environment, annotations as properties.

import { expect } from 'chai';
import { describe, it } from 'mocha';
import { addressesOf, socketsOf } from './addresses.ts';
import { annotatedProperties } from './annotations.ts';
import { parseVariant } from './gvariant.ts';
import { pathOfUnit, unitOf } from './unit.ts';

const place = (path?: string): string => pathOfUnit(unitOf(path, 'id', 'system.slice'));

describe('unitOf', () => {
  it('names scopes by prefix and name, below their slices', () => {
    expect(place()).to.equal('/system.slice/tsoci-id.scope');
    expect(place(':docker:1f')).to.equal('/system.slice/docker-1f.scope');
    expect(place('user-1.slice:p:n')).to.equal('/user.slice/user-1.slice/p-n.scope');
    expect(place('-.slice:p:n')).to.equal('/p-n.scope');
    expect(place('-:p:n')).to.equal('/p-n.scope');
  });

  it('takes a name that is a slice as it is', () => {
    expect(unitOf('system.slice:p:a-b.slice', 'id', '')).to.deep.include({ name: 'a-b.slice', isSlice: true });
    expect(place('system.slice:p:a-b.slice')).to.equal('/a.slice/a-b.slice');
  });

  it('refuses other forms, and names that would lead elsewhere', () => {
    expect(() => place('/a/b')).to.throw(
      'expected cgroupsPath to be of format "slice:prefix:name" for systemd cgroups, got "/a/b" instead',
    );
    for (const path of ['a:b', 'a:b:c:d', 'x:p:n', '../x.slice:p:n', 'a--b.slice:p:n', '-a.slice:p:n', '.slice:p:n']) {
      expect(() => place(path), path).to.throw(/format|invalid/);
    }
    for (const path of [':p:../../x', ':p/q:n', ':p:a b', `:p:${'x'.repeat(300)}`]) {
      expect(() => place(path), path).to.throw(/invalid systemd unit name/);
    }
  });
});

describe('addressesOf', () => {
  it('takes those of the environment before all', () => {
    expect(socketsOf('tcp:host=a;unix:path=/run/a%20b,guid=1;unix:abstract=x;unix:path=/c')).to.deep.equal([
      '/run/a b',
      '/c',
    ]);
    expect(addressesOf('user', () => 'unix:path=/x', false)).to.deep.equal([{ path: '/x', direct: false }]);
  });

  it('asks systemd itself where that is allowed', () => {
    const none = () => '';
    expect(addressesOf('system', none, true)[0]).to.deep.equal({ path: '/run/systemd/private', direct: true });
    expect(addressesOf('system', none, false).map(({ direct }) => direct)).to.deep.equal([false]);
    expect(addressesOf('user', none, false)).to.deep.equal([]);
    const folder = (name: string) => (name === 'XDG_RUNTIME_DIR' ? '/run/user/1' : '');
    expect(addressesOf('user', folder, false)[0]).to.deep.equal({ path: '/run/user/1/bus', direct: false });
  });
});

describe('annotations of systemd', () => {
  const one = (name: string, text: string) =>
    annotatedProperties({ [`org.systemd.property.${name}`]: text, other: '' })[0];

  it('reads the text form of GVariant', () => {
    expect(parseVariant("'a\\'b'")).to.deep.equal({ signature: 's', value: "a'b" });
    expect(parseVariant('uint64 18446744073709551615')).to.deep.equal({ signature: 't', value: 2n ** 64n - 1n });
    expect(parseVariant('-0x10')).to.deep.equal({ signature: 'i', value: -16n });
    expect(parseVariant('[byte 1, 2]')).to.deep.equal({ signature: 'ay', value: [1n, 2n] });
    expect(parseVariant('@as []')).to.deep.equal({ signature: 'as', value: [] });
    expect(parseVariant("(true, <'x'>, 1.5)")).to.deep.equal({
      signature: '(bvd)',
      value: [true, { signature: 's', value: 'x' }, 1.5],
    });
    for (const text of ['', '[', "'a", '[]', 'byte 256', 'byte 1.5', 'maybe', '1 2', "[1, 'a']", '<1', 'uint32 -1']) {
      expect(() => parseVariant(text), text).to.throw();
    }
  });

  it('takes seconds as microseconds', () => {
    expect(one('TimeoutStopSec', '5')).to.deep.equal({ name: 'TimeoutStopUSec', signature: 't', value: 5_000_000n });
    expect(one('RuntimeMaxSec', '1.5')).to.deep.equal({ name: 'RuntimeMaxUSec', signature: 't', value: 1_500_000n });
    expect(one('RuntimeMaxUSec', 'uint64 7')).to.deep.equal({ name: 'RuntimeMaxUSec', signature: 't', value: 7n });
    expect(() => one('TimeoutStopSec', "'5'")).to.throw(/value parse error/);
    expect(() => one('TimeoutStopSec', '-1')).to.throw(/out of range/);
  });

  it('lets nobody command systemd', () => {
    for (const name of [
      'FailureAction',
      'OnFailure',
      'Wants',
      'Requires',
      'Conflicts',
      'DevicePolicy',
      'Slice',
      'PIDs',
    ]) {
      expect(() => one(name, "'x'"), name).to.throw(/may not set/);
    }
    expect(() => one('Ab', '1')).to.throw(/too short/);
    expect(() => one('Kill-Mode', '1')).to.throw(/non-alphabetic/);
    expect(annotatedProperties(undefined)).to.deep.equal([]);
  });
});
