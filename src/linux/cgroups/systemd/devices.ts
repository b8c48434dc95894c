// Device rules as DevicePolicy= and DeviceAllow=: complete, since systemd puts them in force anew at every daemon-reload. Pure.

import { ACCESS, type DeviceAccess, type DeviceException } from '../devices/access.ts';
import { type Property, property } from './property.ts';

/** `/dev/char/1:3`, `char-136` for all of a major number, `char-*` for all; systemd has no name for one minor of every major. */
function nodeOf({ type, major, minor }: DeviceException): string | undefined {
  const kind = type === 'c' ? 'char' : 'block';
  if (major === undefined) return minor === undefined ? `${kind}-*` : undefined;
  return minor === undefined ? `${kind}-${major}` : `/dev/${kind}/${major}:${minor}`;
}

const lettersOf = ({ access }: DeviceException): string =>
  (['r', 'w', 'm'] as const).filter((letter) => (access & ACCESS[letter]) !== 0).join('');

/** systemd knows no "all but": there it allows all, and our own filter is the one that holds. */
export function deviceProperties({ allowAll, exceptions }: DeviceAccess): Property[] {
  const allowed = allowAll
    ? []
    : exceptions.flatMap((exception) => {
        const node = nodeOf(exception);
        return node === undefined ? [] : [[node, lettersOf(exception)]];
      });
  return [
    property('DevicePolicy', 's', allowAll ? 'auto' : 'strict'),
    property('DeviceAllow', 'a(ss)', []),
    ...(allowed.length === 0 ? [] : [property('DeviceAllow', 'a(ss)', allowed)]),
  ];
}
