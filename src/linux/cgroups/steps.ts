// The steps that make a cgroup, as values.

import type { LinuxMemory } from '../../spec/types.ts';
import type { Setting } from './settings.ts';
import type { Property, UnitName } from './systemd/property.ts';
import type { DeviceRule } from './v1/devices.ts';

/** A controller that a setting needs. */
export interface NeededController {
  readonly name: string;
  /** Where in the configuration the first such setting is. */
  readonly pointer: string;
}

export type CgroupStep =
  | {
      readonly kind: 'cgroup-mkdir';
      readonly dir: string;
      /** Nothing is asked of this cgroup: without permission for it we do without it (rootless). */
      readonly optional: boolean;
      /** systemd may have made it, with the container in it. */
      readonly managed?: boolean;
    }
  | {
      readonly kind: 'cgroup-unit';
      readonly unit: UnitName;
      readonly properties: readonly Property[];
      /** Where it will be in each hierarchy. */
      readonly dirs: readonly string[];
      /** The container's process is in it from its beginning. */
      readonly joins: boolean;
    }
  | {
      readonly kind: 'cgroup-unit-properties';
      readonly unit: UnitName;
      readonly properties: readonly Property[];
      readonly dirs: readonly string[];
    }
  | { readonly kind: 'cgroup-inherit-cpuset'; readonly dir: string; readonly mountPoint: string }
  | {
      readonly kind: 'cgroup-enable';
      readonly dir: string;
      readonly mountPoint: string;
      readonly needed: readonly NeededController[];
    }
  | { readonly kind: 'cgroup-check-memory'; readonly dir: string; readonly memory: LinuxMemory }
  | ({ readonly kind: 'cgroup-write'; readonly dir: string } & Pick<Setting, 'file' | 'value' | 'otherwise' | 'lift'>)
  | { readonly kind: 'cgroup-devices'; readonly dir: string; readonly rules: readonly DeviceRule[] }
  | {
      readonly kind: 'cgroup-device-filter';
      readonly dir: string;
      /** struct bpf_insn[]. */
      readonly filter: Uint8Array;
      readonly optional: boolean;
    }
  | { readonly kind: 'cgroup-own'; readonly dir: string; readonly uid: number }
  | JoinCgroupStep;

export interface JoinCgroupStep {
  readonly kind: 'cgroup-join';
  readonly dir: string;
  readonly optional: boolean;
}

export type EnableStep = Extract<CgroupStep, { kind: 'cgroup-enable' }>;

export const writeStep = (dir: string, { file, value, otherwise, lift }: Setting): CgroupStep => ({
  kind: 'cgroup-write',
  dir,
  file,
  value,
  ...(otherwise === undefined ? {} : { otherwise }),
  ...(lift === undefined ? {} : { lift }),
});

/** The container's directory in each hierarchy: by the first controller's name, `unified` for v2. */
export type CgroupPaths = Readonly<Record<string, string>>;

export interface CgroupPlan {
  readonly paths: CgroupPaths;
  /** The container's unit, where systemd manages its cgroups. */
  readonly unit?: UnitName;
  readonly beforeJoin: readonly CgroupStep[];
  readonly join: readonly CgroupStep[];
  /** Device rules that would be in the way of the container's own device nodes: they come into force after those. */
  readonly afterNodes: readonly CgroupStep[];
}

export function describeCgroupStep(step: CgroupStep): string {
  switch (step.kind) {
    case 'cgroup-mkdir':
      return `making the cgroup ${step.dir}`;
    case 'cgroup-unit':
      return `starting the systemd unit ${step.unit.name} (${step.properties.map(({ name }) => name).join(', ')})`;
    case 'cgroup-unit-properties':
      return `setting ${step.properties.map(({ name }) => name).join(', ')} of the systemd unit ${step.unit.name}`;
    case 'cgroup-inherit-cpuset':
      return `taking over the parent's cpus and memory nodes in ${step.dir}`;
    case 'cgroup-enable':
      return `enabling the controllers down to ${step.dir}`;
    case 'cgroup-check-memory':
      return `holding the new limits against the memory in use in ${step.dir}`;
    case 'cgroup-write':
      return `writing "${step.value}" to ${step.dir}/${step.file}`;
    case 'cgroup-devices':
      return `allowing devices in ${step.dir}: ${step.rules.map((r) => `${r.allow ? '+' : '-'}${r.rule}`).join(', ')}`;
    case 'cgroup-device-filter':
      return `attaching the device filter (${step.filter.length / 8} instructions) to ${step.dir}`;
    case 'cgroup-own':
      return `giving ${step.dir} to user ${step.uid}`;
    case 'cgroup-join':
      return `joining the cgroup ${step.dir}`;
  }
}
