// Architectures of seccomp profiles: their audit numbers, word sizes, and tables of system calls.

import { TsociError } from '../../errors.ts';
import { IS_ARM64 } from '../sys/index.ts';
import { TABLES as ARM64 } from './tables/arm64.ts';
import { TABLES as OTHERS } from './tables/others.ts';
import { TABLES as X64 } from './tables/x64.ts';

export interface Architecture {
  /** AUDIT_ARCH_* (linux/audit.h). */
  readonly audit: number;
  readonly bits: 32 | 64;
  readonly table: string;
  /** Added to every number: x32's bit 30. */
  readonly offset?: number;
}

const LE = 0x40000000;
const WIDE = 0x80000000;

const arch = (machine: number, bits: 32 | 64, table: string, offset = 0): Architecture => ({
  audit: machine >>> 0,
  bits,
  table,
  offset,
});

/** By the specification's names, in libseccomp's order. */
export const ARCHITECTURES: Readonly<Record<string, Architecture>> = {
  SCMP_ARCH_X86: arch(3 + LE, 32, 'x86'),
  SCMP_ARCH_X86_64: arch(62 + LE + WIDE, 64, 'x86_64'),
  SCMP_ARCH_X32: arch(62 + LE + WIDE, 32, 'x32', 0x40000000),
  SCMP_ARCH_ARM: arch(40 + LE, 32, 'arm'),
  SCMP_ARCH_AARCH64: arch(183 + LE + WIDE, 64, 'aarch64'),
  SCMP_ARCH_MIPS: arch(8, 32, 'mips'),
  SCMP_ARCH_MIPS64: arch(8 + WIDE, 64, 'mips64'),
  SCMP_ARCH_MIPS64N32: arch(8 + WIDE + 0x20000000, 32, 'mips64n32'),
  SCMP_ARCH_MIPSEL: arch(8 + LE, 32, 'mips'),
  SCMP_ARCH_MIPSEL64: arch(8 + LE + WIDE, 64, 'mips64'),
  SCMP_ARCH_MIPSEL64N32: arch(8 + LE + WIDE + 0x20000000, 32, 'mips64n32'),
  SCMP_ARCH_PPC: arch(20, 32, 'ppc'),
  SCMP_ARCH_PPC64: arch(21 + WIDE, 64, 'ppc64'),
  SCMP_ARCH_PPC64LE: arch(21 + LE + WIDE, 64, 'ppc64'),
  SCMP_ARCH_S390: arch(22, 32, 's390'),
  SCMP_ARCH_S390X: arch(22 + WIDE, 64, 's390x'),
  SCMP_ARCH_PARISC: arch(15, 32, 'parisc'),
  SCMP_ARCH_PARISC64: arch(15 + WIDE, 64, 'parisc64'),
  SCMP_ARCH_RISCV64: arch(243 + LE + WIDE, 64, 'riscv64'),
  SCMP_ARCH_LOONGARCH64: arch(258 + LE + WIDE, 64, 'aarch64'),
  SCMP_ARCH_M68K: arch(4, 32, ''),
  SCMP_ARCH_SH: arch(42 + LE, 32, ''),
  SCMP_ARCH_SHEB: arch(42, 32, ''),
};

export const nativeArchitecture = (host: 'x64' | 'arm64'): string =>
  host === 'x64' ? 'SCMP_ARCH_X86_64' : 'SCMP_ARCH_AARCH64';

/** `0 read write 5 fstat`: a number starts a run, each name after it is the next number's. */
function parseTable(text: string): Map<string, number> {
  const numbers = new Map<string, number>();
  let next = 0;
  for (const word of text.split(' ')) {
    const first = word.charCodeAt(0);
    if (first >= 48 && first <= 57) next = Number(word);
    else if (word !== '') numbers.set(word, next++);
  }
  return numbers;
}

const TEXTS: Readonly<Record<string, string>> = { ...X64, ...ARM64, ...OTHERS };

/** Of the host's own architectures: made when the module is evaluated, which is while building. */
const NUMBERS = new Map(Object.entries(IS_ARM64 ? ARM64 : X64).map(([table, text]) => [table, parseTable(text)]));

/** Numbers by name, without the offset. */
export const numbersOf = ({ table }: Architecture): ReadonlyMap<string, number> =>
  NUMBERS.get(table) ?? parseTable(TEXTS[table] ?? '');

export function architectureOf(name: string): Architecture {
  const found = ARCHITECTURES[name];
  if (found === undefined) throw new TsociError('ERR_SPEC_CHECK', `unknown seccomp architecture "${name}"`);
  return found;
}
