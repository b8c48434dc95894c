// What config.json may ask for and tsoci does not do yet: a clear error, never silence.

import { TsociError } from '../../errors.ts';
import type { Spec } from '../../spec/types.ts';

const isSet = (value: unknown): boolean =>
  value !== undefined && value !== null && !(typeof value === 'object' && Object.keys(value).length === 0);

/** Throws ERR_UNSUPPORTED with one fault for each such part of the configuration. */
export function refuseUnsupported(spec: Spec): void {
  const parts: [pointer: string, value: unknown][] = [
    ['/linux/intelRdt', spec.linux?.intelRdt],
    ['/linux/netDevices', spec.linux?.netDevices],
    ['/vm', spec.vm],
  ];
  const faults = parts.filter(([, value]) => isSet(value)).map(([pointer]) => `${pointer}: not supported yet`);
  if (faults.length > 0) throw new TsociError('ERR_UNSUPPORTED', faults.join('; '), { faults });
}
