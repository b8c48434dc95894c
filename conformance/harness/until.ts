/** Waits until `done` says so; the processes are others', so there is nothing to wait on but time. */
export function until(done: () => boolean, what: string): void {
  const end = Date.now() + 20_000;
  while (!done()) {
    if (Date.now() > end) throw new Error(`waited for ${what}`);
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10);
  }
}
