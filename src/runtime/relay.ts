// The foreground's terminal: bytes between our standard streams and the master of the container's pty.

import * as sys from '../linux/sys/index.ts';

export class Relay {
  readonly #master: number;
  /** Our own terminal's attributes before it was made raw; undefined when stdin is none. */
  readonly #saved: Uint8Array | undefined;
  readonly #buffer = new Uint8Array(32 * 1024);
  #input = true;
  #output = true;

  constructor(master: number) {
    this.#master = master;
    // COMPAT: as runc, the container's pty leaves newlines alone, and the caller's terminal translates them.
    sys.clearOnlcr(master);
    this.#saved = sys.makeRaw(0);
    this.resize();
  }

  /** What is worth polling for. */
  descriptors(): number[] {
    return [...(this.#input ? [0] : []), ...(this.#output ? [this.#master] : [])];
  }

  /** Takes over the size of our own terminal. */
  resize(): void {
    if (this.#saved !== undefined) sys.copyWindowSize(0, this.#master);
  }

  serve(ready: readonly number[]): void {
    if (this.#output && ready.includes(this.#master)) this.#output = this.#copy(this.#master, 1);
    if (this.#input && ready.includes(0)) this.#input = this.#copy(0, this.#master);
  }

  /** What the program has written last. */
  drain(): void {
    while (this.#output && sys.poll([this.#master], 0).length > 0) this.#output = this.#copy(this.#master, 1);
  }

  close(): void {
    if (this.#saved !== undefined) sys.restoreTerminal(0, this.#saved);
    sys.close(this.#master);
  }

  /** One buffer from here to there; false at the end. */
  #copy(from: number, to: number): boolean {
    try {
      const count = sys.read(from, this.#buffer);
      if (count > 0) sys.writeAll(to, this.#buffer.subarray(0, count));
      return count > 0;
    } catch (error) {
      // EIO: no slave is open any more; EPIPE: nobody reads what we write.
      if (error instanceof sys.SyscallError && [sys.E.EIO, sys.E.EPIPE].includes(error.errno)) return false;
      throw error;
    }
  }
}
