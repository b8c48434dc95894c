// Each field of linux.resources on this host's hierarchies: the kernel's file says what was asked for, or it is refused
// and nothing is left. The rows are in ../cgroups/rows.ts.

import { mkdirSync, readdirSync, readFileSync, rmdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect } from 'chai';
import { type Context, describe, it } from 'mocha';
import { documentPath, documentTable, documentWith } from '../cgroups/document.ts';
import { filesOf, filled, mode, outcomeOf, placeOf } from '../cgroups/host.ts';
import { type Files, type Row, rows } from '../cgroups/rows.ts';
import type { Config } from '../harness/bundle.ts';
import { useCase } from '../harness/case.ts';
import { hierarchies, isUnified } from '../harness/cgroup.ts';
import { deviates, isTsoci } from '../harness/runtime.ts';
import { until } from '../harness/until.ts';

describe(`cgroups (${mode})`, () => {
  const c = useCase();
  const known = new Set<string>();

  /** Absolute path of `controller/file` (v1), `file` (v2). */
  const pathOf = (file: string): string => {
    if (isUnified) return join('/sys/fs/cgroup', c.bundle.cgroup, file);
    const [controller = '', name = ''] = file.split('/');
    return join('/sys/fs/cgroup', controller, c.bundle.cgroup, name);
  };

  /** By the verbs one by one: crun's delete --force does not wait for the end. */
  const remove = (): void => {
    c.verb('kill', 'KILL');
    until(() => c.runtime.state(c.bundle.id).status === 'stopped', 'the end');
    expect(c.verb('delete')).to.include({ status: 0 });
  };

  const learn = (): void => {
    if (known.size > 0) return;
    expect(c.create('exec sleep 100')).to.include({ status: 0 });
    for (const { controller, dir } of hierarchies(c.bundle)) {
      for (const name of readdirSync(dir)) known.add(controller === '' ? name : `${controller}/${name}`);
    }
    remove();
  };

  const expectRefused = (context: Context, row: Row): void => {
    deviates(context, 'crun', 'leaves the cgroup of a container that it could not make');
    const refused = c.create('exec sleep 100', (config) =>
      Object.assign(config.linux.resources, filled(row.resources)),
    );
    expect(refused.status, 'status').to.equal(1);
    expect(refused.stderr).to.not.equal('');
    if (isTsoci) expect(refused.stderr).to.match(/\/linux\/resources\/|writing .* to /);
  };

  /** A container in the same cgroups, which stay when it is gone. */
  const prepare = (before: Config, files: Files): void => {
    for (const file of Object.keys(files)) mkdirSync(dirname(pathOf(file)), { recursive: true });
    expect(c.create('exec sleep 100', (config) => Object.assign(config.linux.resources, before))).to.include({
      status: 0,
    });
    remove();
  };

  const expectFiles = (row: Row, files: Files): void => {
    if (row.before !== undefined) prepare(row.before, files);
    const made = c.create('exec sleep 100', (config) => Object.assign(config.linux.resources, filled(row.resources)));
    expect(made).to.include({ status: 0 });
    for (const [file, text] of Object.entries(files)) {
      const lines = readFileSync(pathOf(file), 'utf8').trim().split('\n');
      expect(lines, file).to.include(text);
    }
    remove();
    for (const { dir } of row.before === undefined ? [] : hierarchies(c.bundle)) rmdirSync(dir);
  };

  for (const row of rows) {
    const outcome = outcomeOf(row);
    it(`${row.field}: ${'files' in outcome ? Object.keys(outcome.files).join(', ') : 'refused' in outcome ? 'refused' : 'nothing to write'}`, function () {
      for (const [peer, where, why] of row.deviations ?? []) {
        if (where === 'both' || (where === 'v2') === isUnified) deviates(this, peer, why);
      }
      if (placeOf(row) === 'unified') {
        for (const peer of ['runc', 'crun']) deviates(this, peer, 'knows no unified hierarchy beside v1');
      }
      learn();
      const files = filesOf(row, known);
      if (files === undefined) expectRefused(this, row);
      else expectFiles(row, files);
    });
  }

  it('refuses unified settings where the controllers are in v1 hierarchies', function () {
    if (isUnified) return this.skip();
    deviates(this, 'crun', 'takes the unified hierarchy of a hybrid host');
    const result = c.run('true', (config) => {
      config.linux.resources.unified = { 'memory.min': '131072' };
    });
    expect(result.status).to.equal(1);
    expect(result.stderr).to.contain('invalid configuration');
  });

  it('has other limits in a cgroup where others held', function () {
    for (const peer of ['runc', 'crun']) deviates(this, peer, 'begins with a new cgroup');
    const files = { [isUnified ? 'cpu.max' : 'cpu/cpu.cfs_quota_us']: isUnified ? '20000 100000' : '20000' };
    prepare({ cpu: { quota: 90_000, burst: 80_000, idle: 1 } }, files);
    const made = c.create('exec sleep 100', (config) => {
      config.linux.resources.cpu = { quota: 20_000, shares: 512 };
    });
    expect(made, made.stderr).to.include({ status: 0 });
    for (const [file, text] of Object.entries(files)) expect(readFileSync(pathOf(file), 'utf8').trim()).to.equal(text);
    const weight = isUnified ? 'cpu.weight' : 'cpu/cpu.shares';
    expect(readFileSync(pathOf(weight), 'utf8')).to.equal(isUnified ? '59\n' : '512\n');
    remove();
    for (const { dir } of hierarchies(c.bundle)) rmdirSync(dir);
  });

  it('puts the container into its cgroup in every hierarchy', () => {
    expect(c.create('exec sleep 100')).to.include({ status: 0 });
    const { pid } = c.runtime.state(c.bundle.id);
    const dirs = hierarchies(c.bundle);
    expect(dirs).to.not.have.length(0);
    for (const { dir } of dirs) {
      expect(readFileSync(join(dir, 'cgroup.procs'), 'utf8').trim().split('\n'), dir).to.deep.equal([String(pid)]);
    }
    remove();
  });

  it('is as docs/cgroups.md has it', () => {
    const text = readFileSync(documentPath, 'utf8');
    expect(documentWith(text, documentTable(rows)), 'npx tsx conformance/cgroups/document.ts writes it').to.equal(text);
  });
});
