// Where systemd is to be met: the addresses of D-Bus, by the environment. Pure.

/** Whose systemd: the host's, or a user's own. */
export type Manager = 'system' | 'user';

export interface Address {
  /** Of a unix socket. */
  readonly path: string;
  /** It leads to systemd itself, not to a bus. */
  readonly direct: boolean;
}

/** `%2f` → `/`, in bytes of ASCII; what is no escape stays. */
const unescaped = (text: string): string =>
  text.replace(/%([0-9a-fA-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));

/** `unix:path=/a,guid=1;tcp:…`: the paths of the unix sockets, in their order (D-Bus specification, "Server Addresses"). */
export function socketsOf(addresses: string): string[] {
  return addresses.split(';').flatMap((address) => {
    if (!address.startsWith('unix:')) return [];
    const pairs = address.slice('unix:'.length).split(',');
    const path = pairs.find((pair) => pair.startsWith('path='));
    return path === undefined ? [] : [unescaped(path.slice('path='.length))];
  });
}

const bus = (path: string): Address => ({ path, direct: false });

/** To be tried in their order; empty when the environment names none. */
export function addressesOf(manager: Manager, environment: (name: string) => string, root: boolean): Address[] {
  if (manager === 'system') {
    const given = environment('DBUS_SYSTEM_BUS_ADDRESS');
    if (given !== '') return socketsOf(given).map(bus);
    // Root may ask systemd without a bus daemon between.
    const direct = root ? [{ path: '/run/systemd/private', direct: true }] : [];
    return [...direct, bus('/run/dbus/system_bus_socket')];
  }
  const given = environment('DBUS_SESSION_BUS_ADDRESS');
  if (given !== '') return socketsOf(given).map(bus);
  const folder = environment('XDG_RUNTIME_DIR');
  return folder === '' ? [] : [bus(`${folder}/bus`), { path: `${folder}/systemd/private`, direct: true }];
}
