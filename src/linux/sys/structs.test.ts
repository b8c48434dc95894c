// The codecs against the C compiler's own layout: a small program prints sizes and offsets from the kernel's headers.

import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import * as structs from './structs.ts';

const HEADERS = [
  ...['<stddef.h>', '<stdio.h>', '<sys/socket.h>', '<sys/un.h>', '<sys/vfs.h>', '<time.h>', '<poll.h>'],
  ...['<linux/sched.h>', '<linux/openat2.h>', '<linux/mount.h>', '<linux/capability.h>'],
  ...['<linux/stat.h>', '<sys/resource.h>', '<linux/filter.h>'],
];

/** Struct → members whose offsets are asked for. */
const ASKED: Readonly<Record<string, readonly string[]>> = {
  'struct clone_args': ['flags', 'exit_signal', 'cgroup'],
  'struct open_how': ['flags', 'mode', 'resolve'],
  'struct mount_attr': ['attr_set', 'attr_clr', 'propagation', 'userns_fd'],
  'struct rlimit64': ['rlim_cur', 'rlim_max'],
  'struct sched_attr': [
    ...['size', 'sched_policy', 'sched_flags', 'sched_nice', 'sched_priority'],
    ...['sched_runtime', 'sched_deadline', 'sched_period', 'sched_util_min'],
  ],
  'struct sockaddr_un': ['sun_family', 'sun_path'],
  'struct timespec': ['tv_sec', 'tv_nsec'],
  'struct sock_fprog': ['len', 'filter'],
  'struct __user_cap_header_struct': ['version', 'pid'],
  'struct __user_cap_data_struct': ['effective', 'permitted', 'inheritable'],
  'struct statx': ['stx_uid', 'stx_gid', 'stx_mode', 'stx_ino', 'stx_size', 'stx_rdev_major', 'stx_dev_major'],
  'struct statfs': ['f_type', 'f_flags'],
  'struct msghdr': ['msg_iov', 'msg_iovlen', 'msg_control', 'msg_controllen'],
  'struct iovec': ['iov_base', 'iov_len'],
  'struct cmsghdr': ['cmsg_len', 'cmsg_level', 'cmsg_type'],
};

function askCompiler(): Map<string, number> {
  const directory = mkdtempSync(join(tmpdir(), 'structs-'));
  const lines = Object.entries(ASKED).flatMap(([struct, members]) => [
    `printf("${struct} %zu\\n", sizeof(${struct}));`,
    ...members.map((member) => `printf("${struct}.${member} %zu\\n", offsetof(${struct}, ${member}));`),
  ]);
  // The kernel's header repeats a struct of libc's.
  const sched = '#define sched_param kernel_sched_param\n#include <linux/sched/types.h>\n';
  const source = `#define _GNU_SOURCE\n${HEADERS.map((header) => `#include ${header}`).join('\n')}\n${sched}int main(void) {\n${lines.join('\n')}\n}\n`;
  writeFileSync(join(directory, 'layout.c'), source);
  execFileSync('gcc', ['-o', join(directory, 'layout'), join(directory, 'layout.c')]);
  const output = execFileSync(join(directory, 'layout'), { encoding: 'utf8' });
  rmSync(directory, { recursive: true });
  return new Map(
    output
      .trim()
      .split('\n')
      .map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.split(' ').at(-1))]),
  );
}

const u32 = fc.integer({ min: 0, max: 0xffffffff });
const u64 = fc.bigInt(0n, 2n ** 64n - 1n);
const fd = fc.integer({ min: 0, max: 1 << 20 });

