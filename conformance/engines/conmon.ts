// conmon as CRI-O and podman call it: between the engine and the runtime for as long as the container lives.

import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import type { Bundle } from '../harness/bundle.ts';
import type { Runtime } from '../harness/runtime.ts';
import type { Driver } from './drivers.ts';
import { runtimeFile } from './engine.ts';

/** What conmon tells on its sync pipe: a pid, an exit code, or a negative number with the reason. */
export interface Told {
  readonly data: number;
  readonly message: string | undefined;
}

/** A stream of attach(2): the first byte of each packet says which (2 output, 3 error). Perl, as Node knows no SEQPACKET. */
const ATTACH = `use Socket; socket(my $s, AF_UNIX, SOCK_SEQPACKET, 0) or die $!;
connect($s, pack_sockaddr_un($ARGV[0])) or die "$ARGV[0]: $!";
send($s, $ARGV[1], 0) if length $ARGV[1];
my $packet;
while (defined recv($s, $packet, 8192, 0) && length $packet) {
  syswrite(STDOUT, substr($packet, 1)); exit 0 if index($packet, $ARGV[2]) >= 0;
}`;

export class Conmon {
  readonly #bundle: Bundle;
  readonly #runtime: Runtime;
  readonly #driver: Driver;
  #caller: number | undefined;

  constructor(bundle: Bundle, runtime: Runtime, driver: Driver) {
    this.#bundle = bundle;
    this.#runtime = runtime;
    this.#driver = driver;
    for (const name of ['exits', 'persist', 'sockets']) mkdirSync(this.path(name), { recursive: true });
  }

  path = (name: string): string => join(this.#bundle.dir, name);

  read = (name: string): string => readFileSync(this.path(name), 'utf8');

  /** The exit code of the container's program, once it has ended. */
  exitCode(): number | undefined {
    const file = join('exits', this.#bundle.id);
    return existsSync(this.path(file)) ? Number(this.read(file)) : undefined;
  }

  /** The lines of the log in CRI's format, without their times: `stdout F text`; those that came in parts (P) in one. */
  log = (name = 'log'): string[] =>
    this.read(name)
      .replace(/(?<=^\S+ \w+ P .*)\n\S+ \w+ [PF] /gm, '')
      .replace(/^(\S+ \w+) P /gm, '$1 F ')
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => line.slice(line.indexOf(' ') + 1).replace('\r', ''));

  /** Of the conmon that stays with the container. It writes a file only where it forks twice. */
  pid = (): number => (existsSync(this.path('conmon.pid')) ? Number(this.read('conmon.pid')) : (this.#caller ?? 0));

  /** `conmon` for a new container. */
  create = (...flags: string[]): Promise<Told> =>
    this.#call(['--container-pidfile', this.path('pidfile'), ...this.#place('log', 'conmon.pid'), ...flags]);

  /** `conmon --exec` with a process document; its output goes to the log `name`. */
  exec(name: string, document: string, ...flags: string[]): Promise<Told> {
    const pidfile = ['--container-pidfile', this.path(`${name}.pid`)];
    const how = ['--exec', '--exec-process-spec', document, ...pidfile, ...flags];
    return this.#call([...this.#place(name, `${name}.conmon`), ...how]);
  }

  /** Attaches, sends `input`, and detaches when `until` has come: what came. */
  attach(input: string, until: string): string {
    const socket = join(this.path('sockets'), this.#bundle.id, 'attach');
    const { stdout, stderr, status } = spawnSync('perl', ['-e', ATTACH, socket, input, until], {
      encoding: 'utf8',
      timeout: 20_000,
    });
    if (status !== 0) throw new Error(`attach: ${stderr}`);
    return stdout;
  }

  end(): void {
    try {
      if (this.pid() > 0) process.kill(this.pid(), 'SIGKILL');
    } catch {
      // It has ended with its container, as it should.
    }
  }

  #place(log: string, pidfile: string): string[] {
    const { id, dir } = this.#bundle;
    return [
      ...['--cid', id, '--cuuid', id, '--name', id, '--bundle', dir, '--runtime', runtimeFile()],
      ...[`--runtime-arg=--root=${this.#runtime.root}`, '--log-path', this.path(log), '--log-level', 'info'],
      ...['--exit-dir', this.path('exits'), '--persist-dir', this.path('persist')],
      ...(this.#driver === 'systemd' ? ['--systemd-cgroup'] : []),
      ...['--socket-dir-path', this.path('sockets'), '--conmon-pidfile', this.path(pidfile)],
    ];
  }

  /** Lets conmon begin when its pipes are there, and returns what it tells first. */
  async #call(words: readonly string[]): Promise<Told> {
    const env = { ...process.env, _OCI_SYNCPIPE: '3', _OCI_STARTPIPE: '4' };
    const child: ChildProcess = spawn('conmon', words, {
      stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'],
      cwd: this.#bundle.dir,
      env,
    });
    if (words.includes('--sync')) this.#caller = child.pid;
    (child.stdio[4] as Writable).end('\0');
    const pipe = child.stdio[3] as Readable;
    const [line] = await once(createInterface({ input: pipe }), 'line');
    pipe.destroy();
    // Without --api-version the number has a name of its own.
    const { pid, exit_code: code, message } = JSON.parse(line);
    return { data: pid ?? code, message };
  }
}
