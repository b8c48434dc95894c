import { TsociError } from '../../errors.ts';
import { probeHost } from '../../linux/host.ts';
import { compilePlan } from '../../linux/plan/compile.ts';
import { printPlan, printPlanJson } from '../../linux/plan/print.ts';
import { enterBundle, loadBundle } from '../../runtime/bundle.ts';
import { checkId } from '../../runtime/ids.ts';
import { type Arguments, integer, isSet, text } from '../arguments.ts';
import type { Cli } from '../context.ts';

/** Nothing is touched, and no privilege is needed. */
export function plan(args: Arguments, cli: Cli): number {
  const format = text(args, 'format') ?? 'text';
  if (format !== 'text' && format !== 'json') throw new TsociError('ERR_USAGE', 'invalid format option');
  const id = args.positional[0] ?? 'container';
  checkId(id);
  const bundle = enterBundle(text(args, 'bundle'));
  const { spec, warnings } = loadBundle(bundle);
  for (const warning of warnings) cli.log.warn(warning);
  const compiled = compilePlan({
    id,
    bundle,
    spec,
    host: probeHost(),
    noPivot: isSet(args, 'no-pivot'),
    noNewKeyring: isSet(args, 'no-new-keyring'),
    preserveFds: integer(args, 'preserve-fds'),
    rootless: cli.rootless,
    systemdCgroup: cli.systemdCgroup,
  });
  cli.out(format === 'json' ? printPlanJson(compiled) : printPlan(compiled));
  return 0;
}
