// The words of errors: what users search for and scripts compare, through the life of a container and for each kind of
// fault. The whole message where it is runc's own, its end where ours says more before it.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { before, describe, it } from 'mocha';
import { baseConfig, type Config, writeConfig } from '../harness/bundle.ts';
import { useCase } from '../harness/case.ts';
import { isUnified } from '../harness/cgroup.ts';
import { failure, program } from '../harness/log.ts';
import { deviates, runtimeName } from '../harness/runtime.ts';
import { until } from '../harness/until.ts';

const TEXTS: [string[], RegExp][] = [
  [['nosuch'], /exec: "nosuch": executable file not found in \$PATH$/],
  [['/nosuch'], /exec: "\/nosuch": stat \/nosuch: no such file or directory$/],
  [['./nosuch'], /exec: "\.\/nosuch": stat \.\/nosuch: no such file or directory$/],
  [['/etc/passwd/x'], /exec: "\/etc\/passwd\/x": stat \/etc\/passwd\/x: not a directory$/],
  [['/etc/passwd'], /exec: "\/etc\/passwd": permission denied$/],
  // What a folder is called has changed from one version of runc to the next; dockerd knows both.
  [['/etc'], /exec: "\/etc": (is a directory|permission denied)$/],
];

describe('errors', () => {
  const c = useCase();
  before(function () {
    if (runtimeName === 'crun') this.skip(); // its words are its own
  });
  const run = (...args: string[]) => c.runtime.run(args);
  const message = (...args: string[]): string => failure(run(...args), args[0] === 'exec' ? 255 : 1);
  const create = (change: (config: Config) => void = () => {}): string => {
    const config = baseConfig(c.bundle, 'exec sleep 100');
    change(config);
    writeConfig(c.bundle, config);
    return failure(c.runtime.run(['create', '--bundle', c.bundle.dir, c.bundle.id]));
  };

  it('of a container that does not exist', () => {
    for (const verb of ['state', 'start', 'kill', 'delete', 'pause', 'resume', 'ps', 'events', 'update']) {
      expect(message(verb, 'nosuch'), verb).to.equal('container does not exist');
    }
    expect(message('exec', 'nosuch', 'true')).to.equal('exec failed: container does not exist');
  });

  it('of an id that is none', () => {
    writeConfig(c.bundle, baseConfig(c.bundle, 'true'));
    for (const verb of ['create', 'run']) {
      const said = (id: string): string => message(verb, '--bundle', c.bundle.dir, id);
      for (const id of ['a b', '..', '.', 'a/b', 'ä']) {
        expect(said(id), id).to.equal(`${program} ${verb} failed: invalid container ID format`);
      }
      expect(said('')).to.equal(`${program} ${verb} failed: container id cannot be empty`);
    }
    expect(message('state', '')).to.equal('container id cannot be empty');
  });

  it('of a bundle without a configuration', () => {
    const words = (...args: string[]): string => message(...args).replace(/^\w+ create failed: /, '');
    expect(words('create', '--bundle', '/nosuch', 'x')).to.equal('chdir /nosuch: no such file or directory');
    expect(words('create', '--bundle', c.bundle.dir, 'x')).to.equal('JSON specification file config.json not found');
  });

  it('of a created container', () => {
    expect(c.create('exec sleep 100').status).to.equal(0);
    const { id, dir } = c.bundle;
    for (const verb of ['create', 'run']) {
      const words = `${program} ${verb} failed: container with given ID already exists`;
      expect(message(verb, '--bundle', dir, id)).to.equal(words);
    }
    expect(message('resume', id)).to.equal('container not paused');
    c.verb('delete', '--force');
  });

  it('of a running container', () => {
    expect(c.create('exec sleep 100').status).to.equal(0);
    const { id } = c.bundle;
    c.verb('start');
    expect(message('start', id)).to.equal('cannot start an already running container');
    expect(message('delete', id)).to.equal(`cannot delete container ${id} that is not stopped: running`);
    expect(message('resume', id)).to.equal('container not paused');
    expect(message('kill', id, 'FOO')).to.equal('unknown signal "FOO"');
    expect(message('ps', '--format', 'xml', id)).to.equal('invalid format option');
    for (const interval of ['0', '-1s', '0s']) {
      expect(message('events', '--interval', interval, id)).to.equal('duration interval must be greater than 0');
    }
    c.verb('delete', '--force');
  });

  it('of a paused container', function () {
    expect(c.create('exec sleep 100').status).to.equal(0);
    const { id } = c.bundle;
    c.verb('start');
    if (c.verb('pause').status !== 0) this.skip();
    expect(message('pause', id)).to.equal('container not running');
    expect(message('start', id)).to.equal('cannot start a container in the paused state');
    expect(message('delete', id)).to.equal(`cannot delete container ${id} that is not stopped: paused`);
    const words = 'exec failed: cannot exec in a paused container (use --ignore-paused to override)';
    expect(message('exec', id, 'true')).to.equal(words);
    c.verb('resume');
    c.verb('delete', '--force');
  });

  it('of a container that has ended', () => {
    expect(c.create('true').status).to.equal(0);
    const { id } = c.bundle;
    c.verb('start');
    until(() => c.runtime.state(id).status === 'stopped', 'the end');
    expect(message('kill', id, 'KILL')).to.equal('container not running');
    expect(message('pause', id)).to.equal('container not running');
    expect(message('update', '--pids-limit', '5', id)).to.equal('container not running');
    expect(message('resume', id)).to.equal('container not paused');
    expect(message('start', id)).to.equal('cannot start a container that has stopped');
    expect(message('exec', id, 'true')).to.equal('exec failed: cannot exec in a stopped container');
    expect(message('events', id)).to.equal(`container with id ${id} is not running`);
    expect(message('events', '--stats', id)).to.equal(`container with id ${id} is not running`);
    c.verb('delete');
  });

  for (const [args, words] of TEXTS) {
    it(`of the program ${args.join(' ')}`, () => {
      for (const verb of ['create', 'run']) {
        const config = baseConfig(c.bundle, '');
        config.process.args = args;
        writeConfig(c.bundle, config);
        const said = message(verb, '--bundle', c.bundle.dir, c.bundle.id);
        expect(said)
          .to.match(new RegExp(`^${program} ${verb} failed: unable to start container process: `))
          .and.match(words);
      }
      expect(c.create('exec sleep 100').status).to.equal(0);
      const said = message('exec', c.bundle.id, ...args);
      expect(said)
        .to.match(/^exec failed: unable to start container process: /)
        .and.match(words);
      c.verb('delete', '--force');
    });
  }

  it('of what exec is asked for', () => {
    expect(c.create('exec sleep 100').status).to.equal(0);
    const { id } = c.bundle;
    expect(message('exec', id)).to.match(/^exec failed: (exec|process) args cannot be empty$/);
    expect(message('exec', '--process', '/nosuch', id)).to.equal(
      'exec failed: open /nosuch: no such file or directory',
    );
    expect(message('exec', '--cwd', '/nosuch', id, 'true')).to.match(
      /^exec failed: unable to start container process: .*"\/nosuch".*: no such file or directory$/,
    );
    expect(message('exec', '--detach', '--tty', id, 'true')).to.equal(
      `exec failed: cannot allocate tty if ${program} will detach without setting console socket`,
    );
    expect(message('exec', '--console-socket', '/nosuch', id, 'true')).to.equal(
      `exec failed: cannot use console socket if ${program} will not detach or allocate tty`,
    );
    c.verb('delete', '--force');
  });

  it('of files that cannot be written', () => {
    const { dir, id } = c.bundle;
    writeConfig(c.bundle, baseConfig(c.bundle, 'true'));
    expect(message('create', '--bundle', dir, '--pid-file', '/nosuch/pid', id)).to.match(
      /create failed: .*open \/nosuch\/.?pid: no such file or directory$/,
    );
    const log = run('--log', '/nosuch/log', 'list');
    expect(failure(log)).to.equal('open /nosuch/log: no such file or directory');
    expect(failure(run('--log-format', 'xml', 'list'))).to.equal('invalid log-format: xml');
    expect(failure(run('list', '--format', 'xml'))).to.equal('invalid format option');
  });

  it('of mounts: source, target, and the reason in words', () => {
    const add = (mount: Config) => (config: Config) => config.mounts.push(mount);
    const begin = new RegExp(`^${program} create failed: unable to start container process: `);
    const cases: [Config, RegExp][] = [
      [{ destination: '/x', type: 'nofs', source: 'nofs' }, /mounting "nofs" to rootfs at "\/x": .*no such device/],
      [
        { destination: '/etc/passwd', type: 'bind', source: '/etc', options: ['bind'] },
        /mounting "\/etc" to rootfs at "\/etc\/passwd": .*: not a directory$/,
      ],
      [
        { destination: '/etc/x', type: 'bind', source: '/nonexistent', options: ['bind'] },
        /"\/nonexistent".*: no such file or directory$/,
      ],
    ];
    for (const [mount, words] of cases) {
      expect(create(add(mount)))
        .to.match(begin)
        .and.match(words);
    }
  });

  it('of a configuration that contradicts itself', () => {
    const namespaces = (config: Config, ...left: string[]) => {
      config.linux.namespaces = left.map((type) => ({ type }));
    };
    expect(create((config) => namespaces(config, 'mount', 'pid'))).to.match(
      /create failed: .*unable to set hostname without a private UTS namespace$/,
    );
    const sysctl = create((config) => {
      config.linux.sysctl = { 'kernel.nosuch': '1' };
    });
    expect(sysctl).to.match(/create failed: .*sysctl "kernel.nosuch" is not in a separate kernel namespace$/);
    expect(
      create((config) => {
        config.process.args = [];
      }),
    ).to.match(/create failed: .*args/);
  });

  for (const kind of ['prestart', 'createRuntime', 'createContainer']) {
    it(`of a ${kind} hook: which, how it ended, and what it said`, () => {
      const script = 'echo out; echo err >&2; exit 3';
      const hook = (args: string[], more: Config = {}) => ({ path: args[0], args, ...more });
      const said = (entry: Config) =>
        create((config) => {
          config.hooks = { [kind]: [hook(['/bin/true']), entry] };
        });
      const begin = /^\w+ create failed: unable to start container process: .*error running .*hook #1: /;
      const cases: [Config, RegExp][] = [
        [hook(['/bin/sh', '-c', script]), /exit status 3, stdout: out\n, stderr: err\n$/],
        [hook(['/bin/sh', '-c', 'kill -9 $$']), /signal: killed( \(SIGKILL\))?, stdout: , stderr: $/],
        [hook(['/bin/sh', '-c', 'kill -15 $$']), /signal: terminated( \(SIGTERM\))?, stdout: , stderr: $/],
        [hook(['/nosuch']), /fork\/exec \/nosuch: no such file or directory$/],
        [hook(['/etc/passwd']), /fork\/exec \/etc\/passwd: permission denied$/],
        [hook(['/bin/sleep', '9'], { timeout: 1 }), /hook ran past specified timeout of 1.0s/],
      ];
      for (const [entry, words] of cases) {
        expect(said(entry)).to.match(begin).and.match(words);
      }
    });
  }

  it('of an update that the kernel refuses: the file, the value, the reason', () => {
    const { id, dir } = c.bundle;
    expect(c.create('exec sleep 100').status).to.equal(0);
    const file = isUnified ? 'cpu.max' : 'cpu.cfs_period_us';
    expect(message('update', '--cpu-period', '1', id)).to.match(
      new RegExp(`failed to write ".*1".* (to|write) /sys/fs/cgroup/.*${file}: invalid argument$`),
    );
    expect(message('update', '--resources', '/nosuch', id)).to.equal('open /nosuch: no such file or directory');
    writeFileSync(join(dir, 'resources'), '{"memory":{"limit":"x"}}');
    expect(message('update', '--resources', join(dir, 'resources'), id)).to.match(/memory.limit/);
    c.verb('delete', '--force');
  });

  it('of a limit of memory that is too low to begin with: that it was memory', function () {
    if (isUnified) deviates(this, 'runc', 'with 1.1 the child ends without a word');
    const said = create((config) => {
      config.linux.resources.memory = { limit: 4096 };
    });
    expect(said).to.match(/OOM-killed \(memory limit too low\?\)|unable to set memory limit to 4096/);
  });
});
