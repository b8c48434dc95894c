// The steps that make a cgroup, as values.

export type CgroupStep =
  | {
      readonly kind: 'cgroup-mkdir';
      readonly dir: string;
      /** Nothing is asked of this cgroup: without permission for it we do without it (rootless). */
      readonly optional: boolean;
    }
  | { readonly kind: 'cgroup-inherit-cpuset'; readonly dir: string; readonly mountPoint: string }
  | { readonly kind: 'cgroup-enable'; readonly dir: string; readonly mountPoint: string }
  | { readonly kind: 'cgroup-write'; readonly dir: string; readonly file: string; readonly value: string }
  | { readonly kind: 'cgroup-devices'; readonly dir: string; readonly rules: readonly DeviceRule[] }
  | { readonly kind: 'cgroup-join'; readonly dir: string; readonly optional: boolean };

export interface DeviceRule {
  readonly allow: boolean;
  /** As the kernel takes it: `c 1:3 rwm`, or `a` for all. */
  readonly rule: string;
}

/** The container's directory in each hierarchy: by the first controller's name, `unified` for v2. */
export type CgroupPaths = Readonly<Record<string, string>>;

export interface CgroupPlan {
  readonly paths: CgroupPaths;
  readonly beforeJoin: readonly CgroupStep[];
  readonly join: readonly CgroupStep[];
}

export function describeCgroupStep(step: CgroupStep): string {
  switch (step.kind) {
    case 'cgroup-mkdir':
      return `making the cgroup ${step.dir}`;
    case 'cgroup-inherit-cpuset':
      return `taking over the parent's cpus and memory nodes in ${step.dir}`;
    case 'cgroup-enable':
      return `enabling the controllers down to ${step.dir}`;
    case 'cgroup-write':
      return `writing "${step.value}" to ${step.dir}/${step.file}`;
    case 'cgroup-devices':
      return `allowing devices in ${step.dir}: ${step.rules.map((r) => `${r.allow ? '+' : '-'}${r.rule}`).join(', ')}`;
    case 'cgroup-join':
      return `joining the cgroup ${step.dir}`;
  }
}
