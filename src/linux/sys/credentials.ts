// credentials(7), capabilities(7): calls whose arguments are structs.

import * as calls from './calls.ts';
import { type CapabilityWords, decodeCapData, encodeCapData, encodeCapHeader } from './structs.ts';

export function getCapabilities(): CapabilityWords {
  const data = new Uint8Array(24);
  calls.capget(encodeCapHeader(), data);
  return decodeCapData(data);
}

export const setCapabilities = (sets: CapabilityWords): void => calls.capset(encodeCapHeader(), encodeCapData(sets));

/** Supplementary groups of the calling process. */
export function setGroups(gids: readonly number[]): void {
  calls.setgroups(new Uint8Array(Uint32Array.from(gids).buffer));
}
