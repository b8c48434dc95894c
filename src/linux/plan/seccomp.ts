// config-linux.md, "Seccomp": the profile, compiled before there is a process.

import type { Spec } from '../../spec/types.ts';
import type { SeccompStep } from '../init/conversation.ts';
import { compileSeccomp } from '../seccomp/compile.ts';

export function planSeccomp(spec: Spec, arch: 'x64' | 'arm64'): SeccompStep[] {
  const profile = spec.linux?.seccomp;
  if (profile === undefined) return [];
  const { filter, flags, notify } = compileSeccomp(profile, arch);
  return [{ kind: 'seccomp', filter, flags, notify }];
}
