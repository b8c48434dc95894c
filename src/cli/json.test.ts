import { expect } from 'chai';
import { describe, it } from 'mocha';
import { printJson } from './json.ts';

describe('printJson', () => {
  it('keeps 64 bits', () => {
    expect(printJson({ a: 18446744073709551615n, b: [1n, 2], c: 'x"y' })).to.equal(
      '{"a":18446744073709551615,"b":[1,2],"c":"x\\"y"}',
    );
  });

  it('indents as JSON.stringify does', () => {
    expect(printJson({ a: { b: 1n } }, 2)).to.equal(JSON.stringify({ a: { b: 1 } }, null, 2));
  });
});
