// placeholder until the compiler lands in this commit series
import type { LinuxSeccomp } from '../../spec/types.ts';
import { TsociError } from '../../errors.ts';
export interface CompiledSeccomp { readonly filter: Uint8Array; readonly flags: number; readonly notify: boolean }
export function compileSeccomp(_profile: LinuxSeccomp, _arch: 'x64' | 'arm64'): CompiledSeccomp {
  throw new TsociError('ERR_UNSUPPORTED', '/linux/seccomp: not supported yet', { pointer: '/linux/seccomp' });
}
