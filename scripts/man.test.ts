import { spawnSync } from 'node:child_process';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { COMMANDS } from '../src/cli/commands.ts';
import { manPage } from './man.ts';

describe('the manual page', () => {
  it('has a section for every command', () => {
    for (const { name } of COMMANDS) expect(manPage()).to.include(`\n.SS \\fBtsoci ${name}\\fR`);
  });

  it('is formatted without a warning', function () {
    const { status, stderr, error } = spawnSync('groff', ['-man', '-ww', '-Tutf8', '-z'], {
      encoding: 'utf8',
      input: manPage(),
    });
    if (error !== undefined) {
      console.log('    skipped: groff is not here');
      return this.skip();
    }
    expect({ status, stderr }).to.deep.equal({ status: 0, stderr: '' });
  });
});
