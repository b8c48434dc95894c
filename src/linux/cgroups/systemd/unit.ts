// `cgroupsPath` for systemd: the unit that a container is, the slice that it lies in, and where its cgroup then is. Pure.

import { TsociError } from '../../../errors.ts';

const POINTER = '/linux/cgroupsPath';

/** As systemd itself has it (UNIT_NAME_MAX, VALID_CHARS). */
const LONGEST = 255;
const VALID = /^[A-Za-z0-9:_.\\@-]+$/;

const refuse = (message: string): TsociError => new TsociError('ERR_CGROUP', message, { pointer: POINTER });

export interface Unit {
  /** `tsoci-ID.scope`, or a slice. */
  readonly name: string;
  readonly slice: string;
  readonly isSlice: boolean;
}

function checkName(name: string): void {
  if (name.length > LONGEST || !VALID.test(name)) throw refuse(`invalid systemd unit name: "${name}"`);
}

/** Throws ERR_CGROUP for a cgroupsPath of another form, and for names that systemd does not know. */
export function unitOf(cgroupsPath: string | undefined, id: string, defaultSlice: string): Unit {
  // COMPAT: as with runc and crun the runtime's own name is the default prefix.
  const given = cgroupsPath === undefined || cgroupsPath === '' ? `:tsoci:${id}` : cgroupsPath;
  const parts = given.split(':');
  if (parts.length !== 3) {
    throw refuse(
      `expected cgroupsPath to be of format "slice:prefix:name" for systemd cgroups, got "${given}" instead`,
    );
  }
  const [parent = '', prefix = '', own = ''] = parts;
  const isSlice = own.endsWith('.slice');
  const name = isSlice ? own : `${prefix}-${own}.scope`;
  checkName(name);
  const slice = parent === '' ? defaultSlice : parent === '-' ? '-.slice' : parent;
  if (isSlice) pathOfSlice(name);
  pathOfSlice(slice);
  return { name, slice, isSlice };
}

/** `a-b.slice` lies in `a.slice`: `/a.slice/a-b.slice`; `-.slice` is the root: ``. Throws ERR_CGROUP. */
export function pathOfSlice(slice: string): string {
  if (slice === '-.slice') return '';
  const name = slice.slice(0, -'.slice'.length);
  const parts = name.split('-');
  if (!slice.endsWith('.slice') || parts.includes('')) throw refuse(`invalid slice name: ${slice}`);
  checkName(slice);
  return parts.map((_, index) => `/${parts.slice(0, index + 1).join('-')}.slice`).join('');
}

/** The parent that a slice's own name says. */
const parentOfSlice = (slice: string): string => pathOfSlice(slice).split('/').slice(0, -1).join('/');

/** Below the manager's own cgroup. */
export const pathOfUnit = ({ name, slice, isSlice }: Unit): string =>
  isSlice ? `${parentOfSlice(name)}/${name}` : `${pathOfSlice(slice)}/${name}`;
