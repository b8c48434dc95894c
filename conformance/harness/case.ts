// One test, one bundle, one runtime: made before, and after it looked through for leftovers.

import { readdirSync, rmdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach } from 'mocha';
import { type Bundle, baseConfig, type Config, makeBundle, removeBundle, writeConfig } from './bundle.ts';
import { expectNothingLeft, leftovers } from './leftovers.ts';
import { type Result, type RunOptions, Runtime, runtimeName } from './runtime.ts';
import { until } from './until.ts';

export interface Case {
  bundle: Bundle;
  runtime: Runtime;
  /** Writes base config changed by `change`, runs it in the foreground. */
  run(script: string, change?: (config: Config) => void, options?: RunOptions): Result;
  /** The same with `create`. */
  create(script: string, change?: (config: Config) => void, options?: RunOptions): Result;
  verb(name: string, ...rest: string[]): Result;
}

/** The folder that holds the suite's cgroups, in each hierarchy. */
function removeCgroups(): void {
  for (const tree of readdirSync('/sys/fs/cgroup')) {
    try {
      rmdirSync(join('/sys/fs/cgroup', tree, 'tsoci-conf'));
    } catch {
      // Not there, or another run of the suite has a container in it.
    }
  }
}

/** crun's `delete --force` is over before the container is, and what had not ended yet stays: it is asked again. */
function settle({ bundle, runtime }: Case): void {
  const isGone = (): boolean => {
    if (leftovers(bundle, runtime).length === 0) return true;
    runtime.run(['delete', '--force', bundle.id]);
    return false;
  };
  until(isGone, 'the end of the container');
}

export function useCase(program?: string): Case {
  const c = {
    run: (script, change = () => {}, options = {}) => {
      const config = baseConfig(c.bundle, script);
      change(config);
      writeConfig(c.bundle, config);
      return c.runtime.run(['run', '--bundle', c.bundle.dir, c.bundle.id], options);
    },
    create: (script, change = () => {}, options = {}) => {
      const config = baseConfig(c.bundle, script);
      change(config);
      writeConfig(c.bundle, config);
      return c.runtime.run(['create', '--bundle', c.bundle.dir, c.bundle.id], { detached: true, ...options });
    },
    verb: (name, ...rest) => c.runtime.run([name, c.bundle.id, ...rest]),
  } as Case;
  beforeEach(() => {
    c.bundle = makeBundle();
    c.runtime = new Runtime(program);
  });
  afterEach(function () {
    try {
      // A failed test may have left its container running; a good one has none.
      if (this.currentTest?.state === 'failed') c.runtime.run(['delete', '--force', c.bundle.id]);
      else {
        if (runtimeName === 'crun') settle(c);
        expectNothingLeft(c.bundle, c.runtime);
      }
    } finally {
      c.runtime.run(['delete', '--force', c.bundle.id]);
      removeBundle(c.bundle);
      rmSync(dirname(c.runtime.root), { recursive: true, force: true });
      removeCgroups();
    }
  });
  return c;
}
