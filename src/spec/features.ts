// features.md: what is supported, fixed when tsoci was built; `mountOptions` are the names of the mounts' own table.

import { CAPABILITIES } from './capabilities.ts';
import { OCI_VERSION, OCI_VERSION_MIN } from './versions.ts';

declare const __VERSION__: string;
declare const __COMMIT__: string;

const prefixed = (prefix: string, words: string): string[] => words.split(' ').map((word) => `${prefix}${word}`);

const SECCOMP = {
  enabled: true,
  actions: prefixed('SCMP_ACT_', 'ALLOW ERRNO KILL KILL_PROCESS KILL_THREAD LOG NOTIFY TRACE TRAP'),
  operators: prefixed('SCMP_CMP_', 'EQ GE GT LE LT MASKED_EQ NE'),
  archs: prefixed(
    'SCMP_ARCH_',
    'AARCH64 ARM LOONGARCH64 M68K MIPS MIPS64 MIPS64N32 MIPSEL MIPSEL64 MIPSEL64N32 PARISC PARISC64 PPC PPC64 PPC64LE ' +
      'RISCV64 S390 S390X SH SHEB X32 X86 X86_64',
  ),
  knownFlags: prefixed('SECCOMP_FILTER_FLAG_', 'LOG SPEC_ALLOW TSYNC WAIT_KILLABLE_RECV'),
  supportedFlags: prefixed('SECCOMP_FILTER_FLAG_', 'LOG SPEC_ALLOW TSYNC WAIT_KILLABLE_RECV'),
};

export const featuresDocument = (mountOptions: readonly string[]) => ({
  ociVersionMin: OCI_VERSION_MIN,
  ociVersionMax: OCI_VERSION,
  hooks: ['prestart', 'createRuntime', 'createContainer', 'startContainer', 'poststart', 'poststop'],
  mountOptions: [...mountOptions].sort(),
  linux: {
    namespaces: ['cgroup', 'ipc', 'mount', 'network', 'pid', 'time', 'user', 'uts'],
    capabilities: CAPABILITIES,
    cgroup: { v1: true, v2: true, systemd: true, systemdUser: true, rdma: true },
    seccomp: SECCOMP,
    apparmor: { enabled: true },
    selinux: { enabled: true },
    intelRdt: { enabled: false },
    memoryPolicy: {
      modes: prefixed('MPOL_', 'BIND DEFAULT INTERLEAVE LOCAL PREFERRED PREFERRED_MANY WEIGHTED_INTERLEAVE'),
      flags: prefixed('MPOL_F_', 'NUMA_BALANCING RELATIVE_NODES STATIC_NODES'),
    },
    mountExtensions: { idmap: { enabled: true } },
    netDevices: { enabled: false },
  },
  // Of a unit that systemd makes for the container.
  potentiallyUnsafeConfigAnnotations: ['org.systemd.property.'],
  annotations: { 'org.tsoci.version': __VERSION__, 'org.tsoci.commit': __COMMIT__ },
});
