// Go's durations, as runc's users write them: `5s`, `1m30s`, `500ms`.

import { TsociError } from '../errors.ts';

const MILLISECONDS: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
};

/** In ms, greater than 0. Throws ERR_USAGE: for what is no duration, and for one that is not greater than 0. */
export function parseDuration(text: string, flag: string): number {
  const sign = /^[+-]/.exec(text)?.[0] ?? '';
  let sum = 0;
  let rest = text.slice(sign.length);
  if (rest === '0') rest = '0s'; // zero alone needs no unit
  while (rest !== '' || text === sign) {
    const match = /^([0-9]+\.?[0-9]*|\.[0-9]+)(ns|us|µs|ms|s|m|h)/.exec(rest);
    if (match === null) throw new TsociError('ERR_USAGE', `invalid value "${text}" for flag -${flag}: parse error`);
    sum += Number(match[1]) * (MILLISECONDS[match[2] as string] as number);
    rest = rest.slice(match[0].length);
  }
  if (sum > 0 && sign !== '-') return Math.max(1, Math.round(sum));
  throw new TsociError('ERR_USAGE', 'duration interval must be greater than 0');
}
