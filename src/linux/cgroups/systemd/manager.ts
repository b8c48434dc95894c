// What is asked of systemd: to make a container's unit, to change its properties, to end it.

import { TsociError } from '../../../errors.ts';
import type { Manager } from './addresses.ts';
import { type Bus, type Reply, withBus } from './bus.ts';
import type { Value, Variant } from './marshal.ts';
import { type Property, property, type UnitName } from './property.ts';

const NAME = 'org.freedesktop.systemd1.';

/** The values of an answer; throws ERR_CGROUP for an error. */
function bodyOf(reply: Reply, doing: string): readonly Value[] {
  if (reply.failure === undefined) return reply.body;
  throw new TsociError('ERR_CGROUP', `${doing}: ${reply.failure.text}`);
}

const textOf = (bus: Bus, name: string): string => {
  const [value] = bodyOf(bus.property(name), `asking systemd for ${name}`);
  return String((value as Variant).value);
};

/** Without what this systemd does not know yet. */
function supported(bus: Bus, properties: readonly Property[]): Property[] {
  if (properties.every(({ since }) => since === undefined)) return [...properties];
  const version = Number.parseInt(textOf(bus, 'Version').replace(/^[^0-9]*/, ''), 10);
  return properties.filter(({ since }) => since === undefined || version >= since);
}

const pairs = (properties: readonly Property[]): Value[] =>
  properties.map(({ name, signature, value }) => [name, { signature, value }]);

const TRANSIENT = 'ssa(sv)a(sa(sv))';

/**
 * Makes the unit, with the process `pid` in it unless that is 0, and waits until it is there. Throws ERR_CGROUP; `taken` is
 * told before of a unit of that name that somebody else has.
 */
export function startUnit(unit: UnitName, properties: readonly Property[], pid: number, taken: () => void): void {
  const { name, manager } = unit;
  withBus(manager, (bus) => {
    const all = [...supported(bus, properties), ...(pid === 0 ? [] : [property('PIDs', 'au', [pid])])];
    const start = () => bus.manager('StartTransientUnit', TRANSIENT, [name, 'replace', pairs(all), []]);
    let reply = start();
    if (reply.failure?.name === `${NAME}UnitExists`) {
      // A failed unit of an earlier container keeps its name until it is forgotten.
      bus.manager('ResetFailedUnit', 's', [name]);
      reply = start();
      if (reply.failure?.name === `${NAME}UnitExists`) taken();
    }
    const [job] = bodyOf(reply, `unable to start unit "${name}"`);
    const result = bus.resultOf(job as Value, `create ${name}`);
    if (result === 'done') return;
    bus.manager('ResetFailedUnit', 's', [name]);
    throw new TsociError('ERR_CGROUP', `error creating systemd unit "${name}": got "${result}"`);
  });
}

/** Until the next start of the unit. On return they are in force. Throws ERR_CGROUP. */
export function setUnitProperties({ name, manager }: UnitName, properties: readonly Property[]): void {
  withBus(manager, (bus) => {
    const known = pairs(supported(bus, properties));
    bodyOf(bus.manager('SetUnitProperties', 'sba(sv)', [name, true, known]), `unable to set properties of "${name}"`);
    // ORDER: systemd writes the cgroup's files after its answer and before its next one.
    textOf(bus, 'Version');
  });
}

/** Ends the unit and has it forgotten; one that is not there is no error. Throws ERR_CGROUP. */
export function stopUnit({ name, manager }: UnitName): void {
  withBus(manager, (bus) => {
    const reply = bus.manager('StopUnit', 'ss', [name, 'replace']);
    if (reply.failure?.name !== `${NAME}NoSuchUnit`) {
      const [job] = bodyOf(reply, `unable to stop unit "${name}"`);
      bus.resultOf(job as Value, `stop ${name}`);
    }
    // A unit that has not failed is not known any more: that is no error.
    bus.manager('ResetFailedUnit', 's', [name]);
  });
}

/** The cgroup that a manager's units lie in: `` for the host's, as a path below the mount point. Throws ERR_CGROUP. */
export const controlGroupOf = (manager: Manager): string =>
  manager === 'system' ? '' : withBus(manager, (bus) => textOf(bus, 'ControlGroup'));
