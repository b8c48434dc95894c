// podman with folders of its own, as root or as a user: one with a systemd of its own, or one who is known inside the
// test's mount namespace alone.

import type { ChildProcess } from 'node:child_process';
import { appendFileSync, chownSync, copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Context } from 'mocha';
import { runtimeName } from '../harness/runtime.ts';
import { skipSuite } from '../harness/skip.ts';
import { obstacleToUser, USER } from '../harness/systemd.ts';
import { type Driver, removeUnits } from './drivers.ts';
import {
  clean,
  command,
  folder,
  holdNamespaces,
  inFolderOfEngines,
  mayRaiseLimits,
  must,
  obstacle,
  type Run,
  runtimeFile,
  stopDaemon,
} from './engine.ts';
import { PAUSE, writeImages } from './image.ts';
import { fenced, pageCommand } from './page.ts';

interface User {
  readonly name: string;
  readonly id: number;
}
const TESTER: User = { name: 'tsoci-tester', id: 61_234 };
const FIRST_SUB_ID = 2_000_000_000;
const FILES: Record<string, string> = {
  passwd: `${TESTER.name}:x:${TESTER.id}:${TESTER.id}::/nonexistent:/bin/sh`,
  group: `${TESTER.name}:x:${TESTER.id}:`,
  subuid: `${TESTER.name}:${FIRST_SUB_ID}:65536`,
  subgid: `${TESTER.name}:${FIRST_SUB_ID}:65536`,
};

/** podman as root raises NOFILE and NPROC by itself, which needs CAP_SYS_RESOURCE: ask for little instead. */
export const LIMITS = ['--ulimit', 'nofile=1024:1024', '--ulimit', 'nproc=1024:1024'];

/** Why no pod with an infra container runs as root: its limits cannot be asked for. */
export function obstacleToPods(rootless: boolean): string | undefined {
  return rootless || mayRaiseLimits()
    ? undefined
    : 'podman raises limits of infra containers, and CAP_SYS_RESOURCE is not there';
}

/** Skips a suite, with the reason said, where podman is not to be had. */
export function skipWithoutPodman(context: Context, rootless: boolean, driver: Driver): void {
  const reason =
    obstacle('podman', 'conmon', ...(rootless ? ['newuidmap', 'setpriv'] : [])) ??
    (rootless && driver === 'systemd' ? obstacleToUser() : undefined);
  skipSuite(context, 'podman', reason);
}

export class Podman {
  readonly dir = folder('podman');
  readonly group = `tsoci_podman_${process.pid}`;
  readonly #driver: Driver;
  /** Whose podman is not root's. */
  readonly #user: User | undefined;
  /** A copy that the user can reach, wherever the project lies. */
  readonly #runtime = join(this.dir, runtimeName);
  #namespaces: ChildProcess | undefined;
  #isDefault = false;
  constructor(rootless: boolean, driver: Driver) {
    this.#driver = driver;
    if (rootless) this.#user = driver === 'systemd' ? USER : TESTER;
  }

