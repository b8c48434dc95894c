// The settings of a cgroup in the unified hierarchy, by controller. What does not convert from the configuration, which
// speaks of v1, is refused with its place (config-linux.md, "Unified").

import { TsociError } from '../../../errors.ts';
import type { LinuxNetwork, LinuxResources } from '../../../spec/types.ts';
import { isAsked, type Setting } from '../settings.ts';
import { hugetlbSettings, pidsSettings, rdmaSettings } from '../v1/small.ts';
import { cpuSettings, cpusetSettings } from './cpu.ts';
import { ioSettings } from './io.ts';
import { memorySettings } from './memory.ts';
import { noEquivalent } from './refuse.ts';

const POINTER = '/linux/resources';

/** v2 marks no packets by cgroup. */
function refuseNetwork(network: LinuxNetwork | undefined): void {
  if (isAsked(network?.classID)) throw noEquivalent(`${POINTER}/network/classID`);
  if ((network?.priorities ?? []).length > 0) throw noEquivalent(`${POINTER}/network/priorities`);
}

/** `unified`: files by their names, line by line as several of them want it. */
function unifiedSettings(unified: LinuxResources['unified']): Setting[] {
  return Object.entries(unified ?? {}).flatMap(([file, text]) => {
    const pointer = `${POINTER}/unified/${file.replaceAll('~', '~0').replaceAll('/', '~1')}`;
    if (file.includes('/')) {
      throw new TsociError('ERR_CGROUP', `unified resource "${file}" must be a file name (no slashes)`, { pointer });
    }
    if (!file.includes('.')) {
      const message = `unified resource "${file}" must be in the form CONTROLLER.PARAMETER`;
      throw new TsociError('ERR_CGROUP', message, { pointer });
    }
    return text.split('\n').map((value) => ({ file, value, pointer }));
  });
}

/** What converts, by the v1 controller that the configuration speaks of, in the order of writing. Each throws ERR_CGROUP. */
export const convertedSettings = (resources: LinuxResources): Readonly<Record<string, () => Setting[]>> => ({
  pids: () => pidsSettings(resources.pids),
  memory: () => memorySettings(resources.memory),
  blkio: () => ioSettings(resources.blockIO),
  cpu: () => cpuSettings(resources.cpu),
  cpuset: () => cpusetSettings(resources.cpu),
  hugetlb: () => hugetlbSettings(resources.hugepageLimits, 'max'),
  rdma: () => rdmaSettings(resources.rdma),
});

/** All of them; `unified` last, as it may say anything again. Throws ERR_CGROUP. */
export function unifiedHierarchySettings(resources: LinuxResources): Setting[] {
  refuseNetwork(resources.network);
  const converted = Object.values(convertedSettings(resources)).flatMap((settings) => settings());
  return [...converted, ...unifiedSettings(resources.unified)];
}

/** `memory.max` is the memory controller's; the files of `cgroup` are there without one. */
export const controllerOf = ({ file }: Setting): string => file.slice(0, file.indexOf('.'));
