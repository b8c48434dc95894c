// Requests of `update` in random order, each valid where it comes, and what the kernel's files show after it.

import fc from 'fast-check';
import type { Config } from '../harness/bundle.ts';
import * as parts from './parts.ts';
import type { Files } from './rows.ts';

// biome-ignore lint/suspicious/noExplicitAny: each part has a state of its own
type AnyPart = parts.Part<any>;

/** The parts that this host has. */
function partsOf(ground: parts.Ground): Readonly<Record<string, AnyPart>> {
  const common = {
    memory: parts.memoryPart(ground),
    bandwidth: parts.bandwidthPart(ground),
    shares: parts.sharesPart(ground),
    cpuset: parts.cpusetPart(ground),
    pids: parts.pidsPart(ground),
  };
  const more = {
    swappiness: parts.swappinessPart(ground),
    kernelTcp: parts.kernelTcpPart(),
    realtime: parts.realtimePart(),
    weight: parts.weightPart(ground),
    throttle: parts.throttlePart(ground),
  };
  const all: Record<string, AnyPart> = ground.onlyCommon ? common : { ...common, ...more };
  const usable = Object.entries(all).filter(([, part]) => Object.keys(part.files(part.initial)).every(ground.has));
  return Object.fromEntries([...usable, ...(ground.onlyCommon ? [] : hugeParts(ground))]);
}

function hugeParts({ isUnified, has }: parts.Ground): [string, AnyPart][] {
  const places = isUnified
    ? [['', 'max']]
    : [
        ['hugetlb/', 'limit_in_bytes'],
        ['unified/', 'max'],
      ];
  const place = places.find(([tree, ending]) => has(`${tree}hugetlb.2MB.rsvd.${ending}`));
  return place === undefined ? [] : [['huge', parts.hugePart(place[0] as string, place[1] as string)]];
}

/** Zeros and devices are what engines send along; they must change nothing. */
const noise = fc.constantFrom<Config>(
  {},
  { devices: [{ allow: false, access: 'rwm' }] },
  { cpu: { shares: 0, quota: 0, period: 0 }, memory: {} },
  { blockIO: { weight: 0 }, network: {} },
);

const joined = (requests: readonly Config[]): Config => {
  const result: Config = {};
  for (const request of requests) {
    for (const [name, value] of Object.entries(request)) {
      result[name] = Array.isArray(value) ? value : { ...result[name], ...(value as object) };
    }
  }
  return result;
};

/** What holds, by parts. */
export type Held = Readonly<Record<string, unknown>>;

export interface Requests {
  readonly initial: Held;
  /** The next request where `held` holds, for linux.resources; `number` and `seed` say which. */
  next(held: Held, number: number, seed: number): { readonly request: Config; readonly held: Held };
  /** Whole texts, trimmed, of all files that `held` says something of. */
  files(held: Held): Files;
}

export function randomRequests(ground: parts.Ground): Requests {
  const here = partsOf(ground);
  const names = Object.keys(here);
  const stepsOf = (held: Held) => (name: string) =>
    (here[name] as AnyPart).steps(held[name]).map((step) => ({ name, ...step }));
  return {
    initial: Object.fromEntries(names.map((name) => [name, here[name]?.initial])),
    next: (held, number, seed) => {
      const some = fc.subarray(names).chain((chosen) => fc.tuple(...chosen.map(stepsOf(held))));
      const all = fc.tuple(noise, some);
      // By itself the generator is fond of the ends.
      const [drawn] = fc.sample(number % 2 === 0 ? fc.noBias(all) : all, { numRuns: 1, seed: seed + number });
      const [first, steps] = drawn as NonNullable<typeof drawn>;
      const changes = steps.map(({ name, after }) => [name, after] as const);
      return {
        request: joined([first, ...steps.map(({ asked }) => asked)]),
        held: { ...held, ...Object.fromEntries(changes) },
      };
    },
    files: (held) => Object.assign({}, ...names.map((name) => (here[name] as AnyPart).files(held[name]))),
  };
}
