// What programs in Go write for a member that is not there.

/** COMPAT: takes members that are null out of `value` and all that it holds; returns it. Items of arrays stay. */
export function withoutNulls<T>(value: T): T {
  if (value === null || typeof value !== 'object') return value;
  const members = value as Record<string, unknown>;
  for (const name of Object.keys(members)) {
    if (members[name] === null && !Array.isArray(value)) delete members[name];
    else withoutNulls(members[name]);
  }
  return value;
}
