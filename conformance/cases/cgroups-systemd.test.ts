// Each field of linux.resources where systemd manages the cgroups: when the container is made, and by `update`, the unit's
// properties and the kernel's files say what was asked for; or it is refused, and nothing is left or changed.

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { before, type Context, describe, it } from 'mocha';
import { filesOf, filled, isMissing, mode } from '../cgroups/host.ts';
import { type Files, type Row, rows } from '../cgroups/rows.ts';
import { units, type When } from '../cgroups/units.ts';
import { baseConfig, type Config, writeConfig } from '../harness/bundle.ts';
import { useCase } from '../harness/case.ts';
import { deviates, type Result, runtimeName } from '../harness/runtime.ts';
import { isBooted, systemctl } from '../harness/systemd.ts';
import { until } from '../harness/until.ts';

const version = mode === 'v2' ? 'v2' : 'v1';
const ROOT = '/sys/fs/cgroup';

const propertiesOf = ({ field }: Row): Files => units[field]?.[version] ?? {};

/** All that any row is about. */
const NAMES = [...new Set(rows.flatMap((row) => Object.keys(propertiesOf(row))))];

/** Engines send it along with every update, and it is to be left alone. */
const LEFT_ALONE = ['pids.limit, 0', 'devices'];

describe(`systemd cgroups: fields (${mode})`, () => {
  before(function () {
    if (isBooted && runtimeName !== 'crun') return;
    console.log(`    skipped: ${isBooted ? 'crun tells systemd of few fields' : 'systemd is not running here'}`);
    this.skip();
  });
  const c = useCase();
  const known = new Set<string>();
  const unit = () => `tsoci-conf-${c.bundle.id}.scope`;

  const trees = mode === 'v2' ? [''] : isBooted ? readdirSync(ROOT) : [];
  const dirOf = (tree: string): string => join(ROOT, tree, 'system.slice', unit());

  function create(resources: Config): Result {
    const config = baseConfig(c.bundle, 'exec sleep 100');
    config.linux.cgroupsPath = `system.slice:tsoci-conf:${c.bundle.id}`;
    config.annotations = { 'run.oci.systemd.subgroup': '' };
    Object.assign(config.linux.resources, resources);
    writeConfig(c.bundle, config);
    return c.runtime.run(['--systemd-cgroup', 'create', '--bundle', c.bundle.dir, c.bundle.id], { detached: true });
  }

  const update = (resources: Config): Result =>
    c.runtime.run(['update', '--resources', '-', c.bundle.id], { input: JSON.stringify(resources) });

  const remove = (): void => {
    c.verb('kill', 'KILL');
    until(() => c.runtime.state(c.bundle.id).status === 'stopped', 'the end');
    expect(c.verb('delete')).to.include({ status: 0 });
  };

  const namesIn = (dir: string): string[] => {
    try {
      return readdirSync(dir);
    } catch {
      return [];
    }
  };

  const learn = (): void => {
    if (known.size > 0) return;
    expect(create({})).to.include({ status: 0 });
    for (const tree of trees) {
      for (const name of namesIn(dirOf(tree))) known.add(tree === '' ? name : `${tree}/${name}`);
    }
    remove();
  };

  const show = (names: readonly string[]): string[] =>
    systemctl('show', ...names.map((name) => `--property=${name}`), unit())
      .trim()
      .split('\n')
      .sort();

  const expectFiles = (files: Files): void => {
    for (const [path, text] of Object.entries(files)) {
      const [tree, name] = mode === 'v2' ? ['', path] : (path.split('/') as [string, string]);
      expect(
        readFileSync(join(dirOf(tree), name), 'utf8')
          .trim()
          .split('\n'),
        path,
      ).to.include(text);
    }
  };

  const expectProperties = (row: Row): void => {
    const wanted = Object.entries(filled(propertiesOf(row))).map(([name, value]) => `${name}=${value}`);
    if (wanted.length > 0) expect(show(Object.keys(propertiesOf(row)))).to.include.members(wanted);
  };

  function expectDeviations(context: Context, row: Row, when: When): void {
    for (const [peer, where, why] of row.deviations ?? []) {
      if (where === 'both' || where === version) deviates(context, peer, why);
    }
    for (const [peer, times, why, where = version] of units[row.field]?.deviations ?? []) {
      if (where === version && (times === 'both' || times === when)) deviates(context, peer, why);
    }
    if (isMissing(row)) deviates(context, 'runc', 'passes over a controller that is not in v1');
  }

  for (const row of rows) {
    const names = Object.keys(propertiesOf(row)).join(', ');
    const what = `${row.field}: ${names === '' ? 'no property' : names}`;

    it(`${what}, when it is made`, function () {
      expectDeviations(this, row, 'made');
      learn();
      const files = filesOf(row, known);
      const made = create(filled(row.resources));
      if (files === undefined) {
        expect(made.status).to.equal(1);
        expect(systemctl('list-units', '--all', '--no-legend', '--plain', unit())).to.equal('');
        return;
      }
      expect(made).to.include({ status: 0 });
      expectFiles(files);
      expectProperties(row);
      remove();
    });

    it(`${what}, by an update`, function () {
      expectDeviations(this, row, 'updated');
      learn();
      const files = filesOf(row, known);
      expect(create({})).to.include({ status: 0 });
      const old = show(NAMES);
      const { status } = update(filled(row.resources));
      expect(status).to.equal(files === undefined ? 1 : 0);
      if (files === undefined || LEFT_ALONE.includes(row.field)) expect(show(NAMES)).to.deep.equal(old);
      else {
        expectFiles(files);
        expectProperties(row);
      }
      remove();
    });
  }

  it('knows no property of a field that is not there', () => {
    expect(rows.map(({ field }) => field)).to.include.members(Object.keys(units));
  });
});
