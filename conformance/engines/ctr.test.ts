// containerd and ctr: `ctr run --runc-binary`.

import type { ChildProcess } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'mocha';
import { runtimePath } from '../harness/runtime.ts';
import { clean, command, expectThrough, folder, must, obstacle, SCRIPT, startDaemon, stopDaemon } from './engine.ts';
import { IMAGE, writeImage } from './image.ts';

describe('engine: containerd', function () {
  this.timeout(120_000);
  const space = `tsoci-ctr-${process.pid}`;
  let dir = '';
  let daemon: ChildProcess | undefined;
  const ctr = (...words: string[]) => ['ctr', '--address', join(dir, 'c.sock'), '--namespace', space, ...words];

  before(async function () {
    const reason = obstacle('containerd', 'ctr', 'containerd-shim-runc-v2');
    if (reason) {
      console.log(`containerd skipped: ${reason}`);
      return this.skip();
    }
    dir = folder('ctr');
    const config = join(dir, 'config.toml');
    writeFileSync(config, 'version = 2\ndisabled_plugins = ["io.containerd.grpc.v1.cri"]\n');
    const places = ['--root', join(dir, 'root'), '--state', join(dir, 'state'), '--address', join(dir, 'c.sock')];
    const words = ['containerd', '--config', config, ...places];
    daemon = await startDaemon(words, join(dir, 'log'), ctr('version'));
    await writeImage(join(dir, 'image.tar'));
    must(ctr('image', 'import', '--snapshotter', 'native', join(dir, 'image.tar')));
    writeFileSync(join(dir, 'input'), 'through\n');
  });

  after(async () => {
    await stopDaemon(daemon);
    if (dir) clean(dir, space);
    rmSync(`/run/containerd/runc/${space}`, { recursive: true, force: true });
  });

  it('runs busybox: standard input, output, error and exit code come through', () => {
    const flags = ['run', '--rm', '--snapshotter', 'native', '--runc-binary', runtimePath];
    const words = ctr(...flags, '--fifo-dir', join(dir, 'fifo'), IMAGE, 'one', '/bin/sh', '-c', SCRIPT);
    expectThrough(command(words, { input: join(dir, 'input') }));
  });
});
