// `org.systemd.property.NAME` among the annotations: properties of the unit, by those who know systemd. Pure.

import { TsociError } from '../../../errors.ts';
import { NoVariant, parseVariant } from './gvariant.ts';
import type { Variant } from './marshal.ts';
import type { Property } from './property.ts';

const PREFIX = 'org.systemd.property.';

const words = (text: string): string[] => text.split(' ');

/**
 * SAFETY(CVE-2024-3154): who writes annotations must not command systemd: here is what concerns the unit alone. What starts
 * or stops other units, reboots the host, runs programs, or loosens the confinement is not among them.
 */
const ALLOWED: readonly string[] = [
  ...words('After Before Description Documentation CollectMode DefaultDependencies PartOf StopWhenUnneeded'),
  ...words('JobTimeoutUSec JobRunningTimeoutUSec RuntimeMaxUSec RuntimeRandomizedExtraUSec TimeoutStopUSec OOMPolicy'),
  ...words('KillMode KillSignal RestartKillSignal FinalKillSignal SendSIGHUP SendSIGKILL'),
  ...words('CPUWeight StartupCPUWeight IOWeight StartupIOWeight IOAccounting IPAccounting TasksAccounting'),
  ...words('MemoryHigh MemoryMin MemoryLow MemorySwapMax MemoryZSwapMax MemoryPressureWatch'),
  ...words('MemoryPressureThresholdUSec ManagedOOMSwap ManagedOOMMemoryPressure ManagedOOMMemoryPressureLimit'),
  ...words('ManagedOOMPreference IPAddressAllow IPAddressDeny RestrictNetworkInterfaces SocketBindDeny'),
];

const MICROSECONDS = 1_000_000;

const refuse = (key: string, problem: string): TsociError =>
  new TsociError('ERR_CGROUP', `annotation ${key} ${problem}`, { pointer: `/annotations/${key}` });

/** COMPAT: `…Sec` is in seconds, whole or not, and becomes `…USec`, as with runc. */
function microseconds(name: string, { signature, value }: Variant): Property {
  if (!'ynqiuxtd'.includes(signature)) throw new NoVariant('a number of seconds was expected');
  const seconds = signature === 'd' ? BigInt(Math.round((value as number) * MICROSECONDS)) : undefined;
  const result = seconds ?? BigInt(value as number | bigint) * BigInt(MICROSECONDS);
  if (result < 0n || result >= 2n ** 64n) throw new NoVariant('a time is out of range');
  return { name, signature: 't', value: result };
}

function propertyOf(key: string, text: string): Property {
  const name = key.slice(PREFIX.length);
  if (name.length < 3) throw refuse(key, 'name incorrect: too short');
  if (!/^[A-Za-z]+$/.test(name)) throw refuse(key, 'name incorrect: contains non-alphabetic character');
  const isSeconds = name.endsWith('Sec') && !name.endsWith('USec');
  const real = isSeconds ? name.replace(/Sec$/, 'USec') : name;
  if (!ALLOWED.includes(real)) throw refuse(key, 'names a property that a container may not set');
  try {
    const variant = parseVariant(text);
    return isSeconds ? microseconds(real, variant) : { name, ...variant };
  } catch (error) {
    if (error instanceof NoVariant) throw refuse(`${key}=${text}`, `value parse error: ${error.message}`);
    throw error;
  }
}

/** Throws ERR_CGROUP. */
export const annotatedProperties = (annotations: Readonly<Record<string, string>> | undefined): Property[] =>
  Object.entries(annotations ?? {})
    .filter(([key]) => key.startsWith(PREFIX))
    .map(([key, text]) => propertyOf(key, text));
