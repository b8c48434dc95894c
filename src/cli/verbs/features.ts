import { mountOptionNames } from '../../linux/mounts/options.ts';
import { featuresDocument } from '../../spec/features.ts';
import type { Arguments } from '../arguments.ts';
import type { Cli } from '../context.ts';

export function features(_args: Arguments, cli: Cli): number {
  cli.out(`${JSON.stringify(featuresDocument(mountOptionNames()), null, 4)}\n`);
  return 0;
}
