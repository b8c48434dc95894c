// A dockerd of the test's own, in a folder of its own, with the runtime under test as its default.

import type { ChildProcess } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Context } from 'mocha';
import { skipSuite } from '../harness/skip.ts';
import { type Driver, parentOf, removeUnits } from './drivers.ts';
import {
  clean,
  command,
  folder,
  inFolderOfEngines,
  must,
  obstacle,
  privately,
  startDaemon,
  stopDaemon,
  which,
} from './engine.ts';
import { writeImage } from './image.ts';
import { fenced } from './page.ts';

/** The client that was packaged with the daemon fits it; another one may come first on the PATH. */
const BESIDE = join(dirname(which('dockerd')), '../bin/docker');
const CLIENT = existsSync(BESIDE) ? BESIDE : 'docker';
const NETWORK = ['--bridge=none', '--iptables=false', '--ip6tables=false', '--ip-forward=false', '--ip-masq=false'];

/** Skips a suite, with the reason said, where dockerd is not to be had. */
export function skipWithoutDocker(context: Context): void {
  const reason = obstacle('dockerd', CLIENT, 'containerd');
  skipSuite(context, 'docker', reason);
}

export class Docker {
  readonly dir = folder('docker');
  readonly group = `tsoci_docker_${process.pid}`;
  readonly #driver: Driver;
  readonly #isRunc: boolean;
  readonly #host = `unix://${join(this.dir, 'd.sock')}`;
  #daemon: ChildProcess | undefined;
  /** The runtime is that of daemon.json, or stands as `runc` in the PATH of the daemon. */
  constructor(driver: Driver, { isRunc = false } = {}) {
    this.#driver = driver;
    this.#isRunc = isRunc;
  }

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
    writeFileSync(file, this.#isRunc ? '{}' : fenced('json /etc/docker/daemon.json'));
    const files = ['--config-file', file, '--pidfile', join(this.dir, 'pid'), '--host', this.#host];
    const places = ['--data-root', join(this.dir, 'data'), '--exec-root', join(this.dir, 'exec')];
    const parent = ['--cgroup-parent', parentOf(this.#driver, this.group)];
    const cgroups = [...parent, '--exec-opt', `native.cgroupdriver=${this.#driver}`];
    const words = privately(['dockerd', ...files, ...places, '--storage-driver', 'vfs', ...cgroups, ...NETWORK]);
    this.#configureClient();
    this.#daemon = await startDaemon(words, join(this.dir, 'log'), this.words('version'), this.#environment());
    await writeImage(join(this.dir, 'image.tar'));
    this.must('load', '--input', join(this.dir, 'image.tar'));
  }

  /** Another docker than the installed one has its own buildx. */
  #configureClient(): void {
    const config = { cliPluginsExtraDirs: inFolderOfEngines('usr/libexec/docker/cli-plugins') };
    mkdirSync(join(this.dir, 'client'));
    writeFileSync(join(this.dir, 'client/config.json'), JSON.stringify(config));
  }

  /** The daemon's: with the page's link first in its PATH, or without. */
  #environment(): NodeJS.ProcessEnv {
    if (!this.#isRunc) return process.env;
    const bin = join(this.dir, 'bin');
    mkdirSync(bin);
    const place = (word: string) => word.replace(/^\/usr\/local\/bin\/runc$/, join(bin, 'runc'));
    must(fenced('sh in the place of runc').trim().split(' ').map(place));
    return { ...process.env, PATH: `${bin}:${process.env['PATH']}` };
  }

  async end(): Promise<void> {
    for (const id of command(this.words('ps', '--all', '--quiet'))
      .stdout.split('\n')
      .filter(Boolean)) {
      command(this.words('rm', '--force', id));
    }
    await stopDaemon(this.#daemon);
    removeUnits(this.group);
    clean(this.dir, this.group);
  }
}
