// The other end of sockets that descriptors are sent over, conformance/probe/receiver.ts: Node receives none.

import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { rmSync } from 'node:fs';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { expect } from 'chai';
import { afterEach, before } from 'mocha';

export interface Heard {
  readonly text: string;
  readonly fds: readonly { readonly link: string; readonly pid?: number }[];
}

/** Who cannot build it here, as a guest, brings it along. */
const GIVEN = process.env['CONFORMANCE_RECEIVER'];
export const RECEIVER = resolve(GIVEN ?? `dist/receiver-${process.pid}`);

let builds = 0;

function build(): void {
  if (GIVEN !== undefined || builds++ > 0) return;
  execFileSync('node', [
    ...['--import', 'tsx', 'scripts/build.ts'],
    ...['--program', `receiver-${process.pid}=conformance/probe/receiver.ts`],
  ]);
  process.on('exit', () => rmSync(RECEIVER, { force: true }));
}

/** A receiver at work, and its lines as they come. */
export class Receiver {
  #child: ChildProcess | undefined;
  #lines: AsyncIterator<string> | undefined;

  /** Returns `path`, where it listens for `count` messages. */
  async listen(kind: 'stream' | 'datagram', path: string, count = 1): Promise<string> {
    this.#child = spawn(RECEIVER, [kind, path, String(count)], { stdio: ['ignore', 'pipe', 'inherit'] });
    if (this.#child.stdout === null) throw new Error('no pipe');
    this.#lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
    expect(await this.line()).to.equal('ready');
    return path;
  }

  async line(): Promise<string | undefined> {
    return (await this.#lines?.next())?.value;
  }

  async heard(): Promise<Heard | undefined> {
    const line = await this.line();
    return line === undefined ? undefined : JSON.parse(line);
  }

  end(): void {
    this.#child?.kill('SIGKILL');
    this.#child = undefined;
  }
}

/** One for a suite, ended after each test. */
export function useReceiver(): Receiver {
  const receiver = new Receiver();
  before(build);
  afterEach(() => receiver.end());
  return receiver;
}
