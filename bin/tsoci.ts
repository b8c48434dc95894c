// The executable's program: runs the command line.

import { main } from '../src/cli/main.ts';
import { mapStack } from '../src/cli/stack.ts';
import * as sys from '../src/linux/sys/index.ts';

/** Called by the host; returns the exit code. */
export function run(): number {
  try {
    return main(sys.door().argv());
  } catch (error) {
    const told =
      error instanceof Error ? `${error.name}: ${error.message}\n${mapStack(error.stack ?? '')}` : `${error}\n`;
    sys.writeAll(2, sys.door().encode(`tsoci: internal error: ${told}`));
    return 1;
  }
}
