// dockerd and docker: `docker run --runtime`.

import { type ChildProcess, spawnSync } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'mocha';
import { runtimePath } from '../harness/runtime.ts';
import { clean, command, expectThrough, folder, must, obstacle, SCRIPT, startDaemon, stopDaemon } from './engine.ts';
import { IMAGE, writeImage } from './image.ts';

/** The distribution's client fits its daemon; another one may come first on the PATH. */
const CLIENT = existsSync('/usr/bin/docker') ? '/usr/bin/docker' : 'docker';
const runtime = spawnSync('which', [runtimePath], { encoding: 'utf8' }).stdout.trim();

describe('engine: docker', function () {
  this.timeout(120_000);
  const group = `tsoci-docker-${process.pid}`;
  let dir = '';
  let daemon: ChildProcess | undefined;
  const host = () => `unix://${join(dir, 'd.sock')}`;
  const docker = (...words: string[]) => [CLIENT, '--config', join(dir, 'client'), '--host', host(), ...words];

  before(async function () {
    const reason = obstacle('dockerd', CLIENT, 'containerd');
    if (reason) {
      console.log(`docker skipped: ${reason}`);
      return this.skip();
    }
    dir = folder('docker');
    writeFileSync(join(dir, 'daemon.json'), '{}');
    const files = ['--config-file', join(dir, 'daemon.json'), '--pidfile', join(dir, 'pid'), '--host', host()];
    const places = ['--data-root', join(dir, 'data'), '--exec-root', join(dir, 'exec'), '--storage-driver', 'vfs'];
    const network = ['--bridge=none', '--iptables=false', '--ip6tables=false', '--ip-forward=false', '--ip-masq=false'];
    const runs = ['--add-runtime', `tested=${runtime}`, '--cgroup-parent', `/${group}`];
    const words = ['dockerd', ...files, ...places, ...network, ...runs];
    daemon = await startDaemon(words, join(dir, 'log'), docker('version'));
    await writeImage(join(dir, 'image.tar'));
    must(docker('load', '--input', join(dir, 'image.tar')));
    writeFileSync(join(dir, 'input'), 'through\n');
  });

  after(async () => {
    await stopDaemon(daemon);
    if (dir) clean(dir, group);
  });

  it('runs busybox: standard input, output, error and exit code come through', () => {
    const flags = ['run', '--rm', '--interactive', '--runtime', 'tested', '--network', 'none'];
    const words = docker(...flags, IMAGE, '/bin/sh', '-c', SCRIPT);
    expectThrough(command(words, { input: join(dir, 'input') }));
  });
});
