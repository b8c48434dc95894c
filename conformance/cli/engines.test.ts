// What containerd, CRI-O, podman, dockerd and conmon make of the runtime's words: the readers are theirs, so a change of
// words that one of them does not understand any more is seen here.

import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { before, describe, it } from 'mocha';
import { baseConfig, type Config, writeConfig } from '../harness/bundle.ts';
import { useCase } from '../harness/case.ts';
import { RFC3339 } from '../harness/log.ts';
import { type Result, runtimeName } from '../harness/runtime.ts';
import { until } from '../harness/until.ts';

/** containerd's shim: what became of a kill. */
function containerdKill({ status, stdout, stderr }: Result): string {
  if (status === 0) return 'killed';
  const text = (stdout + stderr).toLowerCase();
  if (['process already finished', 'container not running', 'no such process'].some((words) => text.includes(words))) {
    return 'process already finished';
  }
  return text.includes('does not exist') ? 'no such container' : 'unknown error';
}

/** CRI-O: whether a container that could not be killed is gone. */
const crioIsGone = ({ stdout, stderr }: Result): boolean =>
  /no such process|container not running|invalid process/.test(stdout + stderr);

/** podman: the exit code of `podman run` by a message. */
function podmanCode(message: string): number {
  if (/permission denied|operation not permitted/i.test(message)) return 126;
  return /executable file not found in|no such file or directory|open executable/i.test(message) ? 127 : 125;
}

/** dockerd: the exit code of `docker run` by a message; it tells capitals apart. */
function dockerCode(message: string): number {
  if (/executable file not found|no such file or directory|not a directory/.test(message)) return 127;
  return /permission denied|is a directory/.test(message) ? 126 : 125;
}

/** containerd: objects one after another, to the first byte that is of none; the message of the last error. */
function containerdMessage(text: string): string | undefined {
  let message: string | undefined;
  for (const line of text.split('\n').filter((part) => part !== '')) {
    const entry = JSON.parse(line);
    expect(entry.time).to.match(RFC3339);
    if (entry.level === 'error') message = entry.msg;
  }
  return message;
}

/** podman: the file is one object, or is not understood. */
const podmanMessage = (text: string): string => JSON.parse(text).msg;

const PROGRAMS: [string, string, number, number][] = [
  ['a name that is nowhere on the PATH', 'nosuch', 127, 127],
  ['a path that is not there', '/nosuch', 127, 127],
  ['a path below a file', '/etc/passwd/x', 125, 127],
  ['a file that is no program', '/etc/passwd', 126, 126],
];

