// config-linux.md, "Seccomp": the profile, compiled before there is a process.

import type { LinuxSeccomp, Spec } from '../../spec/types.ts';
import type { ConversationStep } from '../init/conversation.ts';
import type { CompiledSeccomp } from '../seccomp/compile.ts';
import { door } from '../sys/current.ts';

type SeccompStep = Extract<ConversationStep, { kind: 'seccomp' }>;

interface Compiler {
  readonly compileSeccomp: (profile: LinuxSeccomp, arch: 'x64' | 'arm64') => CompiledSeccomp;
}

/** Bytecode of its own: most of its weight are tables that a container without a profile does not need. */
const compiler = () => door().load('seccomp') as Compiler;

export function planSeccomp(spec: Spec, arch: 'x64' | 'arm64'): SeccompStep[] {
  const profile = spec.linux?.seccomp;
  if (profile === undefined) return [];
  const { filter, flags, notify } = compiler().compileSeccomp(profile, arch);
  return [{ kind: 'seccomp', filter, flags, notify }];
}
