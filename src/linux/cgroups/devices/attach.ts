// Putting a device filter in force for a cgroup of v2 (bpf(2), BPF_PROG_TYPE_CGROUP_DEVICE).

import * as sys from '../../sys/index.ts';

/** The kernel takes any text; it asks for a GPL-compatible one only where its helpers are called. */
const LICENSE = 'Apache-2.0';

/** As many programs as the kernel lets one cgroup have (BPF_CGROUP_MAX_PROGS). */
const MAX_PROGRAMS = 64;

/** Attributes of bpf(2): [offset, value] of their 32-bit words. */
function words(size: number, values: readonly (readonly [offset: number, value: number])[]): Uint8Array {
  const bytes = new Uint8Array(size);
  const view = new DataView(bytes.buffer);
  for (const [offset, value] of values) view.setUint32(offset, value, true);
  return bytes;
}

function loadProgram(code: Uint8Array): number {
  const bytes = words(64, [
    [0, sys.BPF_PROG_TYPE_CGROUP_DEVICE],
    [4, code.length / 8],
  ]);
  const refs = [
    [8, code],
    [16, LICENSE],
  ] as const;
  return sys.bpf(sys.BPF_PROG_LOAD, { bytes, refs });
}

/** Ids of the device filters attached to the cgroup itself. */
function attachedPrograms(cgroup: number): number[] {
  const ids = new Uint8Array(4 * MAX_PROGRAMS);
  const bytes = words(64, [
    [0, cgroup],
    [4, sys.BPF_CGROUP_DEVICE],
    [24, MAX_PROGRAMS],
  ]);
  sys.bpf(sys.BPF_PROG_QUERY, { bytes, refs: [[16, ids]] });
  const count = new DataView(bytes.buffer).getUint32(24, true);
  const view = new DataView(ids.buffer);
  return Array.from({ length: count }, (_, index) => view.getUint32(4 * index, true));
}

const openProgram = (id: number): number =>
  sys.bpf(sys.BPF_PROG_GET_FD_BY_ID, { bytes: words(16, [[0, id]]), refs: [] });

/** The new filter in the place of `previous`, at once. */
const replace = (cgroup: number, program: number, previous: number): number =>
  sys.bpf(sys.BPF_PROG_ATTACH, {
    bytes: words(32, [
      [0, cgroup],
      [4, program],
      [8, sys.BPF_CGROUP_DEVICE],
      [12, sys.BPF_F_ALLOW_MULTI | sys.BPF_F_REPLACE],
      [16, previous],
    ]),
    refs: [],
  });

const attach = (cgroup: number, program: number): number =>
  sys.bpf(sys.BPF_PROG_ATTACH, {
    bytes: words(32, [
      [0, cgroup],
      [4, program],
      [8, sys.BPF_CGROUP_DEVICE],
      [12, sys.BPF_F_ALLOW_MULTI],
    ]),
    refs: [],
  });

const detach = (cgroup: number, program: number): number =>
  sys.bpf(sys.BPF_PROG_DETACH, {
    bytes: words(16, [
      [0, cgroup],
      [4, program],
      [8, sys.BPF_CGROUP_DEVICE],
    ]),
    refs: [],
  });

/** SAFETY: several filters hold together, so at no time is there none: the new one is in force before an old one goes. */
function putInForce(cgroup: number, program: number): void {
  const [only, ...more] = attachedPrograms(cgroup);
  if (only !== undefined && more.length === 0) {
    sys.withFd(openProgram(only), (previous) => replace(cgroup, program, previous));
    return;
  }
  attach(cgroup, program);
  for (const id of only === undefined ? [] : [only, ...more]) {
    sys.withFd(openProgram(id), (previous) => detach(cgroup, previous));
  }
}

/** Makes `code` (filter.ts) the one device filter of the cgroup in the folder `dir`; other cgroups keep theirs. */
export function attachFilter(dir: string, code: Uint8Array): void {
  sys.withFd(sys.openat(sys.AT_FDCWD, dir, sys.O_RDONLY | sys.O_DIRECTORY | sys.O_CLOEXEC), (cgroup) =>
    sys.withFd(loadProgram(code), (program) => putInForce(cgroup, program)),
  );
}
