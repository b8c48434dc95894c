// podman: `podman --runtime PATH run`, as root.

import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'mocha';
import { runtimePath } from '../harness/runtime.ts';
import { clean, command, expectThrough, folder, must, obstacle, privately, SCRIPT } from './engine.ts';
import { IMAGE, writeImage } from './image.ts';

const runtime = spawnSync('which', [runtimePath], { encoding: 'utf8' }).stdout.trim();
/** podman raises NOFILE and NPROC by itself, which needs CAP_SYS_RESOURCE: ask for little instead. */
const LIMITS = ['--ulimit', 'nofile=1024:1024', '--ulimit', 'nproc=1024:1024'];

describe('engine: podman', function () {
  this.timeout(120_000);
  const group = `tsoci-podman-${process.pid}`;
  let dir = '';
  const podman = (...words: string[]) => {
    const places = ['--root', join(dir, 'root'), '--runroot', join(dir, 'run'), '--tmpdir', join(dir, 'tmp')];
    const drivers = ['--storage-driver', 'vfs', '--cgroup-manager', 'cgroupfs', '--events-backend', 'file'];
    return privately(['podman', '--runtime', runtime, ...places, ...drivers, ...words]);
  };
  const env = () => ({ CONTAINERS_CONF: join(dir, 'containers.conf') });

  before(async function () {
    const reason = obstacle('podman', 'conmon');
    if (reason) {
      console.log(`podman skipped: ${reason}`);
      return this.skip();
    }
    dir = folder('podman');
    mkdirSync(join(dir, 'tmp'));
    writeFileSync(env().CONTAINERS_CONF, '[containers]\ndefault_ulimits = []\n');
    await writeImage(join(dir, 'image.tar'));
    must(podman('load', '--input', join(dir, 'image.tar')), { env: env() });
    writeFileSync(join(dir, 'input'), 'through\n');
  });

  after(() => {
    if (dir) clean(dir, group);
  });

  it('runs busybox: standard input, output, error and exit code come through', () => {
    const flags = ['run', '--rm', '--interactive', '--network', 'none', '--cgroup-parent', `/${group}`, ...LIMITS];
    const words = podman(...flags, IMAGE, '/bin/sh', '-c', SCRIPT);
    expectThrough(command(words, { input: join(dir, 'input'), env: env() }));
  });
});
