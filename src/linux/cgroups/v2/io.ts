// config-linux.md, "Block IO", in cgroup v2.

import type { LinuxBlockIO, LinuxThrottleDevice } from '../../../spec/types.ts';
import { isAsked, type Setting } from '../settings.ts';
import { noEquivalent } from './refuse.ts';

const POINTER = '/linux/resources/blockIO';

/** Linear, from 10 … 1000 to 1 … 10000 (runc's formula). */
export const ioWeightOf = (weight: number): number => 1 + Math.floor(((weight - 10) * 9999) / 990);

/** BFQ weighs in the configuration's own scale; where it is not there, the cost model does (io.weight). */
const weightSetting = (weight: number, prefix: string, pointer: string): Setting => ({
  file: 'io.bfq.weight',
  value: `${prefix}${weight}`,
  pointer,
  otherwise: { file: 'io.weight', value: `${prefix}${ioWeightOf(weight)}` },
});

/** A rate of 0 is none, as v1 has it; here the kernel refuses 0. */
const throttles = (key: string, name: string, devices: readonly LinuxThrottleDevice[] | undefined): Setting[] =>
  (devices ?? []).map(({ major, minor, rate }, index) => ({
    file: 'io.max',
    value: `${major}:${minor} ${key}=${isAsked(rate) ? rate : 'max'}`,
    pointer: `${POINTER}/${name}/${index}`,
  }));

function deviceWeights(io: LinuxBlockIO): Setting[] {
  return (io.weightDevice ?? []).flatMap(({ major, minor, weight, leafWeight }, index) => {
    const pointer = `${POINTER}/weightDevice/${index}`;
    if (isAsked(leafWeight)) throw noEquivalent(`${pointer}/leafWeight`);
    return isAsked(weight) ? [weightSetting(weight, `${major}:${minor} `, pointer)] : [];
  });
}

export function ioSettings(io: LinuxBlockIO | undefined): Setting[] {
  if (io === undefined) return [];
  if (isAsked(io.leafWeight)) throw noEquivalent(`${POINTER}/leafWeight`);
  return [
    ...(isAsked(io.weight) ? [weightSetting(io.weight, '', `${POINTER}/weight`)] : []),
    ...deviceWeights(io),
    ...throttles('rbps', 'throttleReadBpsDevice', io.throttleReadBpsDevice),
    ...throttles('wbps', 'throttleWriteBpsDevice', io.throttleWriteBpsDevice),
    ...throttles('riops', 'throttleReadIOPSDevice', io.throttleReadIOPSDevice),
    ...throttles('wiops', 'throttleWriteIOPSDevice', io.throttleWriteIOPSDevice),
  ];
}
