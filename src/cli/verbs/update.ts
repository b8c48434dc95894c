import { TsociError } from '../../errors.ts';
import * as sys from '../../linux/sys/index.ts';
import { updateContainer } from '../../runtime/update.ts';
import { checkResources, parseResources } from '../../spec/resources.ts';
import type { Int64, LinuxResources } from '../../spec/types.ts';
import { type Arguments, text } from '../arguments.ts';
import { type Cli, readDocument } from '../context.ts';

const UNITS = 'bkmgtp';

const exact = (value: bigint): Int64 => {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
};

const invalid = (name: string, reason: string): TsociError =>
  new TsociError('ERR_USAGE', `invalid value for ${name}: ${reason}`);

/** A whole number, exactly; undefined when the flag is not there. */
function wholeOf(args: Arguments, name: string): Int64 | undefined {
  const value = text(args, name);
  if (value === undefined || value === '') return undefined;
  if (!/^-?[0-9]+$/.test(value)) throw invalid(name, `parsing "${value}": invalid syntax`);
  return exact(BigInt(value));
}

/** Bytes: `512`, `64k`, `1.5GiB`, `-1` (runc's units, each 1024 times the one before). Throws ERR_USAGE. */
export function parseBytes(name: string, value: string): Int64 {
  if (value === '-1') return -1;
  const match = /^([0-9]+)(\.[0-9]+)? ?([kmgtp]?)i?b?$/i.exec(value);
  if (match === null) throw invalid(name, `invalid size: '${value}'`);
  const [, whole = '', fraction, unit = ''] = match;
  const factor = 1024n ** BigInt(Math.max(0, UNITS.indexOf(unit.toLowerCase() || 'b')));
  return exact(BigInt(whole) * factor + BigInt(Math.floor(Number(`0${fraction ?? ''}`) * Number(factor))));
}

function bytesOf(args: Arguments, name: string): Int64 | undefined {
  const value = text(args, name);
  return value === undefined || value === '' ? undefined : parseBytes(name, value);
}

type Values = Readonly<Record<string, unknown>>;

/** Without what is not there: none when nothing is. */
const given = (values: Values): Values =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined && value !== ''));

function resourcesOf(args: Arguments): LinuxResources {
  const whole = (name: string) => wholeOf(args, name);
  const bytes = (name: string) => bytesOf(args, name);
  const pids = whole('pids-limit');
  const resources = {
    memory: given({
      limit: bytes('memory'),
      swap: bytes('memory-swap'),
      reservation: bytes('memory-reservation'),
    }),
    cpu: given({
      period: whole('cpu-period'),
      quota: whole('cpu-quota'),
      burst: whole('cpu-burst'),
      shares: whole('cpu-share'),
      realtimePeriod: whole('cpu-rt-period'),
      realtimeRuntime: whole('cpu-rt-runtime'),
      cpus: text(args, 'cpuset-cpus'),
      mems: text(args, 'cpuset-mems'),
      idle: whole('cpu-idle'),
    }),
    blockIO: given({ weight: whole('blkio-weight') }),
    ...(pids === undefined ? {} : { pids: { limit: pids } }),
  };
  checkResources(resources);
  return resources;
}

const readResources = (path: string): LinuxResources =>
  parseResources(path === '-' ? sys.readAll(0) : readDocument(path));

export function update(args: Arguments, cli: Cli): number {
  const path = text(args, 'resources') ?? '';
  // COMPAT: the document wins: the other flags are not looked at.
  const resources = path === '' ? fromFlags(args, cli) : readResources(path);
  updateContainer(cli.root, args.positional[0] as string, resources, cli.log.warn);
  return 0;
}

function fromFlags(args: Arguments, cli: Cli): LinuxResources {
  const isGiven = (name: string): boolean => (text(args, name) ?? '') !== '';
  if (isGiven('l3-cache-schema')) {
    throw new TsociError('ERR_UNSUPPORTED', 'Intel RDT/CAT: l3 cache schema is not enabled');
  }
  if (isGiven('mem-bw-schema')) {
    throw new TsociError('ERR_UNSUPPORTED', 'Intel RDT/MBA: memory bandwidth schema is not enabled');
  }
  if (isGiven('kernel-memory') || isGiven('kernel-memory-tcp')) {
    cli.log.warn('Kernel memory settings are ignored and will be removed');
  }
  return resourcesOf(args);
}
