// What cannot run is skipped, and the reason is told.

import type { Context } from 'mocha';

/** Skips a test; its title tells the reason. */
export function skip(context: Context, reason: string): void {
  if (context.test !== undefined) context.test.title += ` [${reason}]`;
  context.skip();
}

/** Skips the suite `name` where there is a reason to, which is printed. */
export function skipSuite(context: Context, name: string, reason: string | undefined): void {
  if (reason === undefined) return;
  console.log(`${name} skipped: ${reason}`);
  context.skip();
}