describe('what engines understand', () => {
  const c = useCase();
  before(function () {
    if (runtimeName === 'crun') this.skip(); // engines know its words apart
  });
  const log = () => join(c.bundle.dir, 'log.json');
  const logged = () => readFileSync(log(), 'utf8');
  const run = (...args: string[]) => c.runtime.run(['--log', log(), '--log-format', 'json', ...args]);

  function create(change: (config: Config) => void): Result {
    const config = baseConfig(c.bundle, 'exec sleep 100');
    change(config);
    writeConfig(c.bundle, config);
    return run('create', '--bundle', c.bundle.dir, '--pid-file', join(c.bundle.dir, 'init.pid'), c.bundle.id);
  }

  for (const [what, program, podman, docker] of PROGRAMS) {
    it(`create of ${what}: ${podman} of podman, ${docker} of docker, by the log and by standard error`, () => {
      const result = create((config) => {
        config.process.args = [program];
      });
      expect(result.status).to.not.equal(0);
      for (const message of [containerdMessage(logged()) ?? '', podmanMessage(logged()), result.stderr]) {
        expect(podmanCode(message), message).to.equal(podman);
        expect(dockerCode(message), message).to.equal(docker);
        expect(message).to.include(program); // dockerd of 20.10 looks for it
      }
      expect(existsSync(join(c.bundle.dir, 'init.pid')), 'a pid file is success to conmon').to.equal(false);
      expect(run('delete', '--force', c.bundle.id)).to.deep.equal({ status: 0, stdout: '', stderr: '' });
    });

    it(`exec of ${what}: ${podman} of podman, ${docker} of docker`, () => {
      expect(c.create('exec sleep 100').status).to.equal(0);
      const file = join(c.bundle.dir, 'process.json');
      const args = [program];
      writeFileSync(file, JSON.stringify({ cwd: '/', user: { uid: 0, gid: 0 }, args, env: ['PATH=/bin'] }));
      const pid = join(c.bundle.dir, 'exec.pid');
      const result = run('exec', '--process', file, '--detach', '--pid-file', pid, c.bundle.id);
      expect(result.status).to.equal(255);
      for (const message of [containerdMessage(logged()) ?? '', podmanMessage(logged()), result.stderr]) {
        expect(podmanCode(message), message).to.equal(podman);
        expect(dockerCode(message), message).to.equal(docker);
      }
      expect(existsSync(pid)).to.equal(false);
      c.verb('delete', '--force');
    });
  }

  it('create on a mount that is not there: 127 for both', () => {
    const result = create((config) => {
      config.mounts.push({ destination: '/x', type: 'bind', source: '/nonexistent', options: ['bind'] });
    });
    expect(result.status).to.not.equal(0);
    expect(podmanCode(podmanMessage(logged()))).to.equal(127);
    expect(dockerCode(containerdMessage(logged()) ?? '')).to.equal(127);
  });

  it('kill: of one that runs, has ended, is not there', () => {
    expect(create(() => {}).status).to.equal(0);
    const { id } = c.bundle;
    run('start', id);
    expect(containerdKill(run('kill', id, '9'))).to.equal('killed');
    until(() => c.runtime.state(id).status === 'stopped', 'the end');
    const late = run('kill', id, '15');
    expect(containerdKill(late)).to.equal('process already finished');
    expect(crioIsGone(late)).to.equal(true);
    expect(containerdKill(run('kill', '--all', id, '9'))).to.equal('killed');
    expect(containerdKill(run('kill', '-a', id, 'KILL'))).to.equal('killed');
    run('delete', id);
    expect(containerdKill(run('kill', id, '9'))).to.equal('no such container');
  });

  it('delete: of one that is not there any more, as success', () => {
    expect(run('delete', '--force', c.bundle.id)).to.deep.equal({ status: 0, stdout: '', stderr: '' });
    const plain = run('delete', c.bundle.id);
    expect(plain.stderr).to.include('does not exist');
    expect(containerdMessage(logged())).to.equal('container does not exist');
  });

  it('a log that all calls write to: the last error is that of the last call', () => {
    expect(create(() => {}).status).to.equal(0);
    run('exec', c.bundle.id, 'nosuch');
    run('resume', c.bundle.id);
    expect(containerdMessage(logged())).to.equal('container not paused');
    c.verb('delete', '--force');
  });

  it('the version: a name, the word version, and what it is of; commit and spec', () => {
    const { stdout } = c.runtime.run(['--version']);
    const lines = stdout.trimEnd().split('\n');
    const [name, ...rest] = (lines[0] ?? '').split(' version ');
    expect(name).to.match(/^\S+$/);
    expect(rest).to.have.length(1);
    expect(lines.filter((line) => /^(commit|spec): \S+$/.test(line))).to.have.length(2);
  });

  it('the features, read from both streams together', () => {
    const { stdout, stderr } = c.runtime.run(['features']);
    expect(JSON.parse(stdout + stderr)).to.include.keys('ociVersionMin', 'ociVersionMax', 'hooks', 'linux');
  });

  it('the state that CRI-O asks for: one document, pid and status', () => {
    expect(create(() => {}).status).to.equal(0);
    const { stdout, stderr } = run('state', c.bundle.id);
    const { id, pid, status } = JSON.parse(stdout + stderr);
    expect({ id, status }).to.deep.equal({ id: c.bundle.id, status: 'created' });
    expect(readFileSync(join(c.bundle.dir, 'init.pid'), 'utf8')).to.equal(String(pid));
    c.verb('delete', '--force');
  });

  it('the processes that containerd asks for', () => {
    expect(create(() => {}).status).to.equal(0);
    const { stdout } = run('ps', '--format', 'json', c.bundle.id);
    expect(JSON.parse(stdout)).to.deep.equal([c.runtime.state(c.bundle.id).pid]);
    c.verb('delete', '--force');
  });

  it('updates as they send them: a document, null, an empty one, zeros', () => {
    expect(create(() => {}).status).to.equal(0);
    const documents = [
      '{"devices":[{"allow":false,"access":"rwm"}],"memory":{},"cpu":{"quota":20000,"period":100000}}',
      '{"memory":{"limit":0,"reservation":0,"swap":0,"kernel":0},"cpu":{"shares":0,"quota":0},"blockIO":{"weight":0}}',
      '{}',
      'null',
    ];
    for (const input of documents) {
      for (const flag of [['--resources', '-'], ['--resources=-']]) {
        const result = c.runtime.run(['update', ...flag, c.bundle.id], { input });
        expect(result, input).to.deep.equal({ status: 0, stdout: '', stderr: '' });
      }
    }
    c.verb('delete', '--force');
  });
});
