// config.md#root and how it becomes "/": with pivot_root(2), without it, and without a mount namespace.

import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { baseConfig, type Config, writeConfig } from '../harness/bundle.ts';
import { type Case, useCase } from '../harness/case.ts';
import { deviates, type Result } from '../harness/runtime.ts';

/** Runs `script` in a mount namespace of its own, which stands for the host's; "$@" there is the runtime. */
function onHostOf(c: Case, script: string, propagation = 'private'): Result {
  const [program, words] = c.runtime.line([]);
  const prepared = `set -e; cd ${c.bundle.dir}; mount --make-r${propagation} /; ${script}`;
  const { status, stdout, stderr } = spawnSync('unshare', ['-m', 'sh', '-c', prepared, 'sh', program, ...words], {
    encoding: 'utf8',
    timeout: 20_000,
  });
  return { status, stdout, stderr };
}

describe('root without a mount namespace', () => {
  const c = useCase();
  const withoutNamespace = (script: string, change: (config: Config) => void = () => {}): void => {
    const config = baseConfig(c.bundle, script);
    config.linux.namespaces = config.linux.namespaces.filter(({ type }: { type: string }) => type !== 'mount');
    change(config);
    writeConfig(c.bundle, config);
  };
  const create = () => `"$@" create ${c.bundle.id} </dev/null >/dev/null`;
  const remove = () => `"$@" delete ${c.bundle.id}`;
  /** Where the bundle has mounts, below its folder. */
  const points = (after: string) =>
    `echo "${after}:" $(sed -n 's|.* ${c.bundle.dir}/\\([^ ]*\\) .*|\\1|p' /proc/self/mountinfo)`;

  it('has all of its mounts in one of the root, and `umount -R` takes them', function () {
    deviates(this, 'crun', 'cannot do without a mount namespace');
    withoutNamespace('true');
    const result = onHostOf(
      c,
      `${create()}; ${points('created')}; umount -R --lazy rootfs; ${points('unmounted')}; ${remove()}`,
    );
    const mounts = 'rootfs rootfs/proc rootfs/dev rootfs/dev/pts rootfs/sys';
    expect(result).to.include({ status: 0, stdout: `created: ${mounts}\nunmounted:\n` });
  });

  it('leaves no mount when it is deleted, or was never made', function () {
    deviates(this, 'runc', 'leaves the mounts');
    deviates(this, 'crun', 'cannot do without a mount namespace');
    withoutNamespace('true');
    const deleted = onHostOf(c, `${create()}; ${remove()}; ${points('deleted')}`);
    expect(deleted).to.include({ status: 0, stdout: 'deleted:\n' });
    withoutNamespace('true', (config) => {
      config.process.args = ['/not/there'];
    });
    const failed = onHostOf(c, `${create()} || true; ${points('failed')}`);
    expect(failed).to.include({ status: 0, stdout: 'failed:\n' });
  });

  it('takes off no mount but its own', function () {
    deviates(this, 'crun', 'cannot do without a mount namespace');
    withoutNamespace('true');
    const other = 'mount -t tmpfs other rootfs';
    const result = onHostOf(c, `${create()}; umount -R --lazy rootfs; ${other}; ${remove()}; ${points('deleted')}`);
    expect(result).to.include({ status: 0, stdout: 'deleted: rootfs\n' });
  });

  it("leaves the propagation of the host's mounts as it is", function () {
    deviates(this, 'runc', 'makes them slaves');
    deviates(this, 'crun', 'cannot do without a mount namespace');
    withoutNamespace('true');
    const kept = 'cut -d" " -f5,7 /proc/self/mountinfo | grep -v rootfs';
    const compare = `mount --bind . .; before=$(${kept}); ${create()}; test "$before" = "$(${kept})"; ${remove()}`;
    expect(onHostOf(c, compare, 'shared')).to.include({ status: 0, stderr: '' });
  });

  it('is read-only when it is asked to be, for exec too', function () {
    deviates(this, 'runc', 'ignores it');
    deviates(this, 'crun', 'cannot do without a mount namespace');
    withoutNamespace('sleep 100', (config) => {
      config.root.readonly = true;
    });
    const write = 'touch /file; echo $?; touch /dev/file; echo $?';
    const result = onHostOf(
      c,
      `${create()}; "$@" start ${c.bundle.id}; "$@" exec ${c.bundle.id} sh -c '${write}' 2>/dev/null
      "$@" delete --force ${c.bundle.id}; touch rootfs/file`,
    );
    expect(result).to.include({ status: 0, stdout: '1\n0\n' });
  });
});

describe('--no-pivot', () => {
  const c = useCase();

  /**
   * KERNEL: pivot_root(2) refuses where the mount that the caller's root stands on is shared, as it does where there is none
   * (on the initial ramfs); to move a mount over the root is possible.
   */
  function onSharedMount(flags: string): Result {
    const root = join(c.bundle.dir, 'plain');
    mkdirSync(join(root, 'bundle'), { recursive: true });
    cpSync(c.bundle.rootfs, join(root, 'bundle/rootfs'), { recursive: true, verbatimSymlinks: true });
    cpSync(join(c.bundle.dir, 'config.json'), join(root, 'bundle/config.json'));
    const bind = `mount --bind plain plain
    for each in /*/ ${process.cwd()}; do mkdir -p plain$each; mount --bind $each plain$each; done
    for each in /proc /dev /sys; do mount --rbind $each plain$each; done`;
    const here = `cd ${process.cwd()}; exec "$@" run ${flags} --bundle /bundle ${c.bundle.id}`;
    return onHostOf(c, `${bind}; exec chroot plain sh -c '${here}' sh "$@"`, 'shared');
  }

  it('does without pivot_root(2), where the kernel refuses it', () => {
    writeConfig(c.bundle, baseConfig(c.bundle, 'ls /; cat /proc/self/mounts'));
    const { status, stderr } = onSharedMount('');
    expect(status).to.equal(1);
    expect(stderr).to.match(/pivot_root/);
    const result = onSharedMount('--no-pivot');
    expect(result).to.include({ status: 0, stderr: '' });
    expect(result.stdout).to.match(/^bin\ndev\netc\nproc\nroot\nrun\nsys\ntmp\nvar\n/);
    expect(
      result.stdout
        .match(/^\S+ \S+/gm)
        ?.map((line) => line.split(' ')[1])
        .slice(-5),
    ).to.deep.equal(['/', '/proc', '/dev', '/dev/pts', '/sys']);
  });
});
