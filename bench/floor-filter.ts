// The seccomp filter of the floor: tsoci's own, compiled beforehand.
import { compileSeccomp } from '../src/linux/seccomp/compile.ts';
import type { LinuxSeccomp } from '../src/spec/types.ts';

/** The instructions as C initialisers of struct sock_filter { u16 code; u8 jt, jf; u32 k }; none without a profile. */
export function compileFilter(profile: LinuxSeccomp | undefined): string[] {
  if (profile === undefined) return [];
  const { filter } = compileSeccomp(profile, process.arch === 'arm64' ? 'arm64' : 'x64');
  const view = new DataView(filter.buffer, filter.byteOffset, filter.byteLength);
  return Array.from({ length: filter.byteLength / 8 }, (_, i) => {
    const at = i * 8;
    return `{${view.getUint16(at, true)}, ${view.getUint8(at + 2)}, ${view.getUint8(at + 3)}, ${view.getUint32(at + 4, true)}u}`;
  });
}
