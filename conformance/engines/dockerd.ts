// A dockerd of the test's own, in a folder of its own, with the runtime under test as its default.

import type { ChildProcess } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Context } from 'mocha';
import { clean, command, folder, must, obstacle, privately, startDaemon, stopDaemon, which } from './engine.ts';
import { writeImage } from './image.ts';
import { fenced } from './page.ts';

/** The client that was packaged with the daemon fits it; another one may come first on the PATH. */
const BESIDE = join(dirname(which('dockerd')), '../bin/docker');
const CLIENT = existsSync(BESIDE) ? BESIDE : 'docker';
const NETWORK = ['--bridge=none', '--iptables=false', '--ip6tables=false', '--ip-forward=false', '--ip-masq=false'];

/** Skips a suite, with the reason said, where dockerd is not to be had. */
export function skipWithoutDocker(context: Context): void {
  const reason = obstacle('dockerd', CLIENT, 'containerd');
  if (reason === undefined) return;
  console.log(`docker skipped: ${reason}`);
  context.skip();
}

export class Docker {
  readonly dir = folder('docker');
  readonly #group = `tsoci-docker-${process.pid}`;
  readonly #host = `unix://${join(this.dir, 'd.sock')}`;
  #daemon: ChildProcess | undefined;

  /** The words of a call of docker. */
  words = (...words: string[]): string[] => [
    CLIENT,
    '--config',
    join(this.dir, 'client'),
    '--host',
    this.#host,
    ...words,
  ];

  /** The output of a call of docker that does not fail. */
  must = (...words: string[]): string => must(this.words(...words));

  async start(): Promise<void> {
    const file = join(this.dir, 'daemon.json');
    writeFileSync(file, fenced('json /etc/docker/daemon.json'));
    const files = ['--config-file', file, '--pidfile', join(this.dir, 'pid'), '--host', this.#host];
    const places = ['--data-root', join(this.dir, 'data'), '--exec-root', join(this.dir, 'exec')];
    const storage = ['--storage-driver', 'vfs', '--cgroup-parent', `/${this.#group}`];
    const words = privately(['dockerd', ...files, ...places, ...storage, ...NETWORK]);
    this.#daemon = await startDaemon(words, join(this.dir, 'log'), this.words('version'));
    await writeImage(join(this.dir, 'image.tar'));
    this.must('load', '--input', join(this.dir, 'image.tar'));
  }

  async end(): Promise<void> {
    for (const id of command(this.words('ps', '--all', '--quiet'))
      .stdout.split('\n')
      .filter(Boolean)) {
      command(this.words('rm', '--force', id));
    }
    await stopDaemon(this.#daemon);
    clean(this.dir, this.#group);
  }
}
