// The rules of a profile for one architecture: what happens with each number.

import type { LinuxSeccomp, LinuxSeccompArg, LinuxSyscall } from '../../spec/types.ts';
import { returnOf } from './actions.ts';
import { SOCKET_CALLS } from './multiplex.ts';
import type { Architecture } from './tables.ts';
import { numbersOf } from './tables.ts';

export interface Rule {
  /** All must hold. */
  readonly conditions: readonly LinuxSeccompArg[];
  readonly action: number;
}

/** By number, without the architecture's offset: an action for certain, or rules tried in the profile's order. */
export interface Fates {
  readonly certain: readonly (number | undefined)[];
  readonly conditional: ReadonlyMap<number, readonly Rule[]>;
  /** The last number that the profile names; -1 when it names none. */
  readonly last: number;
}

/** Conditions on one argument twice are alternatives: a rule each. */
function rulesOf(entry: LinuxSyscall, action: number): Rule[] {
  const conditions = entry.args ?? [];
  const distinct = new Set(conditions.map((arg) => arg.index)).size === conditions.length;
  return distinct ? [{ conditions, action }] : conditions.map((condition) => ({ conditions: [condition], action }));
}

class Collector implements Fates {
  readonly certain: (number | undefined)[] = [];
  readonly conditional = new Map<number, Rule[]>();
  last = -1;

  /** The first action without conditions stands. */
  addCertain(nr: number, action: number): void {
    this.certain[nr] ??= action;
  }

  addRules(nr: number, rules: readonly Rule[]): void {
    const known = this.conditional.get(nr);
    if (known === undefined) this.conditional.set(nr, [...rules]);
    else known.push(...rules);
  }

  /** KERNEL: on x86 the calls on sockets are also numbers of socketcall(2), and those of System V IPC of ipc(2). */
  addMultiplexed(name: string, action: number, numbers: ReadonlyMap<string, number>): void {
    const call = SOCKET_CALLS[name];
    const nr = call === undefined ? undefined : numbers.get(call[0]);
    if (call === undefined || nr === undefined) return;
    this.addRules(nr, [{ conditions: [{ index: 0, value: call[1], op: 'SCMP_CMP_EQ' }], action }]);
  }

  /** `action` is undefined where it is the fallback: then the names count, but nothing is to be done with them. */
  add(
    entry: LinuxSyscall,
    action: number | undefined,
    multiplexed: boolean,
    numbers: ReadonlyMap<string, number>,
  ): void {
    const rules = action === undefined || (entry.args ?? []).length === 0 ? undefined : rulesOf(entry, action);
    const { names } = entry;
    for (let index = 0; index < names.length; index++) {
      const name = names[index] as string;
      const nr = numbers.get(name);
      if (nr !== undefined && nr > this.last) this.last = nr;
      if (action === undefined) continue;
      // Behind a multiplexer the arguments are out of reach: a rule with conditions cannot look at them.
      if (multiplexed && rules === undefined) this.addMultiplexed(name, action, numbers);
      if (nr === undefined) continue;
      if (rules === undefined) this.addCertain(nr, action);
      else this.addRules(nr, rules);
    }
  }
}

/** Rules whose action is the fallback are dropped; names that the architecture does not have are passed over. */
export function fatesOf(profile: LinuxSeccomp, architecture: Architecture, fallback: number): Fates {
  const numbers = numbersOf(architecture);
  const fates = new Collector();
  for (const entry of profile.syscalls ?? []) {
    const action = returnOf(entry.action, entry.errnoRet);
    fates.add(entry, action === fallback ? undefined : action, architecture.table === 'x86', numbers);
  }
  return fates;
}
