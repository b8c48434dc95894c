// The filter of cgroup v2 for devices: a program of eBPF of type BPF_PROG_TYPE_CGROUP_DEVICE, which the kernel runs at
// each mknod(2) and open(2) of a device by a process of the cgroup or below it. Pure.
//
//   w2 = type   w3 = access   w4 = major   w5 = minor
//   for each exception: unless type, access, major and minor match, go on to the next; else its answer
//   the answer for all others

import type { DeviceAccess, DeviceException } from './access.ts';

/** One instruction (linux/bpf.h, struct bpf_insn). */
export interface Instruction {
  readonly code: number;
  readonly dst: number;
  readonly src: number;
  readonly off: number;
  readonly imm: number;
}

// Class, mode and operation of an instruction, put together (linux/bpf.h).
export const OP = {
  load: 0x61, //          BPF_LDX | BPF_MEM | BPF_W
  move: 0xbc, //          BPF_ALU | BPF_MOV | BPF_X
  set: 0xb4, //           BPF_ALU | BPF_MOV | BPF_K
  and: 0x54, //           BPF_ALU | BPF_AND | BPF_K
  shiftRight: 0x74, //    BPF_ALU | BPF_RSH | BPF_K
  // KERNEL(5.1): the jumps of 32 bits; those of 64 would extend the sign of a number.
  ifEqual: 0x16, //       BPF_JMP32 | BPF_JEQ | BPF_K
  ifDifferent: 0x56, //   BPF_JMP32 | BPF_JNE | BPF_K
  exit: 0x95, //          BPF_JMP | BPF_EXIT
} as const;

const TYPES = { b: 1, c: 2 } as const;
const ALL_ACCESS = 7;

const instruction = (code: number, fields: Partial<Instruction> = {}): Instruction => ({
  code,
  dst: 0,
  src: 0,
  off: 0,
  imm: 0,
  ...fields,
});

/** struct bpf_cgroup_dev_ctx: access in the upper half and type in the lower half of the first word; major; minor. */
const prologue = (): Instruction[] => [
  instruction(OP.load, { dst: 2, src: 1, off: 0 }),
  instruction(OP.load, { dst: 4, src: 1, off: 4 }),
  instruction(OP.load, { dst: 5, src: 1, off: 8 }),
  instruction(OP.move, { dst: 3, src: 2 }),
  instruction(OP.shiftRight, { dst: 3, imm: 16 }),
  instruction(OP.and, { dst: 2, imm: 0xffff }),
];

const answer = (allowed: boolean): Instruction[] => [
  instruction(OP.set, { dst: 0, imm: allowed ? 1 : 0 }),
  instruction(OP.exit),
];

/**
 * SAFETY: a request is allowed when one exception allows all of it, and denied when one denies any of it, as the devices
 * controller of v1 has it. (open(2) with O_RDWR asks for reading and writing at once.)
 */
function accessTest(access: number, allowAll: boolean): Instruction[] {
  if (access === ALL_ACCESS) return [];
  const mask = allowAll ? access : ALL_ACCESS & ~access;
  return [
    instruction(OP.move, { dst: 0, src: 3 }),
    instruction(OP.and, { dst: 0, imm: mask }),
    instruction(allowAll ? OP.ifEqual : OP.ifDifferent, { dst: 0, imm: 0 }),
  ];
}

const isJump = ({ code }: Instruction): boolean => code === OP.ifEqual || code === OP.ifDifferent;

function block(exception: DeviceException, allowAll: boolean): Instruction[] {
  const { type, access, major, minor } = exception;
  const tests = [
    instruction(OP.ifDifferent, { dst: 2, imm: TYPES[type] }),
    ...(major === undefined ? [] : [instruction(OP.ifDifferent, { dst: 4, imm: major })]),
    ...(minor === undefined ? [] : [instruction(OP.ifDifferent, { dst: 5, imm: minor })]),
    ...accessTest(access, allowAll),
  ];
  const whole = [...tests, ...answer(!allowAll)];
  return whole.map((each, index) => (isJump(each) ? { ...each, off: whole.length - index - 1 } : each));
}

/** A filter for exactly what `access` allows. */
export const compileFilter = (access: DeviceAccess): Instruction[] =>
  access.exceptions.length === 0
    ? answer(access.allowAll)
    : [
        ...prologue(),
        ...access.exceptions.flatMap((exception) => block(exception, access.allowAll)),
        ...answer(access.allowAll),
      ];

/** As the kernel reads them, 8 bytes each. */
export function encodeFilter(instructions: readonly Instruction[]): Uint8Array {
  const bytes = new Uint8Array(8 * instructions.length);
  const view = new DataView(bytes.buffer);
  for (const [index, { code, dst, src, off, imm }] of instructions.entries()) {
    view.setUint8(8 * index, code);
    view.setUint8(8 * index + 1, dst | (src << 4));
    view.setInt16(8 * index + 2, off, true);
    view.setUint32(8 * index + 4, imm, true);
  }
  return bytes;
}
