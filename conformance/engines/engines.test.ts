// Engines of Debian's packages run a container by the runtime: standard input and exit code come through.

import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import { writeRootfs } from '../harness/bundle.ts';
import { runtimePath } from '../harness/runtime.ts';
import { until } from '../harness/until.ts';

const SCRIPT = 'read line; echo $line; exit 7';
const runtime = spawnSync('which', [runtimePath], { encoding: 'utf8' }).stdout.trim();
const missing = (program: string) => spawnSync('which', [program]).status !== 0;

describe('engines', () => {
  const dir = mkdtempSync(join(tmpdir(), 'tsoci-engines.'));
  const rootfs = join(dir, 'rootfs');
  before(() => writeRootfs(rootfs));
  after(() => rmSync(dir, { recursive: true, force: true }));

  const expectSmoke = (program: string, args: readonly string[]) => {
    const options = { encoding: 'utf8', input: 'through\n', timeout: 25_000, killSignal: 'SIGKILL' } as const;
    const { status, stdout, stderr } = spawnSync(program, args, options);
    expect({ status, stdout }, stderr).to.deep.equal({ status: 7, stdout: 'through\n' });
  };

  it('podman', function () {
    if (missing('podman')) this.skip();
    const storage = ['--root', join(dir, 'podman'), '--runroot', join(dir, 'podman-run'), '--storage-driver', 'vfs'];
    const engine = [...storage, '--cgroup-manager', 'cgroupfs', '--events-backend', 'file', '--runtime', runtime];
    const flags = ['run', '--rm', '-i', '--network', 'none', '--rootfs', rootfs];
    expectSmoke('podman', [...engine, ...flags, '/bin/sh', '-c', SCRIPT]);
  });

  describe('containerd', () => {
    let daemon: ChildProcess | undefined;
    const socket = join(dir, 'containerd.sock');
    before(function () {
      if (missing('containerd') || missing('ctr')) this.skip();
      writeFileSync(join(dir, 'containerd.toml'), 'version = 2\ndisabled_plugins = ["io.containerd.grpc.v1.cri"]\n');
      const folders = ['--root', join(dir, 'ctd'), '--state', join(dir, 'ctd-run'), '--address', socket];
      daemon = spawn('containerd', ['--config', join(dir, 'containerd.toml'), ...folders], { stdio: 'ignore' });
      until(() => existsSync(socket), "containerd's socket");
    });
    after(() => void daemon?.kill('SIGTERM'));

    it('ctr', () => {
      const flags = ['run', '--rm', '--runc-binary', runtime, '--rootfs', rootfs, `smoke-${process.pid}`];
      expectSmoke('ctr', ['--address', socket, ...flags, '/bin/sh', '-c', SCRIPT]);
    });
  });
});
