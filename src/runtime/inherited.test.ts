import { expect } from 'chai';
import { describe, it } from 'mocha';
import { parseListenFds } from './inherited.ts';

describe('parseListenFds', () => {
  const nothing = { listenFds: 0, environment: [] };

  it('takes what is meant for this process', () => {
    expect(parseListenFds(['LISTEN_PID=7', 'LISTEN_FDS=2', 'LISTEN_FDNAMES=a:b'], 7)).to.deep.equal({
      listenFds: 2,
      environment: ['LISTEN_FDS=2', 'LISTEN_PID=1', 'LISTEN_FDNAMES=a:b'],
    });
  });

  it('takes nothing that is meant for another, for nobody, or is no number', () => {
    expect(parseListenFds(['LISTEN_PID=8', 'LISTEN_FDS=2'], 7)).to.deep.equal(nothing);
    expect(parseListenFds(['LISTEN_FDS=2'], 7)).to.deep.equal(nothing);
    expect(parseListenFds(['LISTEN_PID=7'], 7)).to.deep.equal(nothing);
    for (const count of ['', '-1', '1.5', 'x']) {
      expect(parseListenFds(['LISTEN_PID=7', `LISTEN_FDS=${count}`], 7), count).to.deep.equal(nothing);
    }
  });
});
