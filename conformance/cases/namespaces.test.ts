// config-linux.md#namespaces: those that are joined by their paths.

import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, readlinkSync } from 'node:fs';
import { expect } from 'chai';
import { afterEach, describe, it } from 'mocha';
import type { Config } from '../harness/bundle.ts';
import { useCase } from '../harness/case.ts';
import { deviates } from '../harness/runtime.ts';
import { until } from '../harness/until.ts';

describe('namespaces that are joined', () => {
  const c = useCase();
  const holders: ChildProcess[] = [];
  afterEach(() => {
    for (const holder of holders.splice(0)) holder.kill('SIGKILL');
  });

  /** Path of a new namespace `name`, which the host's user namespace owns. */
  function hold(name: string, ...flags: string[]): string {
    const holder = spawn('unshare', [...flags, 'sleep', '100'], { stdio: 'ignore' });
    holders.push(holder);
    const path = `/proc/${holder.pid}/ns/${name}`;
    until(() => readlinkSync(path) !== readlinkSync(`/proc/self/ns/${name}`), 'the namespace');
    return path;
  }

  function join(config: Config, type: string, path: string): void {
    const others = config.linux.namespaces.filter((each: { type: string }) => each.type !== type);
    config.linux.namespaces = [...others, { type, path }];
  }

  it('are a user namespace, and a network namespace that it does not own', function () {
    deviates(this, 'runc', '1.1 wants maps of a user namespace that is joined');
    chmodSync(c.bundle.dir, 0o755);
    const user = hold('user', '--user', '--map-root-user');
    const network = hold('net', '--net');
    const result = c.run('readlink /proc/self/ns/user; readlink /proc/self/ns/net', (config) => {
      join(config, 'user', user);
      join(config, 'network', network);
      // The user namespace's root may not mount sysfs for a network namespace of others.
      config.mounts = config.mounts.filter(({ type }: { type: string }) => type !== 'sysfs');
    });

    expect(result).to.include({ status: 0, stdout: `${readlinkSync(user)}\n${readlinkSync(network)}\n` });
  });
});
