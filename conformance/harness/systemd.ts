// The systemd of this host, where there is one, and containers that are its units.

import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { afterEach, before } from 'mocha';
import { baseConfig, type Config, writeConfig } from './bundle.ts';
import { type Case, useCase } from './case.ts';
import { type Result, runtimeName } from './runtime.ts';

export const isBooted = existsSync('/run/systemd/system');

/** What `systemctl` prints; an error is its exit status alone. */
export const systemctl = (...args: string[]): string => spawnSync('systemctl', args, { encoding: 'utf8' }).stdout;

/** A unit's properties by name; several of one name in their order, a line each. */
export function show(unit: string): Record<string, string> {
  const properties: Record<string, string> = {};
  for (const line of systemctl('show', '--no-pager', unit).split('\n')) {
    const [name = '', value = ''] = [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)];
    properties[name] = name in properties ? `${properties[name]}\n${value}` : value;
  }
  return properties;
}

/** A user with a systemd of its own, as the guest has one. */
export const USER = { name: 'dev', id: 1000 } as const;
/** systemctl's options for that systemd. */
export const OF_USER = ['--machine', `${USER.name}@`, '--user'] as const;

/** Why there is no such user here, or undefined; its systemd runs then. */
export function obstacleToUser(): string | undefined {
  const known = spawnSync('id', ['-u', USER.name], { encoding: 'utf8' }).stdout.trim() === String(USER.id);
  if (known && spawnSync('systemctl', ['start', `user@${USER.id}.service`]).status === 0) return undefined;
  return `there is no user ${USER.name} (${USER.id}) with a systemd of its own here`;
}

type Change = (config: Config) => void;

export interface UnitCase {
  readonly c: Case;
  /** The container's scope. */
  readonly unit: () => string;
  /** Units that carry the container's id, a line each. */
  readonly units: () => string;
  readonly make: (verb: 'run' | 'create', script: string, change?: Change, env?: Record<string, string>) => Result;
  /** Created and started. */
  readonly begin: (script?: string, change?: Change) => void;
  readonly end: () => void;
  /** /proc/PID/cgroup of the container's first process. */
  readonly membership: () => string;
  /** A file of the scope's cgroup; on v1 of that controller's. */
  readonly file: (name: string, controller?: string) => string;
}

/** One test, one container, one unit; without systemd, and for crun, the tests are skipped. */
export function useUnit(): UnitCase {
  before(function () {
    if (isBooted && runtimeName !== 'crun') return;
    const reason = isBooted
      ? 'crun keeps the container in a cgroup below its scope'
      : 'systemd is not running here; `npm run conformance:vm` has a guest where it is';
    console.log(`    skipped: ${reason}`);
    this.skip();
  });
  const c = useCase();
  const unit = () => `tsoci-conf-${c.bundle.id}.scope`;
  const units = () => systemctl('list-units', '--all', '--no-legend', '--plain', `*${c.bundle.id}*`);
  afterEach(() => {
    if (isBooted) expect(units()).to.equal('');
  });
  const make: UnitCase['make'] = (verb, script, change = () => {}, env = {}) => {
    const config = baseConfig(c.bundle, script);
    config.linux.cgroupsPath = `system.slice:tsoci-conf:${c.bundle.id}`;
    change(config);
    writeConfig(c.bundle, config);
    const args = ['--systemd-cgroup', verb, '--bundle', c.bundle.dir, c.bundle.id];
    return c.runtime.run(args, { detached: verb === 'create', env });
  };
  const begin: UnitCase['begin'] = (script = 'exec sleep 1000', change) => {
    expect(make('create', script, change)).to.include({ status: 0 });
    expect(c.verb('start')).to.include({ status: 0 });
  };
  const end = () => void expect(c.verb('delete', '--force')).to.include({ status: 0 });
  const membership = () => readFileSync(`/proc/${c.runtime.state(c.bundle.id).pid}/cgroup`, 'utf8');
  const file: UnitCase['file'] = (name, controller = '') =>
    readFileSync(join('/sys/fs/cgroup', controller, 'system.slice', unit(), name), 'utf8').trim();
  return { c, unit, units, make, begin, end, membership, file };
}
