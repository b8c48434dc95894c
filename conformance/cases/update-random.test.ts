// update: after each of many random requests the kernel's files say what was asked for last, and all else is as it was.
// The requests are in ../cgroups/requests.ts. Where systemd manages the cgroups it is made to read its units anew in between.
//
// UPDATE_ROUNDS: how many are made one after another (default 60); UPDATE_SEED repeats a run.

import { existsSync, readFileSync } from 'node:fs';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import type { Ground } from '../cgroups/parts.ts';
import { type Held, randomRequests } from '../cgroups/requests.ts';
import type { Files } from '../cgroups/rows.ts';
import type { Config } from '../harness/bundle.ts';
import { type Case, useCase } from '../harness/case.ts';
import { cgroupPath, diskOf, isUnified, unifiedControllers } from '../harness/cgroup.ts';
import { deviates, isTsoci, type Result } from '../harness/runtime.ts';
import { systemctl, useUnit } from '../harness/systemd.ts';

const ROUNDS = Number(process.env['UPDATE_ROUNDS'] ?? 60);
const SEED = Number(process.env['UPDATE_SEED'] ?? Date.now() % 1_000_000);

/** `0-1,4` → 0, 1, 4. */
const numbersIn = (list: string): number[] =>
  list.split(',').flatMap((part) => {
    const [from = 0, to = from] = part.split('-').map(Number);
    return Array.from({ length: to - from + 1 }, (_, index) => from + index);
  });

interface Place {
  readonly c: Case;
  readonly create: (script: string, change: (config: Config) => void) => Result;
  /** As in cgroupsPath, absolute. */
  readonly cgroup: () => string;
  /** Every now and then, between two requests. */
  readonly shake?: () => void;
}

function describeIn({ c, create, cgroup, shake }: Place): void {
  const pathOf = (file: string) => cgroupPath({ ...c.bundle, cgroup: cgroup() }, file);
  const read = (file: string) => (existsSync(pathOf(file)) ? readFileSync(pathOf(file), 'utf8').trim() : undefined);

  /** On a hybrid host the unified hierarchy's controllers are enabled when one is asked for. */
  const has = (file: string): boolean => {
    const [tree, name = ''] = file.split('/');
    const given = tree === 'unified' && existsSync('/sys/fs/cgroup/unified') ? unifiedControllers() : [];
    return existsSync(pathOf(file)) || given.includes(name.split('.')[0] as string);
  };

  const ground = (): Ground => ({
    isUnified,
    onlyCommon: !isTsoci,
    isManaged: shake !== undefined,
    disk: diskOf(),
    cpus: numbersIn(readFileSync('/sys/devices/system/cpu/online', 'utf8').trim()),
    read,
    has,
  });
  const found = (files: Files) => Object.fromEntries(Object.keys(files).map((file) => [file, read(file)]));

  it(`holds the last of ${ROUNDS} random requests, after each of them (seed ${SEED})`, function () {
    deviates(this, 'crun', 'has another idea of zeros');
    if (isUnified) deviates(this, 'runc', 'forgets the quota when the period changes');
    else if (shake !== undefined) deviates(this, 'runc', 'forgets a period that has no quota');
    this.timeout(30_000 + 5000 * ROUNDS);
    const made = create('exec sleep 10000', (config) => {
      config.linux.resources.pids = { limit: -1 }; // systemd has a default of its own
    });
    expect(made).to.include({ status: 0 });
    expect(c.verb('start')).to.include({ status: 0 });
    const requests = randomRequests(ground());
    this.test!.title += ` [${Object.keys(requests.initial).join(', ')}]`;
    let held: Held = requests.initial;
    expect(found(requests.files(held)), 'before the first').to.deep.equal(requests.files(held));
    for (let round = 0; round < ROUNDS; round++) {
      const next = requests.next(held, round, SEED);
      const text = JSON.stringify(next.request);
      const result = c.runtime.run(['update', '--resources', '-', c.bundle.id], { input: text });
      expect(result, `round ${round}: ${text}: ${result.stderr}`).to.include({ status: 0 });
      held = next.held;
      if (round % 5 === 4) shake?.();
      expect(found(requests.files(held)), `round ${round}: ${text}`).to.deep.equal(requests.files(held));
    }
    c.verb('delete', '--force');
  });
}

describe('update, many times', () => {
  const c = useCase();
  describeIn({ c, create: c.create, cgroup: () => c.bundle.cgroup });
});

describe('update, many times, where systemd manages the cgroups', () => {
  const { c, unit, make } = useUnit();
  describeIn({
    c,
    create: (script, change) => make('create', script, change),
    cgroup: () => `/system.slice/${unit()}`,
    shake: () => void systemctl('daemon-reload'),
  });
});
