import { expect } from 'chai';
import { describe, it } from 'mocha';
import { parseDuration } from './duration.ts';

describe('parseDuration', () => {
  for (const [text, ms] of [
    ['5s', 5000],
    ['1m30s', 90_000],
    ['1.5h', 5_400_000],
    ['250ms', 250],
    ['1us', 1],
  ] as const) {
    it(`reads ${text}`, () => {
      expect(parseDuration(text, 'interval')).to.equal(ms);
    });
  }

  for (const [texts, words] of [
    [['', '5', 's', '-', '5x', '1s ', '--1s'], /parse error/],
    [['0', '0s', '-1s', '-0'], /greater than 0/],
  ] as const) {
    for (const text of texts) {
      it(`refuses ${JSON.stringify(text)}`, () => {
        expect(() => parseDuration(text, 'interval')).to.throw(words);
      });
    }
  }
});
