// config-linux.md, "Huge page limits", "Network", "PIDs", "RDMA", in cgroup v1: a few files each.

import type { LinuxHugepageLimit, LinuxNetwork, LinuxPids, LinuxRdma } from '../../../spec/types.ts';
import type { Setting } from '../settings.ts';

const POINTER = '/linux/resources';

/** -1 is "max"; 0 is a limit since runtime-spec 1.3. */
export function pidsSettings(pids: LinuxPids | undefined): Setting[] {
  if (pids?.limit === undefined) return [];
  const value = BigInt(pids.limit) < 0n ? 'max' : String(pids.limit);
  return [{ file: 'pids.max', value, pointer: `${POINTER}/pids/limit` }];
}

/** config-linux.md: the files of reservations where the kernel has them; COMPAT: those of faults too, as with runc. */
export const hugetlbSettings = (limits: readonly LinuxHugepageLimit[] | undefined, ending: string): Setting[] =>
  (limits ?? []).flatMap((limit, index) => {
    const pointer = `${POINTER}/hugepageLimits/${index}`;
    const value = String(limit.limit);
    return [
      { file: `hugetlb.${limit.pageSize}.${ending}`, value, pointer },
      { file: `hugetlb.${limit.pageSize}.rsvd.${ending}`, value, pointer, otherwise: 'nothing' },
    ];
  });

export const classSettings = (network: LinuxNetwork | undefined): Setting[] =>
  network?.classID === undefined
    ? []
    : [{ file: 'net_cls.classid', value: String(network.classID), pointer: `${POINTER}/network/classID` }];

export const prioritySettings = (network: LinuxNetwork | undefined): Setting[] =>
  (network?.priorities ?? []).map((priority, index) => ({
    file: 'net_prio.ifpriomap',
    value: `${priority.name} ${priority.priority}`,
    pointer: `${POINTER}/network/priorities/${index}`,
  }));

export const rdmaSettings = (rdma: Readonly<Record<string, LinuxRdma>> | undefined): Setting[] =>
  Object.entries(rdma ?? {}).map(([device, limits]) => ({
    file: 'rdma.max',
    value: [
      device,
      ...(limits.hcaHandles === undefined ? [] : [`hca_handle=${limits.hcaHandles}`]),
      ...(limits.hcaObjects === undefined ? [] : [`hca_object=${limits.hcaObjects}`]),
    ].join(' '),
    pointer: `${POINTER}/rdma/${device}`,
  }));
