// A CRI-O of the test's own, in a folder and in namespaces of its own. podman brings it its images: there is no registry.

import type { ChildProcess } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Context } from 'mocha';
import { skipSuite } from '../harness/skip.ts';
import { type CriEngine, HANDLER, type Message, PLUGINS, writeNetwork } from './cri.ts';
import { type Driver, removeUnits } from './drivers.ts';
import { clean, folder, holdNamespaces, must, obstacle, startDaemon, stopDaemon, which } from './engine.ts';
import { PAUSE, writeImages } from './image.ts';
import { fenced } from './page.ts';

/** Skips a suite, with the reason said, where CRI-O is not to be had. */
export function skipWithoutCrio(context: Context): void {
  const reason = obstacle('crio', 'pinns', 'conmon', 'podman');
  skipSuite(context, 'CRI-O', reason);
}

export class Crio implements CriEngine {
  readonly dir = folder('crio');
  readonly socket = join(this.dir, 'crio.sock');
  readonly #config = join(this.dir, 'crio.conf');
  readonly #storage = ['--root', join(this.dir, 'root'), '--runroot', join(this.dir, 'run'), '--storage-driver', 'vfs'];
  readonly words = {
    unknownHandler: 'failed to find runtime handler missing',
    timeout: 'command timed out',
    scope: 'crio',
  };
  readonly callsAtCreation = true;
  #daemon: ChildProcess | undefined;
  #namespaces: ChildProcess | undefined;

  async start(driver: Driver): Promise<void> {
    writeFileSync(join(this.dir, 'policy.json'), JSON.stringify({ default: [{ type: 'insecureAcceptAnything' }] }));
    writeFileSync(this.#config, this.#configuration(driver));
    this.#namespaces = await holdNamespaces();
    for (const tar of await writeImages(this.dir)) this.#import(tar);
    await this.#run();
  }

  async restart(): Promise<void> {
    await stopDaemon(this.#daemon);
    await this.#run();
  }

  async end(group: string): Promise<void> {
    await stopDaemon(this.#daemon);
    await stopDaemon(this.#namespaces);
    removeUnits(group);
    clean(this.dir, group);
  }

  /** As conmon, the parent of the container's first process, was told. */
  runtimeOf({ pid }: Message): string {
    const [, parent] = /^PPid:\t(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
    const words = readFileSync(`/proc/${parent}/cmdline`, 'utf8').split('\0');
    return words[words.indexOf('-r') + 1] ?? '';
  }

  /** What a test has to say of its own, and the page's. */
  #configuration(driver: Driver): string {
    const at = (name: string) => JSON.stringify(join(this.dir, name));
    return `[crio]
root = ${at('root')}
runroot = ${at('run')}
storage_driver = "vfs"
log_dir = ${at('pods')}
version_file = ${at('version')}
version_file_persist = ${at('version-persist')}
clean_shutdown_file = ${at('clean')}
[crio.api]
listen = ${at('crio.sock')}
stream_port = "0"
[crio.image]
pause_image = "${PAUSE}"
pause_command = ""
signature_policy = ${at('policy.json')}
[crio.network]
network_dir = ${JSON.stringify(writeNetwork(this.dir))}
plugin_dirs = ["${PLUGINS}"]
[crio.nri]
enable_nri = false
[crio.runtime]
default_runtime = "${HANDLER}"
cgroup_manager = "${driver}"
conmon_cgroup = "pod"
hooks_dir = []
pinns_path = "${which('pinns')}"
namespaces_dir = ${at('namespaces')}
container_exits_dir = ${at('exits')}
container_attach_socket_dir = ${at('attach')}
disable_hostport_mapping = true
irqbalance_config_restore_file = "disable"
${fenced('toml /etc/crio/crio.conf.d/tsoci.conf').replace('/run/tsoci', join(this.dir, 'state'))}`;
  }

  #enter = (words: readonly string[]): string[] => [
    ...['nsenter', '--target', String(this.#namespaces?.pid), '--mount', '--net'],
    ...words,
  ];

  #import(tar: string): void {
    must(this.#enter(['podman', ...this.#storage, 'load', '--input', tar]));
  }

  async #run(): Promise<void> {
    const words = this.#enter(['crio', '--config', this.#config, '--config-dir', join(this.dir, 'none')]);
    const ready = ['crio', 'status', '--socket', this.socket, 'info'];
    this.#daemon = await startDaemon(words, join(this.dir, 'log'), ready);
  }
}
