// The runtimes' log lines, read as strictly as engines and people's scripts read them.

import { expect } from 'chai';
import { isTsoci, type Result, runtimeName } from './runtime.ts';

export interface Entry {
  readonly level: string;
  readonly msg: string;
  readonly time: string;
}

/** RFC 3339, section 5.6. */
export const RFC3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/;

const TEXT = /^time="([^"]+)" level=(\w+) msg=("(?:[^"\\]|\\.)*"|[\w./@^+-]+)$/;

/** How the runtime calls itself in its messages. */
export const program = isTsoci ? 'tsoci' : runtimeName;

function checked(entry: Entry): Entry {
  expect(entry.time).to.match(RFC3339);
  expect(entry.level).to.be.oneOf(['debug', 'info', 'warning', 'error', 'fatal']);
  return entry;
}

const linesOf = (text: string): string[] => {
  expect(text === '' || text.endsWith('\n'), `ends in the middle of a line: ${text}`).to.equal(true);
  return text.split('\n').slice(0, -1);
};

/** Each line an entry: fails for anything else. */
export const readText = (text: string): Entry[] =>
  linesOf(text).map((line) => {
    const [, time = '', level = '', msg = ''] = TEXT.exec(line) ?? [];
    expect(level, `no log line: ${line}`).to.not.equal('');
    return checked({ time, level, msg: msg.startsWith('"') ? JSON.parse(msg) : msg });
  });

/** Each line an object; runc adds to it at level debug. */
export const readJson = (text: string): Entry[] =>
  linesOf(text).map((line) => {
    const entry = JSON.parse(line) as Entry;
    expect(entry.msg).to.be.a('string');
    return checked(entry);
  });

/** The message that a call failed with, which said nothing else: neither on standard output nor as a second error. */
export function failure(result: Result, status = 1): string {
  expect(result, result.stderr).to.include({ status, stdout: '' });
  const errors = readText(result.stderr).filter(({ level }) => level === 'error');
  expect(errors, result.stderr).to.have.length(1);
  return errors[0]?.msg ?? '';
}
