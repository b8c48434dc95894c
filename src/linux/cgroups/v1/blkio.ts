// config-linux.md, "Block IO", in cgroup v1.

import type { LinuxBlockIO, LinuxThrottleDevice } from '../../../spec/types.ts';
import { isAsked, numberSetting, type Setting } from '../settings.ts';

const POINTER = '/linux/resources/blockIO';

function throttles(file: string, devices: readonly LinuxThrottleDevice[] | undefined, name: string): Setting[] {
  return (devices ?? []).map((device, index) => ({
    file,
    value: `${device.major}:${device.minor} ${device.rate}`,
    pointer: `${POINTER}/${name}/${index}`,
  }));
}

/** KERNEL(5.4): only BFQ weighs, under names of its own. */
const weight = (file: string, bfq: string, value: string, pointer: string): Setting => ({
  file,
  value,
  pointer,
  otherwise: { file: bfq, value },
});

function weights(io: LinuxBlockIO): Setting[] {
  return (io.weightDevice ?? []).flatMap((device, index) => {
    const place = `${device.major}:${device.minor}`;
    const pointer = `${POINTER}/weightDevice/${index}`;
    return [
      ...(isAsked(device.weight)
        ? [weight('blkio.weight_device', 'blkio.bfq.weight_device', `${place} ${device.weight}`, pointer)]
        : []),
      ...(isAsked(device.leafWeight)
        ? [{ file: 'blkio.leaf_weight_device', value: `${place} ${device.leafWeight}`, pointer }]
        : []),
    ];
  });
}

export function blkioSettings(io: LinuxBlockIO | undefined): Setting[] {
  if (io === undefined) return [];
  return [
    ...(isAsked(io.weight) ? [weight('blkio.weight', 'blkio.bfq.weight', String(io.weight), `${POINTER}/weight`)] : []),
    ...numberSetting('blkio.leaf_weight', io.leafWeight, `${POINTER}/leafWeight`),
    ...weights(io),
    ...throttles('blkio.throttle.read_bps_device', io.throttleReadBpsDevice, 'throttleReadBpsDevice'),
    ...throttles('blkio.throttle.write_bps_device', io.throttleWriteBpsDevice, 'throttleWriteBpsDevice'),
    ...throttles('blkio.throttle.read_iops_device', io.throttleReadIOPSDevice, 'throttleReadIOPSDevice'),
    ...throttles('blkio.throttle.write_iops_device', io.throttleWriteIOPSDevice, 'throttleWriteIOPSDevice'),
  ];
}
