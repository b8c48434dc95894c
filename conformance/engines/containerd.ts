// A containerd of the test's own, in a folder and in namespaces of its own.

import type { ChildProcess } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Context } from 'mocha';
import { skipSuite } from '../harness/skip.ts';
import { removeUnits } from './drivers.ts';
import { clean, folder, holdNamespaces, must, obstacle, startDaemon, stopDaemon } from './engine.ts';

export class Containerd {
  readonly dir = folder('containerd');
  readonly socket = join(this.dir, 'c.sock');
  readonly space: string;
  #daemon: ChildProcess | undefined;
  #namespaces: ChildProcess | undefined;
  constructor(space: string) {
    this.space = space;
  }

  /** The words of a call of ctr. */
  ctr = (...words: string[]): string[] => ['ctr', '--address', this.socket, '--namespace', this.space, ...words];

  /** Starts the daemon; `config` is its config.toml. */
  async start(config: string): Promise<void> {
    writeFileSync(this.#config, config);
    this.#namespaces = await holdNamespaces();
    await this.#run();
  }

  /** Ends the daemon and starts it again where it was: its containers live on with their shims. */
  async restart(): Promise<void> {
    await stopDaemon(this.#daemon);
    await this.#run();
  }

  import(tar: string): void {
    must(this.ctr('image', 'import', '--no-unpack', tar));
  }

  /** Ends the daemon and removes what it had: its folder, and the cgroup `group`. */
  async end(group = this.space): Promise<void> {
    await stopDaemon(this.#daemon);
    await stopDaemon(this.#namespaces);
    removeUnits(group);
    clean(this.dir, group);
  }

  /** Removes what `ctr run` leaves of the runtime's state, which has a place given by its namespace. */
  removeState(): void {
    rmSync(`/run/containerd/runc/${this.space}`, { recursive: true, force: true });
  }

  get #config(): string {
    return join(this.dir, 'config.toml');
  }

  async #run(): Promise<void> {
    const enter = ['nsenter', '--target', String(this.#namespaces?.pid), '--mount', '--net'];
    const places = ['--root', join(this.dir, 'root'), '--state', join(this.dir, 'state'), '--address', this.socket];
    const words = [...enter, 'containerd', '--config', this.#config, ...places];
    this.#daemon = await startDaemon(words, join(this.dir, 'log'), this.ctr('version'));
  }
}

/** Skips a suite, with the reason said, where containerd is not to be had. */
export function skipWithoutContainerd(context: Context): void {
  const reason = obstacle('containerd', 'ctr', 'containerd-shim-runc-v2');
  skipSuite(context, 'containerd', reason);
}
