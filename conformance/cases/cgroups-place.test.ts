// Where a container's cgroups are: by cgroupsPath, beside others, in cgroups that are there already, below threaded ones.

import { spawn, spawnSync } from 'node:child_process';
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmdirSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { expect } from 'chai';
import { afterEach, describe, it } from 'mocha';
import { baseConfig, type Config, writeConfig } from '../harness/bundle.ts';
import { useCase } from '../harness/case.ts';
import { isUnified, legacyNames } from '../harness/cgroup.ts';
import { deviates, type Result } from '../harness/runtime.ts';
import { until } from '../harness/until.ts';

const ROOT = '/sys/fs/cgroup';
const MIB = 1 << 20;

/** Where each hierarchy is mounted; names that lead to the same one are left out. */
const trees: readonly string[] = isUnified
  ? [ROOT]
  : [...new Set(legacyNames().map((name) => realpathSync(join(ROOT, name))))];

/** A cgroup in each hierarchy, fit for processes: a new cpuset has no processors. */
function makeCgroups(path: string): void {
  for (const tree of trees) {
    let dir = tree;
    for (const part of path.split('/').filter((name) => name !== '')) {
      const above = dir;
      dir = join(dir, part);
      mkdirSync(dir, { recursive: true });
      for (const file of ['cpuset.cpus', 'cpuset.mems']) {
        if (isUnified || !existsSync(join(dir, file))) continue;
        writeFileSync(join(dir, file), readFileSync(join(above, file), 'utf8').trim());
      }
    }
  }
}

/** `path`, with all cgroups below it. */
function removeCgroups(path: string): void {
  for (const dir of trees.map((tree) => join(tree, path))) removeTree(dir);
}

function removeTree(dir: string): void {
  if (!existsSync(dir)) return;
  for (const { name } of readdirSync(dir, { withFileTypes: true }).filter((entry) => entry.isDirectory())) {
    removeTree(join(dir, name));
  }
  rmdirSync(dir);
}

/** By hierarchy as /proc names it: `cpu,cpuacct` → path. v1's alone, where both are there. */
function placesOf(pid: number): Record<string, string> {
  const lines = readFileSync(`/proc/${pid}/cgroup`, 'utf8').trim().split('\n');
  const fields = lines.map((line) => line.split(':'));
  return Object.fromEntries(
    fields.filter(([, names]) => isUnified || names !== '').map(([, names, ...path]) => [names, path.join(':')]),
  );
}

