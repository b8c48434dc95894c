// A `tsoci events` that runs beside a container.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { Runtime } from './runtime.ts';
import { until } from './until.ts';

/** An event of runc's form; `data` is of its type. */
export interface Event {
  readonly type: string;
  readonly id: string;
  // biome-ignore lint/suspicious/noExplicitAny: whatever the runtime says
  readonly data?: any;
}

export interface Listener {
  /** Waits until it has its descriptor of the kernel's notice, and sleeps. */
  readonly untilListening: () => void;
  /** Waits for its end: its exit status, and what it has told. */
  readonly ended: () => Promise<{ readonly status: number | null; readonly lines: string[]; readonly events: Event[] }>;
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

/** It has an eventfd or inotify descriptor, and waits. */
function isListening(pid: number): boolean {
  const has = [...Array(20).keys()].some((fd) => /eventfd|inotify/.test(textOf(`/proc/${pid}/fdinfo/${fd}`)));
  return has && /^State:\tS/m.test(textOf(`/proc/${pid}/status`));
}

/** Starts it for the container `id`; `onFirst` is called when it has told something. */
export function listen(runtime: Runtime, id: string, interval: string, onFirst = () => {}): Listener {
  const [program, words] = runtime.line(['events', '--interval', interval, id]);
  const child = spawn(program, words, { stdio: ['ignore', 'pipe', 'inherit'] });
  let output = '';
  child.stdout.on('data', (data) => {
    if (output === '') onFirst();
    output += data;
  });
  const closed = once(child, 'close');
  return {
    untilListening: () => until(() => isListening(child.pid as number), 'events to listen'),
    ended: async () => {
      const [status] = await closed;
      const lines = output.trim().split('\n');
      return { status, lines, events: lines.map((line) => JSON.parse(line) as Event) };
    },
  };
}
