// The log: text as logrus writes it or JSON, one line an entry, to standard error or appended to a file.

import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { baseConfig, writeConfig } from '../harness/bundle.ts';
import { useCase } from '../harness/case.ts';
import { type Entry, program, readJson, readText } from '../harness/log.ts';
import { deviates, isTsoci, onlyTsoci } from '../harness/runtime.ts';

const LINES = 'this says\ntwo lines, a "quote", a \\, a tab\t and an ä';

describe('the log', () => {
  const c = useCase();
  const run = (...args: string[]) => c.runtime.run(args);
  const file = () => join(c.bundle.dir, 'log');

  /** Fails by a hook, whose output is in the message. */
  function failWith(output: string, ...global: string[]) {
    const config = baseConfig(c.bundle, 'true');
    const args = ['sh', '-c', 'printf %s "$0" >&2; exit 3', output];
    config.hooks = { createRuntime: [{ path: '/bin/sh', args }] };
    writeConfig(c.bundle, config);
    return run(...global, 'create', '--bundle', c.bundle.dir, c.bundle.id);
  }

  it('is text on standard error: time, level and message, quoted where needed', function () {
    deviates(this, 'crun', 'its text has another form');
    const { stdout, stderr } = run('start', 'nosuch');
    expect(stdout).to.equal('');
    expect(stderr).to.match(/^time="\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(Z|[+-]\d\d:\d\d)" level=error msg="container does/);
    expect(readText(stderr).map(({ level, msg }) => [level, msg])).to.deep.equal([
      ['error', 'container does not exist'],
    ]);
  });

  it('is JSON with level, msg and time, in this order, and the words plain on standard error too', function () {
    deviates(this, 'crun', 'its order is another');
    const { status, stderr } = run('--log', file(), '--log-format', 'json', 'start', 'nosuch');
    expect(status).to.equal(1);
    expect(stderr).to.equal('container does not exist\n');
    const text = readFileSync(file(), 'utf8');
    expect(readJson(text)).to.have.length(1);
    expect(Object.keys(JSON.parse(text))).to.deep.equal(['level', 'msg', 'time']);
    expect(JSON.parse(text)).to.include({ level: 'error', msg: 'container does not exist' });
  });

  it('is JSON on standard error where no file is named', function () {
    deviates(this, 'crun', 'it is text there');
    const { stderr } = run('--log-format', 'json', 'start', 'nosuch');
    expect(readJson(stderr).map(({ msg }) => msg)).to.deep.equal(['container does not exist']);
  });

  it('of one instant is the time that the clock shows', () => {
    const before = Math.floor(Date.now() / 1000);
    run('--log', file(), '--log-format', 'json', 'start', 'nosuch');
    const seconds = Date.parse(readJson(readFileSync(file(), 'utf8'))[0]?.time ?? '') / 1000;
    expect(seconds).to.be.within(before, Date.now() / 1000);
  });

  for (const [format, read] of [
    ['text', readText],
    ['json', readJson],
  ] as const) {
    it(`has one line for a message of several (${format})`, function () {
      deviates(this, 'crun', 'it logs no output of hooks');
      // What Go writes as \x01 in quotes no other reader knows.
      const output = format === 'json' ? `${LINES} and \u0001` : LINES;
      failWith(output, '--log', file(), '--log-format', format);
      const entries = read(readFileSync(file(), 'utf8')).filter(({ level }) => level === 'error');
      expect(entries).to.have.length(1);
      expect(entries[0]?.msg)
        .to.match(new RegExp(`^${program} create failed: `))
        .and.include(output);
    });

    it(`is appended to, by each call (${format})`, function () {
      deviates(this, 'crun', 'its text has another form');
      const args = ['--log', file(), '--log-format', format];
      run(...args, 'start', 'nosuch');
      run(...args, 'list');
      run(...args, 'kill', 'nosuch');
      const entries: Entry[] = read(readFileSync(file(), 'utf8'));
      expect(entries.map(({ msg }) => msg)).to.deep.equal(['container does not exist', 'container does not exist']);
    });
  }

  it('is a file that others can read, made also when there is nothing to say', () => {
    run('--log', file(), 'list', '-q');
    expect(readFileSync(file(), 'utf8')).to.equal('');
    expect(statSync(file()).mode & 0o777).to.equal(0o644 & ~process.umask());
  });

  it('keeps the error last, after the warnings', function () {
    deviates(this, 'crun', 'it warns of nothing');
    const config = baseConfig(c.bundle, 'true');
    config.process.capabilities.bounding.push('CAP_NOSUCH');
    config.process.args = ['nosuch'];
    writeConfig(c.bundle, config);
    run('--log', file(), '--log-format', 'json', 'create', '--bundle', c.bundle.dir, c.bundle.id);
    const entries = readJson(readFileSync(file(), 'utf8'));
    expect(entries.map(({ level }) => level)).to.deep.equal(['warning', 'error']);
    expect(entries[0]?.msg).to.match(/^ignoring unknown (or unavailable )?capabilities: \[CAP_NOSUCH\]$/);
    expect(entries[1]?.msg).to.include('executable file not found in $PATH');
  });

  it('has one line for each fault of a configuration, with its place, and none of a container', function () {
    onlyTsoci(this);
    const result = c.run('true', (config) => {
      config.process.cwd = 7;
      config.process.user = { uid: 'root', gid: 0 };
      config.linux.namespaces.push({ type: 'nosuch' });
    });
    expect(result.status).to.equal(1);
    const messages = readText(result.stderr).map(({ msg }) => msg);
    expect(messages).to.have.length(3);
    for (const place of ['/process/cwd: found 7', '/process/user/uid: found "root"', '/linux/namespaces/']) {
      expect(
        messages.some((message) => message.includes(place)),
        place,
      ).to.equal(true);
    }
    expect(existsSync(join(c.runtime.root, c.bundle.id))).to.equal(false);
  });

  it('tells what is done at level debug, when asked for it', function () {
    deviates(this, 'crun', 'it has little to tell');
    writeConfig(c.bundle, baseConfig(c.bundle, 'true'));
    const logged = (...flags: string[]) => {
      writeFileSync(file(), '');
      const words = [...flags, '--log', file(), '--log-format', 'json'];
      expect(run(...words, 'run', '--bundle', c.bundle.dir, c.bundle.id).status).to.equal(0);
      return readJson(readFileSync(file(), 'utf8'))
        .filter(({ level }) => level === 'debug')
        .map(({ msg }) => msg);
    };
    expect(logged()).to.deep.equal([]);
    const messages = logged('--debug');
    expect(messages.length).to.be.greaterThan(0);
    if (!isTsoci) return;
    const has = (words: RegExp) =>
      expect(
        messages.some((message) => words.test(message)),
        String(words),
      ).to.equal(true);
    has(/^step \d+ of \d+: pivot_root/); // the child's part
    has(/^step \d+ of \d+: executing/); // and what comes after `ready`
  });

  it('tells the start and the end of verbs by exit status, for those who asked for debug', function () {
    onlyTsoci(this);
    const { stderr } = run('--debug', 'list', '-q');
    expect(readText(stderr).map(({ msg }) => msg)).to.deep.equal(['list: exit status 0']);
  });
});
