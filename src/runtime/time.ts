// RFC 3339 times in UTC with nanoseconds, as runc's state has them. The engine's Date is not needed for that.

import * as sys from '../linux/sys/index.ts';

const pad = (value: number, width: number): string => String(value).padStart(width, '0');

/** Year, month and day of a number of days after 1970-01-01, in the proleptic Gregorian calendar. */
function dateOf(days: number): [year: number, month: number, day: number] {
  // Years are counted from 1 March, so that the leap day is the last; an era is 400 years, 146,097 days.
  const shifted = days + 719_468;
  const era = Math.floor(shifted / 146_097);
  const dayOfEra = shifted - era * 146_097;
  const yearOfEra = Math.floor(
    (dayOfEra - Math.floor(dayOfEra / 1460) + Math.floor(dayOfEra / 36_524) - Math.floor(dayOfEra / 146_096)) / 365,
  );
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const monthFromMarch = Math.floor((5 * dayOfYear + 2) / 153);
  const month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9;
  const day = dayOfYear - Math.floor((153 * monthFromMarch + 2) / 5) + 1;
  return [yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day];
}

/** `2026-11-24T12:00:00.123456789Z`; without trailing zeros of the fraction. */
export function formatTime(seconds: number, nanoseconds: number): string {
  const [year, month, day] = dateOf(Math.floor(seconds / 86_400));
  const rest = seconds - Math.floor(seconds / 86_400) * 86_400;
  const clock = [Math.floor(rest / 3600), Math.floor(rest / 60) % 60, rest % 60].map((part) => pad(part, 2)).join(':');
  let fraction = nanoseconds === 0 ? '' : `.${pad(nanoseconds, 9)}`;
  while (fraction.endsWith('0')) fraction = fraction.slice(0, -1);
  return `${pad(year, 4)}-${pad(month, 2)}-${pad(day, 2)}T${clock}${fraction}Z`;
}

export function now(): string {
  const { seconds, nanoseconds } = sys.clock(sys.CLOCK_REALTIME);
  return formatTime(seconds, nanoseconds);
}
