import { expect } from 'chai';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { formatTime } from './time.ts';

describe('formatTime', () => {
  it('writes the same instant as the language itself', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 253_402_300_799 }), (seconds) => {
        expect(formatTime(seconds, 0)).to.equal(new Date(seconds * 1000).toISOString().replace('.000Z', 'Z'));
      }),
    );
  });

  it('keeps nanoseconds without trailing zeros', () => {
    expect(formatTime(0, 120_000_000)).to.equal('1970-01-01T00:00:00.12Z');
    expect(formatTime(0, 1)).to.equal('1970-01-01T00:00:00.000000001Z');
  });
});
