// What is legal, and still worth a word. Warnings change nothing (runtime.md, "Warnings").

import type { Spec } from './types.ts';
import { OCI_VERSION } from './versions.ts';

function laterVersion({ ociVersion }: Spec): string[] {
  const minor = (version: string): number => Number(version.split('.')[1]);
  return minor(ociVersion) > minor(OCI_VERSION)
    ? [`/ociVersion: ${ociVersion} is later than ${OCI_VERSION}: what it has added is not known here`]
    : [];
}

const relativeDestinations = ({ mounts }: Spec): string[] =>
  (mounts ?? []).flatMap(({ destination }, index) =>
    destination.startsWith('/') ? [] : [`/mounts/${index}/destination: relative destination path is **deprecated**`],
  );

const kernelMemory = ({ linux }: Spec): string[] =>
  BigInt(linux?.resources?.memory?.kernel ?? 0) === 0n
    ? []
    : ['/linux/resources/memory/kernel: kernel memory settings are ignored and will be removed'];

export const warningsOf = (spec: Spec): string[] => [
  ...laterVersion(spec),
  ...relativeDestinations(spec),
  ...kernelMemory(spec),
];
