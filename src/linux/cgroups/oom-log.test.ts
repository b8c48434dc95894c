// What the kernel's log says of OOM kills, without a kernel.

import { expect } from 'chai';
import { describe, it } from 'mocha';
import { type LogLine, oomReportIn, parseLogRecord } from './oom-log.ts';

const killed = (victim: string, held = victim): string =>
  `oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=x,mems_allowed=0,oom_memcg=${held},task_memcg=${victim},task=tail,pid=7,uid=0`;
const USAGE = 'memory: usage 16380kB, limit 16384kB, failcnt 24';
const lines = (...texts: string[]): LogLine[] => texts.map((text, index) => ({ time: index, text }));

describe('the log of OOM kills', () => {
  it('is records of which the kernel own ones count', () => {
    const text = 'a;b';
    expect(parseLogRecord(`4,1123,15330000,-,caller=T1;${text}\n SUBSYSTEM=x\n`)).to.deep.equal({ time: 15330, text });
    // Facility 1: somebody has written it to /dev/kmsg.
    expect(parseLogRecord(`12,1123,15330000,-;${killed('/a')}\n`)).to.equal(undefined);
    expect(parseLogRecord('')).to.equal(undefined);
  });

  it('tells of each cgroup its own kills, with usage and limit', () => {
    const log = lines(USAGE, killed('/a'), USAGE.replaceAll('16', '32'), killed('/b'), USAGE, killed('/a/below', '/a'));
    const [limit, peak] = [16384 * 1024, 16380 * 1024];
    expect(oomReportIn(log, '/a', 0)).to.deep.equal({ kills: 2, limit, peak });
    expect(oomReportIn(log, '/a', 2)).to.deep.equal({ kills: 1, limit, peak });
    expect(oomReportIn(log, '/a', 6)).to.equal(undefined);
    expect(oomReportIn(log, '/below', 0)).to.equal(undefined);
    expect(oomReportIn(log, '/a/bel', 0)).to.equal(undefined);
  });

  it('tells no limit where another cgroup was full, or the machine', () => {
    expect(oomReportIn(lines(USAGE, killed('/a/b', '/a')), '/a/b', 0)).to.deep.equal({ kills: 1 });
    const all = killed('/a').replace('oom_memcg=/a', 'global_oom');
    expect(oomReportIn(lines(USAGE, all), '/a', 0)).to.deep.equal({ kills: 1 });
    const none = USAGE.replace('16384', '9007199254740988');
    expect(oomReportIn(lines(none, killed('/a')), '/a', 0)).to.deep.equal({ kills: 1, peak: 16380 * 1024 });
  });

  it('is not taken in by a name of a program', () => {
    const text = killed('/a').replace('task=tail', 'task=,task_memcg=/b,task=');
    expect(oomReportIn(lines(text), '/b', 0)).to.equal(undefined);
  });
});
