// The specification's structures (runtime-spec 1.3), with the names of its JSON. 64-bit integers that a double cannot
// hold are bigint: the JSON reader keeps them exactly.

/** An integer of the JSON: a bigint where its value is beyond 2^53-1. */
export type Int64 = number | bigint;
export type Uint64 = number | bigint;

type Strings = readonly string[];

export interface Spec {
  readonly ociVersion: string;
  readonly process?: Process;
  readonly root?: Root;
  readonly hostname?: string;
  readonly domainname?: string;
  readonly mounts?: readonly Mount[];
  readonly hooks?: Hooks;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly linux?: Linux;
  /** Of virtual-machine runtimes (config-vm.md); not ours. */
  readonly vm?: Readonly<Record<string, unknown>>;
}

export interface Process {
  readonly terminal?: boolean;
  readonly consoleSize?: Box;
  readonly user?: User;
  readonly args?: Strings;
  readonly env?: Strings;
  readonly cwd: string;
  readonly capabilities?: LinuxCapabilities;
  readonly rlimits?: readonly POSIXRlimit[];
  readonly noNewPrivileges?: boolean;
  readonly apparmorProfile?: string;
  readonly oomScoreAdj?: number;
  readonly scheduler?: Scheduler;
  readonly selinuxLabel?: string;
  readonly ioPriority?: LinuxIOPriority;
  readonly execCPUAffinity?: CPUAffinity;
}

export interface Box {
  readonly height: number;
  readonly width: number;
}

export interface User {
  readonly uid: number;
  readonly gid: number;
  readonly umask?: number;
  readonly additionalGids?: readonly number[];
}

export interface LinuxCapabilities {
  readonly bounding?: Strings;
  readonly effective?: Strings;
  readonly inheritable?: Strings;
  readonly permitted?: Strings;
  readonly ambient?: Strings;
}

export interface POSIXRlimit {
  readonly type: string;
  readonly hard: Uint64;
  readonly soft: Uint64;
}

export interface Scheduler {
  readonly policy: string;
  readonly nice?: number;
  readonly priority?: number;
  readonly flags?: Strings;
  readonly runtime?: Uint64;
  readonly deadline?: Uint64;
  readonly period?: Uint64;
}

export interface LinuxIOPriority {
  readonly class: string;
  readonly priority?: number;
}

export interface CPUAffinity {
  readonly initial?: string;
  readonly final?: string;
}

export interface Root {
  readonly path: string;
  readonly readonly?: boolean;
}

export interface Mount {
  readonly destination: string;
  readonly type?: string;
  readonly source?: string;
  readonly options?: Strings;
  readonly uidMappings?: readonly LinuxIdMapping[];
  readonly gidMappings?: readonly LinuxIdMapping[];
}

export interface Hook {
  readonly path: string;
  readonly args?: Strings;
  readonly env?: Strings;
  /** Seconds. */
  readonly timeout?: number;
}

export interface Hooks {
  readonly prestart?: readonly Hook[];
  readonly createRuntime?: readonly Hook[];
  readonly createContainer?: readonly Hook[];
  readonly startContainer?: readonly Hook[];
  readonly poststart?: readonly Hook[];
  readonly poststop?: readonly Hook[];
}

export interface Linux {
  readonly uidMappings?: readonly LinuxIdMapping[];
  readonly gidMappings?: readonly LinuxIdMapping[];
  readonly sysctl?: Readonly<Record<string, string>>;
  readonly resources?: LinuxResources;
  readonly cgroupsPath?: string;
  readonly namespaces?: readonly LinuxNamespace[];
  readonly devices?: readonly LinuxDevice[];
  readonly netDevices?: Readonly<Record<string, LinuxNetDevice>>;
  readonly seccomp?: LinuxSeccomp;
  readonly rootfsPropagation?: string;
  readonly maskedPaths?: Strings;
  readonly readonlyPaths?: Strings;
  readonly mountLabel?: string;
  readonly intelRdt?: LinuxIntelRdt;
  readonly memoryPolicy?: LinuxMemoryPolicy;
  readonly personality?: LinuxPersonality;
  readonly timeOffsets?: Readonly<Record<string, LinuxTimeOffset>>;
}

export interface LinuxNamespace {
  readonly type: 'pid' | 'network' | 'mount' | 'ipc' | 'uts' | 'user' | 'cgroup' | 'time';
  readonly path?: string;
}

export interface LinuxIdMapping {
  readonly containerID: number;
  readonly hostID: number;
  readonly size: number;
}

export interface LinuxTimeOffset {
  readonly secs?: Int64;
  readonly nanosecs?: number;
}

