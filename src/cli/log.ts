// The log: text as logrus writes it, or one JSON object a line, to standard error or to a file that engines read.

import { TsociError } from '../errors.ts';
import * as sys from '../linux/sys/index.ts';
import { opening } from '../runtime/opening.ts';
import { now } from '../runtime/time.ts';

export type Level = 'debug' | 'info' | 'warning' | 'error';

export interface LogOptions {
  /** Standard error when absent. */
  readonly file: string | undefined;
  readonly format: string;
  readonly debug: boolean;
}

export interface Logger {
  /** Undefined unless asked for. */
  readonly debug: ((message: string) => void) | undefined;
  readonly warn: (message: string) => void;
  readonly error: (message: string) => void;
}

/** Without fraction: what every reader of RFC 3339 takes. */
function time(): string {
  const text = now();
  const dot = text.indexOf('.');
  return dot < 0 ? text : `${text.slice(0, dot)}Z`;
}

const isPlain = (c: string): boolean =>
  (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || '-._/@^+'.includes(c);

const quoted = (text: string): string => (text !== '' && [...text].every(isPlain) ? text : JSON.stringify(text));

function format(options: LogOptions, level: Level, message: string): string {
  if (options.format === 'json') return `${JSON.stringify({ level, msg: message, time: time() })}\n`;
  return `time="${time()}" level=${level} msg=${quoted(message)}\n`;
}

const write = (fd: number, text: string): void => sys.writeAll(fd, sys.door().encode(text));

function openFile(file: string): number {
  const flags = sys.O_WRONLY | sys.O_CREAT | sys.O_APPEND | sys.O_CLOEXEC;
  return sys.openat(sys.AT_FDCWD, file, flags, 0o644);
}

const append = (file: string, text: string): void => sys.withFd(openFile(file), (fd) => write(fd, text));

/** Throws ERR_USAGE for a format that is none and for a file that cannot be written to; makes the file. */
export function checkLog({ file, format }: LogOptions): void {
  if (format !== 'text' && format !== 'json') throw new TsociError('ERR_USAGE', `invalid log-format: ${format}`);
  if (file === undefined || file === '') return;
  sys.close(opening(file, () => openFile(file)));
}

export function openLog(options: LogOptions): Logger {
  const log = (level: Level, message: string): void => {
    const line = format(options, level, message);
    if (options.file === undefined || options.file === '') write(2, line);
    else append(options.file, line);
  };
  return {
    debug: options.debug ? (message) => log('debug', message) : undefined,
    warn: (message) => log('warning', message),
    error: (message) => {
      log('error', message);
      // COMPAT: with a log file the error goes to standard error as well, without decoration.
      if (options.file !== undefined && options.file !== '') write(2, `${message}\n`);
    },
  };
}
