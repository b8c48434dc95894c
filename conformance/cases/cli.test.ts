// The command line as engines and people know it from runc: exit codes, words, the log's form, one line a fault.

import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { baseConfig, writeConfig } from '../harness/bundle.ts';
import { useCase } from '../harness/case.ts';
import { isUnified } from '../harness/cgroup.ts';
import { deviates, isTsoci, onlyTsoci } from '../harness/runtime.ts';

describe('the command line', () => {
  const c = useCase();
  const run = (...args: string[]) => c.runtime.run(args);

  it('tells its version, and the specification that it follows', () => {
    const { status, stdout } = run('--version');
    expect(status).to.equal(0);
    expect(stdout).to.match(/^\w+ version \S+\n/);
    expect(stdout).to.match(/^spec: 1\.\d+\.\d+/m);
  });

  it('helps, and exits with 0', () => {
    for (const args of [['--help'], ['help'], ['create', '--help'], ['run', '-h']]) {
      const { status, stdout } = run(...args);
      expect(status, args.join(' ')).to.equal(0);
      expect(stdout, args.join(' ')).to.include('USAGE:');
    }
  });

  it('exits with 3 for a verb that it does not know', () => {
    expect(run('nosuch').status).to.equal(3);
  });

  it('exits with 1 for a wrong flag, a missing value and a wrong number of arguments', () => {
    const cases: [string[], RegExp][] = [
      [['create', '--nosuch', 'x'], /flag provided but not defined: -nosuch/],
      [['create', '--bundle'], /flag needs an argument: -+bundle/],
      [['create'], /create\\?" requires exactly 1 argument/],
      [['state', 'a', 'b'], /state\\?" requires exactly 1 argument/],
      [['--log-format', 'xml', 'list'], /invalid log-format|xml/],
    ];
    for (const [args, words] of cases) {
      const { status, stdout, stderr } = run(...args);
      expect(status, args.join(' ')).to.equal(1);
      expect(stdout + stderr, args.join(' ')).to.match(words);
    }
  });

  it("says runc's words for a container that is not there, an id that is none, and a signal that is none", () => {
    expect(run('state', 'nosuch')).to.include({ status: 1 });
    expect(run('state', 'nosuch').stderr).to.include('container does not exist');
    expect(run('delete', '--force', 'nosuch').status).to.equal(0);
    expect(run('kill', '../x', 'KILL').status).to.equal(1);
    expect(run('create', '--bundle', c.bundle.dir, '.').status).to.equal(1);
  });

  it('writes the log as JSON lines with level, msg and an RFC 3339 time, and the words to standard error too', () => {
    const log = join(c.bundle.dir, 'log.json');
    const { status, stderr } = run('--log', log, '--log-format', 'json', 'start', 'nosuch');
    expect(status).to.equal(1);
    const entry = JSON.parse(readFileSync(log, 'utf8').trim()) as Record<string, string>;
    expect(entry).to.include({ level: 'error', msg: 'container does not exist' });
    expect(entry['time']).to.match(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/);
    expect(stderr).to.include('container does not exist');
  });

  it('lists nothing as null, and ids with --quiet', () => {
    expect(run('list', '--format', 'json').stdout).to.equal('null\n');
    expect(c.create('sleep 100').status).to.equal(0);
    expect(run('list', '--quiet').stdout).to.equal(`${c.bundle.id}\n`);
    const listed = JSON.parse(run('list', '-f', 'json').stdout) as Record<string, unknown>[];
    expect(listed.map(({ id, status }) => [id, status])).to.deep.equal([[c.bundle.id, 'created']]);
    expect(run('list').stdout).to.match(/^ID +PID +STATUS +BUNDLE +CREATED +OWNER\n/);
    c.verb('delete', '--force');
  });

  it('lists what is whole, says on standard error what is broken, and passes over what is no container', function () {
    deviates(this, 'crun', 'ends at the first that is broken');
    const log = join(c.bundle.dir, 'log');
    c.create('sleep 100', (config) => Object.assign(config, { annotations: { 'org.example.key': 'value' } }));
    mkdirSync(join(c.runtime.root, 'broken'));
    writeFileSync(join(c.runtime.root, 'broken', 'state.json'), '{');
    mkdirSync(join(c.runtime.root, 'empty'));
    writeFileSync(join(c.runtime.root, 'file'), '');
    const listed = run('--log', log, 'list', '--format', 'json');
    expect(listed.status).to.equal(0);
    const lines = listed.stderr.trimEnd().split('\n').sort();
    expect(lines[0]).to.match(/^load container broken: (?!load)./);
    expect(lines.slice(1)).to.deep.equal(['load container empty: container does not exist']);
    expect(existsSync(log) ? readFileSync(log, 'utf8') : '').to.equal('');
    const [view, ...others] = JSON.parse(listed.stdout) as Record<string, unknown>[];
    expect(others).to.deep.equal([]);
    // The same object as `state`'s, but for the name of the owner.
    const state = c.runtime.state(c.bundle.id) as unknown as Record<string, unknown>;
    expect(view).to.deep.equal({ ...state, owner: userInfo().username });
    expect(state).to.include({ owner: '' });
    expect(state['annotations']).to.deep.equal({ 'org.example.key': 'value' });
    expect(run('list', '-q').stdout).to.equal(`${c.bundle.id}\n`);
    expect(run('state', 'broken')).to.include({ status: 1, stdout: '' });
    for (const name of ['broken', 'empty', 'file']) rmSync(join(c.runtime.root, name), { recursive: true });
    c.verb('delete', '--force');
  });

  it('writes a configuration to start from once, and keeps it', () => {
    const { status } = run('spec', '--bundle', c.bundle.rootfs);
    expect(status).to.equal(0);
    const file = join(c.bundle.rootfs, 'config.json');
    const written = JSON.parse(readFileSync(file, 'utf8'));
    expect(written).to.include.keys('ociVersion', 'process', 'root', 'mounts', 'linux');
    const types = written.linux.namespaces.map(({ type }: { type: string }) => type);
    const expected = ['pid', 'network', 'ipc', 'uts', 'mount', ...(isUnified ? ['cgroup'] : [])];
    expect(types).to.deep.equal(expected);
    expect(run('spec', '--bundle', c.bundle.rootfs)).to.include({ status: 1 });
  });

  it('has one line for each fault of a configuration, with its place, and none of a container', function () {
    onlyTsoci(this);
    const result = c.run('true', (config) => {
      config.process.cwd = 7;
      config.process.user = { uid: 'root', gid: 0 };
      config.linux.namespaces.push({ type: 'nosuch' });
    });
    const lines = result.stderr.trimEnd().split('\n');
    expect(result.status).to.equal(1);
    expect(lines).to.have.length(3);
    for (const place of ['/process/cwd: found 7', '/process/user/uid: found \\"root\\"', '/linux/namespaces/']) {
      expect(
        lines.some((line) => line.includes(place)),
        place,
      ).to.equal(true);
    }
    expect(existsSync(join(c.runtime.root, c.bundle.id))).to.equal(false);
  });

  it('logs what it does at level debug, when asked for it', () => {
    writeConfig(c.bundle, baseConfig(c.bundle, 'true'));
    const logged = (...flags: string[]) => {
      const log = join(c.bundle.dir, `log${flags.length}`);
      const words = [...flags, '--log', log, '--log-format', 'json', 'run', '--bundle', c.bundle.dir, c.bundle.id];
      expect(c.runtime.run(words).status).to.equal(0);
      const lines = existsSync(log) ? readFileSync(log, 'utf8').trim().split('\n') : [];
      return lines
        .filter((line) => line !== '' && JSON.parse(line).level === 'debug')
        .map((line) => JSON.parse(line).msg);
    };
    expect(logged()).to.deep.equal([]);
    const messages = logged('--debug');
    expect(messages.length).to.be.greaterThan(0);
    if (isTsoci) {
      const has = (words: RegExp) =>
        expect(
          messages.some((message) => words.test(message)),
          String(words),
        ).to.equal(true);
      has(/^step \d+ of \d+: pivot_root/); // the child's part
      has(/^step \d+ of \d+: executing/); // and what comes after `ready`
    }
  });

  it('plans without touching anything', function () {
    onlyTsoci(this);
    expect(c.create('true').status).to.equal(0);
    c.verb('delete', '--force');
    const text = run('plan', '--bundle', c.bundle.dir, c.bundle.id);
    expect(text.stdout).to.match(/pivot-root +pivot_root to the rootfs/);
    const plan = JSON.parse(run('plan', '--bundle', c.bundle.dir, '--format', 'json', c.bundle.id).stdout) as {
      child: { kind: string }[];
    };
    expect(plan.child.at(-1)?.kind).to.equal('exec');
  });
});
