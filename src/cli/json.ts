// JSON with numbers of 64 bits, which a double cannot hold.

/** A string that no value of ours has: NUL is refused wherever we read. */
const MARK = '\u0000';

export function printJson(value: unknown, indent = 0): string {
  const marked = (_key: string, member: unknown) => (typeof member === 'bigint' ? `${MARK}${member}` : member);
  return JSON.stringify(value, marked, indent).replace(/"\\u0000([0-9]+)"/g, '$1');
}
