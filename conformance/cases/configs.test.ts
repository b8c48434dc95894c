// Configs as engines write them, run here and by runc: what the container's first process sees is the same, field by field.

import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { type Bundle, type Config, makeBundle, removeBundle, writeConfig } from '../harness/bundle.ts';
import { useCase } from '../harness/case.ts';
import { expectNothingLeft } from '../harness/leftovers.ts';
import { Runtime, runtimeName } from '../harness/runtime.ts';

const FIXTURES = 'conformance/fixtures/configs';

/** Sections of output, each of one file of /proc. */
const LOOK = [
  'grep -E "^(Uid|Gid|Groups|Cap|NoNewPrivs|Seccomp)" /proc/self/status',
  'cat /proc/self/mountinfo',
  'cat /proc/self/limits',
  'cat /proc/self/oom_score_adj',
  'cat /proc/self/cgroup',
  'env',
  'pwd; umask; hostname',
  'stat -c "%n %a %t:%T %F %u:%g" /dev /dev/* /tmp /run /proc/kcore /proc/keys /sys/firmware',
  'ls -l /proc/self/fd | grep -c .',
  'cat /proc/sys/net/ipv4/ip_unprivileged_port_start /proc/sys/net/ipv4/ping_group_range',
];

/** An engine's config on a bundle here: what the engine made on its host is made anew. */
function place(bundle: Bundle, config: Config): Config {
  for (const mount of config.mounts) {
    if (!String(mount.source).startsWith('@bind@')) continue;
    mount.source = join(bundle.dir, String(mount.source).slice(7));
    if (mount.destination === '/dev/shm') mkdirSync(mount.source, { recursive: true });
    else writeFileSync(mount.source, 'bound\n');
  }
  const script = LOOK.map((look, index) => `echo "== ${index}"; ${look}`).join('\n');
  config.process.args = ['/bin/sh', '-c', `{ ${script}\n} 2>&1; exit 42`];
  config.linux.cgroupsPath = bundle.cgroup;
  return config;
}

/** A line of mountinfo without what differs between any two containers (ids, device numbers, peer groups). */
function normalMount(line: string): string {
  const parts = /^\d+ \d+ \d+:\d+ (.*?)( (?:shared|master|propagate_from|unbindable)\S*)* - (.*)$/.exec(line);
  if (parts === null) return line;
  const text = `mount ${parts[1]} ${parts[2]?.replace(/\d+/, 'N') ?? ''} - ${parts[3]}`;
  return (
    text
      // A mask over a file is any null device (the nodes are looked at on their own); whose file system it lies on is free.
      .replace(/^(mount \/null \S+) .*$/, '$1')
      // A mask over a folder is an empty read-only tmpfs: how large an empty one may grow is free.
      .replace(/(tmpfs tmpfs ro),\S*$/, '$1')
      // The mode of a tmpfs is asked for here, set afterwards there: the folders are looked at on their own.
      .replace(/(- tmpfs tmpfs rw.*),mode=755$/, '$1')
      // Where the host's mounts are shared, runc cuts off the one that the bundle lies on; for us it stays a slave.
      .replace(/^(mount @bundle@\S* .*) master:N (- .*)$/, '$1 $2')
      // Without a cgroup namespace runc 1.1 shows the host's whole tree of cgroup v2; we show the container's part.
      .replace(/^mount (?:\/|\/tsoci-conf\/@id@) (\/sys\/fs\/cgroup \S+) .*- cgroup2 .*$/, 'mount cgroup2 $1')
  );
}

/** What two containers can have in common. Hierarchies and masks do not overlap: their order is free. */
function normal(output: string, bundle: Bundle): string {
  const lines = output.replaceAll(bundle.dir, '@bundle@').replaceAll(bundle.id, '@id@').split('\n').map(normalMount);
  const isFree = (line: string) => /^mount (\/null |\S+ \/sys\/fs\/cgroup\/|.* - tmpfs tmpfs ro$)/.test(line);
  return [...lines.filter((line) => !isFree(line)), ...lines.filter(isFree).sort()].join('\n');
}

function look(program: string | undefined, bundle: Bundle, config: Config): { status: number | null; output: string } {
  const runtime = new Runtime(program);
  writeConfig(bundle, place(bundle, config));
  const { status, stdout, stderr } = runtime.run(['run', '--bundle', bundle.dir, bundle.id]);
  runtime.run(['delete', '--force', bundle.id]);
  expectNothingLeft(bundle, runtime);
  const output = normal(stdout, bundle) + stderr;
  // runc 1.1 leaves the folder of the hierarchies writable though `ro` is asked for.
  const folder = config.mounts.find((mount: Config) => mount.destination === '/sys/fs/cgroup');
  const readonly = folder?.type === 'cgroup' && folder.options?.includes('ro');
  return {
    status,
    output: readonly ? output.replace('mount / /sys/fs/cgroup rw,', 'mount / /sys/fs/cgroup ro,') : output,
  };
}

const names = readdirSync(FIXTURES).map((file) => file.replace(/\.json$/, ''));

describe("engines' configs, beside runc", () => {
  const c = useCase();
  for (const name of names) {
    it(name, function () {
      if (runtimeName === 'runc' || !existsSync('/usr/sbin/runc')) this.skip();
      const read = () => JSON.parse(readFileSync(join(FIXTURES, `${name}.json`), 'utf8'));
      const other = makeBundle();
      try {
        cpSync('/etc/hostname', join(other.dir, 'hostname'));
        const expected = look('runc', other, read());
        // A config that this host's runc cannot do (user namespaces of another host …) has nothing to compare with.
        if (expected.status !== 42) this.skip();
        const got = look(undefined, c.bundle, read());
        expect(got.output.split('\n')).to.deep.equal(expected.output.split('\n'));
        expect(got.status).to.equal(42);
      } finally {
        removeBundle(other);
      }
    });
  }
});
