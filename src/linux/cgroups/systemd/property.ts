// A property of a unit, and a unit's name.

import type { Manager } from './addresses.ts';
import type { Value } from './marshal.ts';

export interface Property {
  readonly name: string;
  readonly signature: string;
  readonly value: Value;
  /** The first version of systemd that takes it; an older one goes without. */
  readonly since?: number;
}

/** Enough to find a unit again. */
export interface UnitName {
  readonly name: string;
  readonly manager: Manager;
}

export const property = (name: string, signature: string, value: Value): Property => ({ name, signature, value });
