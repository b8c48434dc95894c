// A containerd of the test's own, in a folder of its own.

import type { ChildProcess } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Context } from 'mocha';
import { clean, folder, must, obstacle, startDaemon, stopDaemon } from './engine.ts';

/** Why containerd cannot run here, or undefined. */
const containerdObstacle = (): string | undefined => obstacle('containerd', 'ctr', 'containerd-shim-runc-v2');

export class Containerd {
  readonly dir = folder('containerd');
  readonly socket = join(this.dir, 'c.sock');
  readonly space: string;
  #daemon: ChildProcess | undefined;
  constructor(space: string) {
    this.space = space;
  }

  /** The words of a call of ctr. */
  ctr = (...words: string[]): string[] => ['ctr', '--address', this.socket, '--namespace', this.space, ...words];

  /** Starts the daemon; `config` is its config.toml. */
  async start(config: string): Promise<void> {
    const file = join(this.dir, 'config.toml');
    writeFileSync(file, config);
    const places = ['--root', join(this.dir, 'root'), '--state', join(this.dir, 'state'), '--address', this.socket];
    const words = ['containerd', '--config', file, ...places];
    this.#daemon = await startDaemon(words, join(this.dir, 'log'), this.ctr('version'));
  }

  import(tar: string): void {
    must(this.ctr('image', 'import', '--snapshotter', 'native', tar));
  }

  /** Ends the daemon and removes what it had: its folder, the cgroup `group` and the runtime's state. */
  async end(group = this.space): Promise<void> {
    await stopDaemon(this.#daemon);
    clean(this.dir, group);
    rmSync(`/run/containerd/runc/${this.space}`, { recursive: true, force: true });
  }
}

/** Skips a suite, with the reason said, where containerd is not to be had. */
export function skipWithoutContainerd(context: Context): void {
  const reason = containerdObstacle();
  if (reason === undefined) return;
  console.log(`containerd skipped: ${reason}`);
  context.skip();
}