describe('struct codecs', () => {
  const layout = askCompiler();
  const at = (place: string): number => {
    const offset = layout.get(place);
    if (offset === undefined) throw new Error(`the compiler was not asked for ${place}`);
    return offset;
  };
  const view = (bytes: Uint8Array) => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const read64 = (bytes: Uint8Array, place: string) => view(bytes).getBigUint64(at(place), true);
  const read32 = (bytes: Uint8Array, place: string) => view(bytes).getUint32(at(place), true);

  it('clone_args', () => {
    fc.assert(
      fc.property(u32, u32, fd, (flags, exitSignal, cgroup) => {
        const bytes = structs.encodeCloneArgs({ flags, exitSignal, cgroup });
        expect(bytes.length).to.equal(at('struct clone_args'));
        expect(read64(bytes, 'struct clone_args.flags')).to.equal(BigInt(flags) + 0x200000000n);
        expect(read64(bytes, 'struct clone_args.exit_signal')).to.equal(BigInt(exitSignal));
        expect(read64(bytes, 'struct clone_args.cgroup')).to.equal(BigInt(cgroup));
      }),
    );
  });

  it('open_how', () => {
    fc.assert(
      fc.property(u32, u32, u32, (flags, mode, resolve) => {
        const bytes = structs.encodeOpenHow(flags, mode, resolve);
        expect(bytes.length).to.equal(at('struct open_how'));
        expect(read64(bytes, 'struct open_how.flags')).to.equal(BigInt(flags));
        expect(read64(bytes, 'struct open_how.mode')).to.equal(BigInt(mode));
        expect(read64(bytes, 'struct open_how.resolve')).to.equal(BigInt(resolve));
      }),
    );
  });

  it('mount_attr', () => {
    fc.assert(
      fc.property(u32, u32, u32, fd, (set, clear, propagation, usernsFd) => {
        const bytes = structs.encodeMountAttr({ set, clear, propagation, usernsFd });
        expect(bytes.length).to.equal(at('struct mount_attr'));
        expect(read64(bytes, 'struct mount_attr.attr_set')).to.equal(BigInt(set));
        expect(read64(bytes, 'struct mount_attr.attr_clr')).to.equal(BigInt(clear));
        expect(read64(bytes, 'struct mount_attr.propagation')).to.equal(BigInt(propagation));
        expect(read64(bytes, 'struct mount_attr.userns_fd')).to.equal(BigInt(usernsFd));
      }),
    );
  });

  it('rlimit64 and timespec, exactly', () => {
    fc.assert(
      fc.property(u64, u64, (soft, hard) => {
        const bytes = structs.encodeRlimit(soft, hard);
        expect(bytes.length).to.equal(at('struct rlimit64'));
        expect(read64(bytes, 'struct rlimit64.rlim_cur')).to.equal(soft);
        expect(read64(bytes, 'struct rlimit64.rlim_max')).to.equal(hard);
      }),
    );
    const time = structs.encodeTimespec(-1, 999_999_999);
    expect(time.length).to.equal(at('struct timespec'));
    expect(view(time).getBigInt64(at('struct timespec.tv_sec'), true)).to.equal(-1n);
    expect(read64(time, 'struct timespec.tv_nsec')).to.equal(999_999_999n);
  });

  it('sched_attr, its first version', () => {
    fc.assert(
      fc.property(
        u32,
        u32,
        fc.integer({ min: -20, max: 19 }),
        u32,
        u64,
        u64,
        u64,
        (policy, flags, nice, priority, ...times) => {
          const [runtime, deadline, period] = times;
          const bytes = structs.encodeSchedAttr({ policy, flags, nice, priority, runtime, deadline, period });
          // What came later begins where the first version ends.
          expect(bytes.length).to.equal(at('struct sched_attr.sched_util_min'));
          expect(read32(bytes, 'struct sched_attr.size')).to.equal(bytes.length);
          expect(read32(bytes, 'struct sched_attr.sched_policy')).to.equal(policy);
          expect(read64(bytes, 'struct sched_attr.sched_flags')).to.equal(BigInt(flags));
          expect(view(bytes).getInt32(at('struct sched_attr.sched_nice'), true)).to.equal(nice);
          expect(read32(bytes, 'struct sched_attr.sched_priority')).to.equal(priority);
          expect(read64(bytes, 'struct sched_attr.sched_runtime')).to.equal(runtime);
          expect(read64(bytes, 'struct sched_attr.sched_deadline')).to.equal(deadline);
          expect(read64(bytes, 'struct sched_attr.sched_period')).to.equal(period);
        },
      ),
    );
  });

  it('capability sets', () => {
    const pair = fc.tuple(u32, u32);
    fc.assert(
      fc.property(pair, pair, pair, (effective, permitted, inheritable) => {
        const bytes = structs.encodeCapData({ effective, permitted, inheritable });
        const size = at('struct __user_cap_data_struct');
        expect(bytes.length).to.equal(2 * size);
        for (const word of [0, 1] as const) {
          const read = (member: string) =>
            view(bytes).getUint32(word * size + at(`struct __user_cap_data_struct.${member}`), true);
          expect([read('effective'), read('permitted'), read('inheritable')]).to.deep.equal([
            effective[word],
            permitted[word],
            inheritable[word],
          ]);
        }
        expect(structs.decodeCapData(bytes)).to.deep.equal({ effective, permitted, inheritable });
      }),
    );
    expect(structs.encodeCapHeader().length).to.equal(at('struct __user_cap_header_struct'));
  });

  it('statx and statfs', () => {
    fc.assert(
      fc.property(
        fc.nat(0xffff),
        u32,
        u32,
        u64,
        fc.nat(0xfff),
        fc.nat(0xfffff),
        (mode, uid, gid, ino, major, minor) => {
          const bytes = new Uint8Array(at('struct statx'));
          view(bytes).setUint16(at('struct statx.stx_mode'), mode, true);
          view(bytes).setUint32(at('struct statx.stx_uid'), uid, true);
          view(bytes).setUint32(at('struct statx.stx_gid'), gid, true);
          view(bytes).setBigUint64(at('struct statx.stx_ino'), ino, true);
          view(bytes).setUint32(at('struct statx.stx_rdev_major'), major, true);
          view(bytes).setUint32(at('struct statx.stx_rdev_major') + 4, minor, true);
          const stat = structs.decodeStatx(bytes);
          expect({ ...stat, size: 0, dev: 0 }).to.deep.equal({
            ...{ mode, uid, gid, ino, size: 0, dev: 0 },
            rdev: structs.makedev(major, minor),
          });
          expect([structs.major(stat.rdev), structs.minor(stat.rdev)]).to.deep.equal([major, minor]);
        },
      ),
    );
    expect(at('struct statfs')).to.equal(120);
    expect([at('struct statfs.f_type'), at('struct statfs.f_flags')]).to.deep.equal([0, 80]);
  });

  it('messages with descriptors', () => {
    fc.assert(
      fc.property(fc.array(fd, { minLength: 1, maxLength: 8 }), fc.nat(4096), (fds, length) => {
        const control = structs.encodeRights(fds);
        expect(read64(control, 'struct cmsghdr.cmsg_len')).to.equal(BigInt(at('struct cmsghdr') + 4 * fds.length));
        expect(structs.decodeRights(control, control.length)).to.deep.equal(fds);
        const message = structs.encodeMessage(new Uint8Array(length), control);
        expect(message.bytes.length).to.equal(at('struct msghdr'));
        expect(message.refs.map(([offset]) => offset)).to.deep.equal([
          at('struct msghdr.msg_iov'),
          at('struct msghdr.msg_control'),
        ]);
        expect(read64(message.bytes, 'struct msghdr.msg_iovlen')).to.equal(1n);
        expect(structs.controlLength(message)).to.equal(control.length);
      }),
    );
  });

  it('sock_fprog and sockaddr_un', () => {
    const program = structs.encodeSockFprog(new Uint8Array(80));
    expect(program.bytes.length).to.equal(at('struct sock_fprog'));
    expect(view(program.bytes).getUint16(at('struct sock_fprog.len'), true)).to.equal(10);
    expect(program.refs[0]?.[0]).to.equal(at('struct sock_fprog.filter'));
    const address = structs.encodeUnixAddress(Uint8Array.of(47, 97));
    expect([...address]).to.deep.equal([1, 0, 47, 97, 0]);
    expect(at('struct sockaddr_un.sun_path')).to.equal(2);
  });
});
