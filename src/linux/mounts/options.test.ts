import { expect } from 'chai';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import * as k from '../sys/constants.ts';
import { bindAttributes, newMountAttributes, superBlockWords } from './attributes.ts';
import { mountOptionNames, parseMountOptions, propagationFlags } from './options.ts';

describe('mount options', () => {
  it('know every name of config.md', () => {
    const must =
      'async atime bind defaults dev diratime dirsync exec iversion lazytime loud noatime nodev nodiratime noexec';
    const more =
      'noiversion nolazytime norelatime nostrictatime nosuid private rbind relatime remount ro rprivate rshared';
    const rest =
      'rslave runbindable rw shared silent slave strictatime suid sync unbindable nosymfollow symfollow mand nomand';
    const recursive =
      'ratime rdev rdiratime rexec rnoatime rnodev rnodiratime rnoexec rnorelatime rnostrictatime rnosuid';
    const last = 'rnosymfollow rrelatime rro rrw rstrictatime rsuid rsymfollow idmap ridmap tmpcopyup';
    const names = [must, more, rest, recursive, last].flatMap((line) => line.split(' ')).sort();
    expect(mountOptionNames()).to.deep.equal(names);
  });

  it('let the last of two contradicting words win', () => {
    expect(parseMountOptions(['ro', 'rw']).flags & k.MS_RDONLY).to.equal(0);
    expect(parseMountOptions(['rw', 'ro']).flags & k.MS_RDONLY).to.equal(k.MS_RDONLY);
    expect(parseMountOptions(['rro', 'rrw']).recursive).to.deep.equal({ set: 0, clear: k.MOUNT_ATTR_RDONLY });
    expect(parseMountOptions(['rnoatime', 'rstrictatime']).recursive).to.deep.equal({
      set: k.MOUNT_ATTR_STRICTATIME,
      clear: k.MOUNT_ATTR__ATIME,
    });
  });

  it('leave unknown words, in their order, to the file system', () => {
    const { data, flags } = parseMountOptions(['size=64m', 'nosuid', 'constructor', '__proto__', '', 'mode=755']);
    expect(data).to.deep.equal(['size=64m', 'constructor', '__proto__', 'mode=755']);
    expect(flags).to.equal(k.MS_NOSUID);
  });

  it('keep propagation out of the flags', () => {
    const { flags, propagation } = parseMountOptions(['rbind', 'rprivate', 'shared']);
    expect(flags).to.equal(k.MS_BIND | k.MS_REC);
    expect(propagation).to.deep.equal([k.MS_PRIVATE | k.MS_REC, k.MS_SHARED]);
    expect(propagationFlags('rslave')).to.equal(k.MS_SLAVE | k.MS_REC);
    expect(propagationFlags('toString')).to.equal(undefined);
  });

  it('never give the kernel an access-time field in part, nor a bit to set and clear at once', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...mountOptionNames())), (words) => {
        const options = parseMountOptions(words);
        const bind = bindAttributes(options.flags, options.cleared);
        for (const change of [options.recursive, bind ?? { set: 0, clear: 0 }]) {
          const field = change.clear & k.MOUNT_ATTR__ATIME;
          expect(field === 0 || field === k.MOUNT_ATTR__ATIME).to.equal(true);
          if ((change.set & k.MOUNT_ATTR__ATIME) !== 0) expect(field).to.equal(k.MOUNT_ATTR__ATIME);
          expect(change.set & change.clear & ~k.MOUNT_ATTR__ATIME).to.equal(0);
        }
      }),
    );
  });
});

describe('mount attributes', () => {
  it('follow mount(2) in precedence of the access times', () => {
    expect(newMountAttributes(0)).to.equal(k.MOUNT_ATTR_RELATIME);
    expect(newMountAttributes(k.MS_NOATIME | k.MS_RELATIME)).to.equal(k.MOUNT_ATTR_NOATIME);
    expect(newMountAttributes(k.MS_NOATIME | k.MS_STRICTATIME)).to.equal(k.MOUNT_ATTR_STRICTATIME);
    expect(newMountAttributes(k.MS_NODIRATIME)).to.equal(k.MOUNT_ATTR_NODIRATIME);
  });

  it('leave a bind mount alone when no attribute is named', () => {
    const { flags, cleared } = parseMountOptions(['rbind', 'rprivate']);
    expect(bindAttributes(flags, cleared)).to.equal(undefined);
  });

  it('take from a bind mount what is not named, but for the access times', () => {
    const { flags, cleared } = parseMountOptions(['bind', 'ro', 'dev']);
    const change = bindAttributes(flags, cleared);
    expect(change?.set).to.equal(k.MOUNT_ATTR_RDONLY);
    expect((change?.clear ?? 0) & k.MOUNT_ATTR__ATIME).to.equal(0);
    expect((change?.clear ?? 0) & k.MOUNT_ATTR_NOSUID).to.equal(k.MOUNT_ATTR_NOSUID);
    expect(change?.explicit).to.equal(k.MOUNT_ATTR_NODEV);
  });

  it('say the super block flags in the words of fsconfig(2)', () => {
    expect(superBlockWords(k.MS_RDONLY | k.MS_SYNCHRONOUS | k.MS_NOSUID)).to.deep.equal(['ro', 'sync']);
  });
});