  /** The words of a call of podman. */
  words = (...words: string[]): string[] => {
    const places = [
      '--root',
      join(this.dir, 'root'),
      '--runroot',
      join(this.dir, 'run'),
      '--tmpdir',
      join(this.dir, 'tmp'),
    ];
    const drivers = ['--storage-driver', 'vfs', '--cgroup-manager', this.#driver, '--events-backend', 'file'];
    const runtime = this.#isDefault ? [] : ['--runtime', this.#runtime];
    return [...this.#enter(), 'podman', ...runtime, ...places, ...drivers, ...words];
  };

  /** The command of docs/engines.md, with more flags. */
  pageWords(flags: readonly string[]): string[] {
    return pageCommand('podman', this.words(), flags, this.#runtime);
  }

  env = (): NodeJS.ProcessEnv => ({
    CONTAINERS_CONF: join(this.dir, 'containers.conf'),
    HOME: join(this.dir, 'home'),
    USER: this.#user?.name ?? 'root',
    XDG_RUNTIME_DIR: this.#user === USER ? `/run/user/${USER.id}` : join(this.dir, 'xdg'),
    TMPDIR: join(this.dir, 'tmp'),
    PODMAN_IGNORE_CGROUPSV1_WARNING: '1',
  });

  run = (words: readonly string[], input = '/dev/null'): Run =>
    command(this.words(...words), { input, env: this.env() });

  must = (...words: string[]): string => must(this.words(...words), { env: this.env() });

  /**
   * With the page's containers.conf, where the runtime is the default and known to write its log as JSON, as podman believes of
   * runc and crun without being told; or with none of it, and --runtime.
   */
  configure(isDefault: boolean): void {
    this.#isDefault = isDefault;
    const engine = isDefault
      ? fenced('toml /etc/containers/containers.conf', this.#runtime)
      : '[engine]\nruntime_supports_json = ["another"]\n';
    const lines = ['[engine]', `infra_image = "${PAUSE}"`, ...this.#helpers(), ''];
    const text = engine.replace('[engine]\n', lines.join('\n'));
    writeFileSync(join(this.dir, 'containers.conf'), `[containers]\ndefault_ulimits = []\n${text}`);
  }

  /** Another podman than the installed one has its own conmon and its own helpers. */
  #helpers(): string[] {
    const folders = inFolderOfEngines('usr/libexec/podman', 'usr/lib/podman');
    if (folders.length === 0) return [];
    const installed = ['/usr/libexec/podman', '/usr/lib/podman'];
    const monitor = inFolderOfEngines('usr/bin/conmon').filter((path) => existsSync(path));
    return [
      `helper_binaries_dir = ${JSON.stringify([...folders, ...installed])}`,
      ...(monitor.length === 0 ? [] : [`conmon_path = ${JSON.stringify(monitor)}`]),
    ];
  }

  async start(): Promise<void> {
    this.#namespaces = await holdNamespaces();
    for (const name of ['tmp', 'home', 'xdg', 'etc']) mkdirSync(join(this.dir, name));
    copyFileSync(runtimeFile(), this.#runtime);
    this.configure(true);
    const images = await writeImages(this.dir);
    writeFileSync(join(this.dir, 'input'), 'through\n');
    if (this.#user === TESTER) this.#addTester();
    for (const name of ['.', 'tmp', 'home', 'xdg'])
      chownSync(join(this.dir, name), this.#user?.id ?? 0, this.#user?.id ?? 0);
    for (const tar of images) this.must('load', '--input', tar);
  }

  async end(): Promise<void> {
    if (this.#namespaces === undefined) return;
    this.run(['pod', 'rm', '--all', '--force', '--time', '0']);
    this.run(['rm', '--all', '--force', '--time', '0']);
    // A rootless podman leaves a process that holds its namespaces.
    const pause = join(this.dir, 'tmp/pause.pid');
    if (existsSync(pause)) process.kill(Number(readFileSync(pause, 'utf8')), 'SIGKILL');
    await stopDaemon(this.#namespaces);
    removeUnits(this.group);
    clean(this.dir, this.group);
  }

  #enter(): string[] {
    const enter = ['nsenter', '--target', String(this.#namespaces?.pid), '--mount', '--net', `--wdns=${this.dir}`];
    if (this.#user === undefined) return enter;
    return [...enter, 'setpriv', '--reuid', `${this.#user.id}`, '--regid', `${this.#user.id}`, '--clear-groups'];
  }

  /** Lets the tester be known in the namespaces of the test. */
  #addTester(): void {
    const mounts = ['nsenter', '--target', String(this.#namespaces?.pid), '--mount', 'mount', '--bind'];
    for (const [name, line] of Object.entries(FILES)) {
      const file = join(this.dir, 'etc', name);
      copyFileSync(`/etc/${name}`, file);
      appendFileSync(file, `${line}\n`);
      must([...mounts, file, `/etc/${name}`]);
    }
  }
}