export interface LinuxDevice {
  readonly path: string;
  readonly type: 'c' | 'b' | 'u' | 'p';
  readonly major?: number;
  readonly minor?: number;
  readonly fileMode?: number;
  readonly uid?: number;
  readonly gid?: number;
}

export interface LinuxNetDevice {
  readonly name?: string;
}

export interface LinuxDeviceCgroup {
  readonly allow: boolean;
  readonly type?: string;
  readonly major?: Int64;
  readonly minor?: Int64;
  readonly access?: string;
}

export interface LinuxResources {
  readonly devices?: readonly LinuxDeviceCgroup[];
  readonly memory?: LinuxMemory;
  readonly cpu?: LinuxCPU;
  readonly pids?: LinuxPids;
  readonly blockIO?: LinuxBlockIO;
  readonly hugepageLimits?: readonly LinuxHugepageLimit[];
  readonly network?: LinuxNetwork;
  readonly rdma?: Readonly<Record<string, LinuxRdma>>;
  readonly unified?: Readonly<Record<string, string>>;
}

export interface LinuxMemory {
  readonly limit?: Int64;
  readonly reservation?: Int64;
  readonly swap?: Int64;
  readonly kernel?: Int64;
  readonly kernelTCP?: Int64;
  readonly swappiness?: Uint64;
  readonly disableOOMKiller?: boolean;
  readonly useHierarchy?: boolean;
  readonly checkBeforeUpdate?: boolean;
}

export interface LinuxCPU {
  readonly shares?: Uint64;
  readonly quota?: Int64;
  readonly burst?: Uint64;
  readonly period?: Uint64;
  readonly realtimeRuntime?: Int64;
  readonly realtimePeriod?: Uint64;
  readonly cpus?: string;
  readonly mems?: string;
  readonly idle?: Int64;
}

export interface LinuxPids {
  readonly limit?: Int64;
}

export interface LinuxWeightDevice {
  readonly major: Int64;
  readonly minor: Int64;
  readonly weight?: number;
  readonly leafWeight?: number;
}

export interface LinuxThrottleDevice {
  readonly major: Int64;
  readonly minor: Int64;
  readonly rate: Uint64;
}

export interface LinuxBlockIO {
  readonly weight?: number;
  readonly leafWeight?: number;
  readonly weightDevice?: readonly LinuxWeightDevice[];
  readonly throttleReadBpsDevice?: readonly LinuxThrottleDevice[];
  readonly throttleWriteBpsDevice?: readonly LinuxThrottleDevice[];
  readonly throttleReadIOPSDevice?: readonly LinuxThrottleDevice[];
  readonly throttleWriteIOPSDevice?: readonly LinuxThrottleDevice[];
}

export interface LinuxHugepageLimit {
  readonly pageSize: string;
  readonly limit: Uint64;
}

export interface LinuxInterfacePriority {
  readonly name: string;
  readonly priority: number;
}

export interface LinuxNetwork {
  readonly classID?: number;
  readonly priorities?: readonly LinuxInterfacePriority[];
}

export interface LinuxRdma {
  readonly hcaHandles?: number;
  readonly hcaObjects?: number;
}

export interface LinuxSeccomp {
  readonly defaultAction: string;
  readonly defaultErrnoRet?: number;
  readonly architectures?: Strings;
  readonly flags?: Strings;
  readonly listenerPath?: string;
  readonly listenerMetadata?: string;
  readonly syscalls?: readonly LinuxSyscall[];
}

export interface LinuxSyscall {
  readonly names: Strings;
  readonly action: string;
  readonly errnoRet?: number;
  readonly args?: readonly LinuxSeccompArg[];
}

export interface LinuxSeccompArg {
  readonly index: number;
  readonly value: Uint64;
  readonly valueTwo?: Uint64;
  readonly op: string;
}

export interface LinuxIntelRdt {
  readonly closID?: string;
  readonly schemata?: Strings;
  readonly l3CacheSchema?: string;
  readonly memBwSchema?: string;
  readonly enableMonitoring?: boolean;
}

export interface LinuxMemoryPolicy {
  readonly mode: string;
  readonly nodes?: string;
  readonly flags?: Strings;
}

export interface LinuxPersonality {
  readonly domain: string;
  readonly flags?: Strings;
}

/** runtime.md, "State". */
export interface State {
  readonly ociVersion: string;
  readonly id: string;
  readonly status: 'creating' | 'created' | 'running' | 'paused' | 'stopped';
  readonly pid?: number;
  readonly bundle: string;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** config-linux.md, "The Container Process State": what a seccomp agent gets. */
export interface ContainerProcessState {
  readonly ociVersion: string;
  readonly fds: Strings;
  readonly pid: number;
  readonly metadata?: string;
  readonly state: State;
}
