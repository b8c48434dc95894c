// Terminals: ioctl_tty(2), pty(7).

import * as calls from './calls.ts';
import * as k from './constants.ts';
import { SyscallError } from './error.ts';

/** Size of the kernel's struct termios; the flag words are its first four 32-bit members. */
const TERMIOS_SIZE = 36;
const OFLAG = 4;

export function unlockTerminal(master: number): void {
  calls.ioctl_buffer(master, k.TIOCSPTLCK, new Uint8Array(4));
}

/** The slave end, by the master's own descriptor: no path is asked. KERNEL(4.13) */
export const openPeerTerminal = (master: number, flags: number): number =>
  calls.ioctl_int(master, k.TIOCGPTPEER, flags);

export function setControllingTerminal(fd: number): void {
  calls.ioctl_int(fd, k.TIOCSCTTY, 0);
}

export function setWindowSize(fd: number, rows: number, columns: number): void {
  const size = new Uint8Array(8);
  const view = new DataView(size.buffer);
  view.setUint16(0, rows, true);
  view.setUint16(2, columns, true);
  calls.ioctl_buffer(fd, k.TIOCSWINSZ, size);
}

export function copyWindowSize(from: number, to: number): void {
  const size = new Uint8Array(8);
  calls.ioctl_buffer(from, k.TIOCGWINSZ, size);
  calls.ioctl_buffer(to, k.TIOCSWINSZ, size);
}

function attributesOf(fd: number): Uint8Array | undefined {
  const attributes = new Uint8Array(TERMIOS_SIZE);
  try {
    calls.ioctl_buffer(fd, k.TCGETS, attributes);
    return attributes;
  } catch (error) {
    if (error instanceof SyscallError && error.errno !== k.E.EBADF) return undefined;
    throw error;
  }
}

/** The terminal no longer turns NL into CR NL on output. */
export function clearOnlcr(fd: number): void {
  const attributes = attributesOf(fd);
  if (attributes === undefined) return;
  const view = new DataView(attributes.buffer);
  view.setUint32(OFLAG, view.getUint32(OFLAG, true) & ~k.ONLCR, true);
  calls.ioctl_buffer(fd, k.TCSETS, attributes);
}

/**
 * cfmakeraw(3), but for the processing of output, which still turns the container's NL into CR NL. Returns the attributes from before,
 * or undefined when `fd` is no terminal.
 */
export function makeRaw(fd: number): Uint8Array | undefined {
  const saved = attributesOf(fd);
  if (saved === undefined) return undefined;
  const raw = saved.slice();
  const view = new DataView(raw.buffer);
  const clear = (offset: number, bits: number) => view.setUint32(offset, view.getUint32(offset, true) & ~bits, true);
  clear(0, k.IGNBRK | k.BRKINT | k.PARMRK | k.ISTRIP | k.INLCR | k.IGNCR | k.ICRNL | k.IXON);
  clear(8, k.CSIZE | k.PARENB);
  view.setUint32(8, view.getUint32(8, true) | k.CS8, true);
  clear(12, k.ECHO | k.ECHONL | k.ICANON | k.ISIG | k.IEXTEN);
  calls.ioctl_buffer(fd, k.TCSETS, raw);
  return saved;
}

export const restoreTerminal = (fd: number, saved: Uint8Array): void => {
  calls.ioctl_buffer(fd, k.TCSETS, saved);
};