describe('cgroups: where they are', () => {
  const c = useCase();
  const above = `/tsoci-conf-place-${process.pid}`;
  const own = `${above}/own`;
  afterEach(() => removeCgroups(above));

  /** `create` by a process in the cgroup `own` of each hierarchy. */
  function createIn(change: (config: Config) => void): Result {
    makeCgroups(own);
    const config = baseConfig(c.bundle, 'exec sleep 1000');
    config.linux.resources.pids = { limit: 50 };
    change(config);
    writeConfig(c.bundle, config);
    const [program, words] = c.runtime.line(['create', '--bundle', c.bundle.dir, c.bundle.id]);
    const files = trees.map((tree) => join(tree, own, 'cgroup.procs'));
    const script = `n=$1; shift; while [ "$n" -gt 0 ]; do echo $$ > "$1" || exit 9; shift; n=$((n - 1)); done; exec "$@"`;
    const args = ['-c', script, 'sh', String(files.length), ...files, program, ...words];
    // A pipe would be waited on until the container's end.
    const errors = join(c.bundle.dir, 'stderr');
    const fd = openSync(errors, 'w');
    const { status } = spawnSync('sh', args, { stdio: ['ignore', 'ignore', fd], timeout: 20_000 });
    closeSync(fd);
    return { status, stdout: '', stderr: readFileSync(errors, 'utf8') };
  }

  const remove = (): void => {
    c.verb('kill', 'KILL');
    until(() => c.runtime.state(c.bundle.id).status === 'stopped', 'the end');
    expect(c.verb('delete')).to.include({ status: 0 });
  };

  /** v2 gives nothing to those below a cgroup with processes: there it is the caller's parent. */
  const base = isUnified ? above : own;
  for (const [what, path, expected] of [
    ['an absolute path', (id: string) => `/tsoci-conf/${id}`, (id: string) => `/tsoci-conf/${id}`],
    ['a relative path', (id: string) => `sub/${id}`, (id: string) => `${base}/sub/${id}`],
    ['a path that leads out', (id: string) => `../../${id}`, (id: string) => `${base}/${id}`],
    ['no path', () => undefined, (id: string) => `${base}/${id}`],
  ] as const) {
    it(`is where ${what} says, in every hierarchy, with its limits`, function () {
      if (what !== 'an absolute path') deviates(this, 'crun', 'begins at the root');
      expect(
        createIn((config) => {
          config.linux.cgroupsPath = path(c.bundle.id);
        }),
      ).to.include({ status: 0 });
      const places = placesOf(c.runtime.state(c.bundle.id).pid);
      expect(new Set(Object.values(places))).to.deep.equal(new Set([expected(c.bundle.id)]));
      const limit = join(ROOT, isUnified ? '' : 'pids', expected(c.bundle.id), 'pids.max');
      expect(readFileSync(limit, 'utf8')).to.equal('50\n');
      remove();
      expect(existsSync(dirname(limit))).to.equal(false);
    });
  }

  it('refuses a cgroup that has processes, and leaves it to them', async function () {
    deviates(this, 'runc', 'warns before 1.2');
    deviates(this, 'crun', 'puts the container beside them');
    makeCgroups(above);
    const sleeper = spawn('sleep', ['1000'], { stdio: 'ignore' });
    const ended = new Promise((resolve) => sleeper.once('close', resolve));
    try {
      for (const tree of trees) writeFileSync(join(tree, above, 'cgroup.procs'), String(sleeper.pid));
      const refused = c.create('exec sleep 1000', (config) => {
        config.linux.cgroupsPath = above;
      });
      expect(refused).to.include({ status: 1 });
      expect(refused.stderr).to.match(/container's cgroup is not empty: 1 process\(es\) found/);
      expect(Object.values(placesOf(sleeper.pid as number))).to.include(above);
      expect(sleeper.exitCode).to.equal(null);
    } finally {
      sleeper.kill('SIGKILL');
      await ended;
    }
  });

  it('refuses a cgroup that is frozen, and leaves it so', function () {
    deviates(this, 'crun', 'waits in it for ever');
    makeCgroups(above);
    const file = isUnified ? join(ROOT, above, 'cgroup.freeze') : join(ROOT, 'freezer', above, 'freezer.state');
    writeFileSync(file, isUnified ? '1' : 'FROZEN');
    const refused = c.create('exec sleep 1000', (config) => {
      config.linux.cgroupsPath = above;
    });
    expect(refused).to.include({ status: 1 });
    expect(refused.stderr).to.match(/container's cgroup unexpectedly frozen/);
    expect(readFileSync(file, 'utf8').trim()).to.equal(isUnified ? '1' : 'FROZEN');
  });

  it('keeps a cgroup that was there before, with the limits of the last container', function () {
    for (const peer of ['runc', 'crun']) deviates(this, peer, 'removes it');
    makeCgroups(above);
    for (const limit of [20, 30]) {
      const made = c.create('exec sleep 1000', (config) => {
        config.linux.cgroupsPath = above;
        config.linux.resources.pids = { limit };
      });
      expect(made).to.include({ status: 0 });
      expect(readFileSync(join(ROOT, isUnified ? '' : 'pids', above, 'pids.max'), 'utf8')).to.equal(`${limit}\n`);
      remove();
    }
    for (const tree of trees) expect(existsSync(join(tree, above)), basename(tree)).to.equal(true);
  });

  describe('below a threaded cgroup', () => {
    const threaded = join(ROOT, above, 'threaded');
    const inside = (config: Config): void => {
      config.linux.cgroupsPath = `${above}/threaded/${c.bundle.id}`;
    };
    const makeThreaded = (): void => {
      writeFileSync(join(ROOT, 'cgroup.subtree_control'), '+pids +memory');
      mkdirSync(threaded, { recursive: true });
      writeFileSync(join(threaded, 'cgroup.type'), 'threaded');
      writeFileSync(join(ROOT, above, 'cgroup.subtree_control'), '+pids');
    };

    it('is one itself, and lives as others do', function () {
      if (!isUnified) this.skip();
      makeThreaded();
      const made = c.create('exec sleep 1000', (config) => {
        inside(config);
        config.linux.resources.pids = { limit: 20 };
      });
      expect(made).to.include({ status: 0 });
      const dir = join(threaded, c.bundle.id);
      const { pid } = c.runtime.state(c.bundle.id);
      expect(readFileSync(join(dir, 'cgroup.type'), 'utf8')).to.equal('threaded\n');
      expect(readFileSync(join(dir, 'cgroup.threads'), 'utf8').split('\n')).to.include(String(pid));
      expect(readFileSync(join(dir, 'pids.max'), 'utf8')).to.equal('20\n');
      expect(c.verb('start')).to.include({ status: 0 });
      remove();
      expect(existsSync(dir)).to.equal(false);
    });

    it('cannot have what is for whole processes', function () {
      if (!isUnified) this.skip();
      deviates(this, 'crun', 'leaves the cgroup of a container that it could not make');
      makeThreaded();
      const refused = c.create('exec sleep 1000', (config) => {
        inside(config);
        config.linux.resources.memory = { limit: 64 * MIB };
      });
      expect(refused).to.include({ status: 1 });
      expect(existsSync(join(threaded, c.bundle.id))).to.equal(false);
    });
  });
});
