// `cpu.max`: how much of the CPUs' time, in which period. Pure.

/** KERNEL: µs, the period that a new cgroup has. */
export const PERIOD = 100_000n;

/** µs; a quota of -1 is none. */
export interface Bandwidth {
  readonly quota: bigint;
  readonly period: bigint;
}

/** KERNEL: a period that is not said stays as it is, `held`. None for a text of another form, which the kernel refuses. */
export function parseBandwidth(text: string, held: bigint): Bandwidth | undefined {
  const [, quota, period = held] = /^([0-9]+|max)(?:\s+([0-9]+))?$/.exec(text.trim()) ?? [];
  return quota === undefined ? undefined : { quota: quota === 'max' ? -1n : BigInt(quota), period: BigInt(period) };
}

/** `unified` with `cpu.max` written out, as `change` has it; as it is where that is not in it. */
export function withBandwidth(
  unified: Readonly<Record<string, string>>,
  held: bigint,
  change: (bandwidth: Bandwidth) => Bandwidth,
): Readonly<Record<string, string>> {
  const asked = parseBandwidth(unified['cpu.max'] ?? '', held);
  if (asked === undefined) return unified;
  const { quota, period } = change(asked);
  return { ...unified, 'cpu.max': `${quota < 0n ? 'max' : quota} ${period}` };
}
