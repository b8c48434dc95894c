// 200 configs with one fault each: exit 1, an error line, and nothing left. Faults are made from a good config by path.

import { expect } from 'chai';
import { describe, it } from 'mocha';
import { baseConfig, type Config, writeConfig } from '../harness/bundle.ts';
import { useCase } from '../harness/case.ts';
import { onlyTsoci } from '../harness/runtime.ts';

/** Values of the wrong kind for a property of each kind. */
const WRONG: Readonly<Record<string, readonly unknown[]>> = {
  string: [7, true, ['x'], { x: 1 }],
  number: ['7', true, [7], { x: 1 }, 1.5],
  boolean: ['true', 1, [true]],
  array: ['x', 7, { x: 1 }],
  object: ['x', 7, [1]],
};

const PATHS: Readonly<Record<string, string>> = {
  ociVersion: 'string',
  hostname: 'string',
  root: 'object',
  'root.path': 'string',
  'root.readonly': 'boolean',
  process: 'object',
  'process.args': 'array',
  'process.cwd': 'string',
  'process.env': 'array',
  'process.terminal': 'boolean',
  'process.noNewPrivileges': 'boolean',
  'process.user': 'object',
  'process.user.uid': 'number',
  'process.user.gid': 'number',
  'process.user.additionalGids': 'array',
  'process.capabilities': 'object',
  'process.capabilities.bounding': 'array',
  'process.rlimits': 'array',
  'process.oomScoreAdj': 'number',
  mounts: 'array',
  'mounts.0.destination': 'string',
  'mounts.0.type': 'string',
  'mounts.0.options': 'array',
  hooks: 'object',
  'hooks.prestart': 'array',
  'hooks.poststop': 'array',
  annotations: 'object',
  linux: 'object',
  'linux.namespaces': 'array',
  'linux.namespaces.0.type': 'string',
  'linux.cgroupsPath': 'string',
  'linux.maskedPaths': 'array',
  'linux.readonlyPaths': 'array',
  'linux.rootfsPropagation': 'string',
  'linux.mountLabel': 'string',
  'linux.sysctl': 'object',
  'linux.uidMappings': 'array',
  'linux.gidMappings': 'array',
  'linux.devices': 'array',
  'linux.resources': 'object',
  'linux.resources.devices': 'array',
  'linux.resources.memory': 'object',
  'linux.resources.memory.limit': 'number',
  'linux.resources.cpu': 'object',
  'linux.resources.cpu.shares': 'number',
  'linux.resources.cpu.cpus': 'string',
  'linux.resources.pids': 'object',
  'linux.seccomp': 'object',
  'linux.seccomp.defaultAction': 'string',
  'linux.seccomp.syscalls': 'array',
};

/** Values of the right kind that no container can have. */
const VALUES: readonly (readonly [string, unknown])[] = [
  ['ociVersion', '2.0.0'],
  ['ociVersion', 'one'],
  ['ociVersion', undefined],
  ['root', undefined],
  ['root.path', '/nonexistent/rootfs'],
  ['process.args', []],
  ['process.cwd', 'relative'],
  ['process.cwd', undefined],
  ['process.user.uid', -1],
  ['process.user.uid', 4294967295],
  ['process.user.uid', 4294967296],
  ['process.user.gid', 4294967295],
  ['process.user.additionalGids', [4294967295]],
  ['process.env', ['A\0B=1']],
  ['process.args', ['/bin/true\0']],
  ['process.rlimits', [{ type: 'RLIMIT_NONE', soft: 1, hard: 1 }]],
  ['process.rlimits', [{ type: 'RLIMIT_CORE', soft: 2, hard: 1 }]],
  ['process.oomScoreAdj', 1001],
  ['linux.namespaces', [{ type: 'mount' }, { type: 'mount' }]],
  ['linux.namespaces', [{ type: 'nosuch' }]],
  ['linux.rootfsPropagation', 'sideways'],
  ['linux.sysctl', { 'kernel.hostname': 'x', 'vm.swappiness': '1' }],
  ['linux.seccomp', { defaultAction: 'SCMP_ACT_NOSUCH' }],
  ['linux.seccomp', { defaultAction: 'SCMP_ACT_ALLOW', architectures: ['SCMP_ARCH_NONE'] }],
  ['linux.cgroupsPath', '/x\0y'],
  ['mounts.0.type', 'nosuchfs'],
];

/** Texts that are no config at all. */
const TEXTS = ['', ' ', '{', '{}', '[]', 'null', '"x"', '7', '{"ociVersion":"1.0.0",}', '\u0000', '{"a":1}{"a":1}'];

function set(config: Config, path: string, value: unknown): Config {
  const keys = path.split('.');
  const last = keys.pop() as string;
  let place = config;
  for (const key of keys) place = place[key] ??= {};
  place[last] = value;
  return config;
}

const typed = Object.entries(PATHS).flatMap(([path, kind]) =>
  (WRONG[kind] ?? []).map((value) => [path, value] as const),
);
const cases = [...typed, ...VALUES];

describe(`malformed configs (${cases.length + TEXTS.length})`, () => {
  const c = useCase();
  const refused = (config: Config) => {
    writeConfig(c.bundle, config);
    const result = c.runtime.run(['create', '--bundle', c.bundle.dir, c.bundle.id], { detached: true });
    expect(result.status, result.stderr).to.equal(1);
    expect(result.stderr).to.match(/level=error|ERRO|msg=/);
    expect(result.stderr).to.not.match(/internal error|panic|goroutine/);
  };
  for (const [path, value] of cases) {
    it(`${path}: ${JSON.stringify(value)}`, function () {
      onlyTsoci(this);
      refused(set(baseConfig(c.bundle, 'true'), path, value));
    });
  }
  for (const text of TEXTS) {
    it(`the text ${JSON.stringify(text)}`, function () {
      onlyTsoci(this);
      refused(text);
    });
  }
  it('a property named twice', function () {
    onlyTsoci(this);
    refused(JSON.stringify(baseConfig(c.bundle, 'true')).replace('{', '{"hostname":"a",'));
  });
});
