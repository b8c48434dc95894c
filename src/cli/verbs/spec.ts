import { TsociError } from '../../errors.ts';
import { probeCgroups } from '../../linux/cgroups/host.ts';
import * as sys from '../../linux/sys/index.ts';
import { enterBundle } from '../../runtime/bundle.ts';
import { defaultSpec } from '../../spec/default.ts';
import { type Arguments, isSet, text } from '../arguments.ts';

export function spec(args: Arguments): number {
  enterBundle(text(args, 'bundle'));
  if (sys.exists('config.json')) {
    throw new TsociError('ERR_USAGE', 'File config.json exists. Remove it first');
  }
  const ids = { uid: sys.geteuid(), gid: sys.getegid() };
  const document = defaultSpec(probeCgroups().mode, isSet(args, 'rootless') ? ids : undefined);
  sys.writeNewFile('config.json', JSON.stringify(document, null, '\t'), 0o666);
  return 0;
}
