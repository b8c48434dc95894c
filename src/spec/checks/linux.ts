// config-linux.md: namespaces, user namespaces, devices, sysctl, paths, personality, memory policy, Intel RDT.

import type { LinuxNamespace, Spec } from '../types.ts';
import { type Check, duplicates, escaped, isAbsolute, type Problem, problem } from './problem.ts';

const namespacesOf = (spec: Spec): readonly LinuxNamespace[] => spec.linux?.namespaces ?? [];

const has = (spec: Spec, type: LinuxNamespace['type']): boolean => namespacesOf(spec).some((ns) => ns.type === type);

export const checkNamespaces: Check = (spec) => {
  const namespaces = namespacesOf(spec);
  const problems = duplicates(namespaces.map((ns) => ns.type)).map((index) =>
    problem(`/linux/namespaces/${index}/type`, `the namespace ${namespaces[index]?.type} is listed twice`),
  );
  for (const [index, { path }] of namespaces.entries()) {
    if (path !== undefined && path !== '' && !isAbsolute(path)) {
      problems.push(problem(`/linux/namespaces/${index}/path`, `found "${path}", expected an absolute path`));
    }
  }
  return problems;
};

/** What would change the host's own, or nothing at all, without the namespace that it belongs to. */
export const checkNamespaced: Check = (spec) => {
  const problems: Problem[] = [];
  const needs = (wanted: boolean, type: LinuxNamespace['type'], pointer: string, message: string): void => {
    if (wanted && !has(spec, type)) problems.push(problem(pointer, message));
  };
  needs((spec.hostname ?? '') !== '', 'uts', '/hostname', 'unable to set hostname without a private UTS namespace');
  needs(
    (spec.domainname ?? '') !== '',
    'uts',
    '/domainname',
    'unable to set domainname without a private UTS namespace',
  );
  needs(
    (spec.linux?.maskedPaths ?? []).length > 0,
    'mount',
    '/linux/maskedPaths',
    'unable to restrict sys entries without a private MNT namespace',
  );
  needs(
    (spec.linux?.readonlyPaths ?? []).length > 0,
    'mount',
    '/linux/readonlyPaths',
    'unable to restrict sys entries without a private MNT namespace',
  );
  needs(
    Object.keys(spec.linux?.timeOffsets ?? {}).length > 0,
    'time',
    '/linux/timeOffsets',
    'time offsets need a time namespace',
  );
  return problems;
};

export const checkUserNamespace: Check = (spec) => {
  const user = namespacesOf(spec).find((ns) => ns.type === 'user');
  const mapped = [spec.linux?.uidMappings, spec.linux?.gidMappings].map((maps) => (maps ?? []).length > 0);
  if (user === undefined) {
    return mapped.includes(true)
      ? [
          problem(
            '/linux/uidMappings',
            "user namespace mappings specified, but user namespace isn't enabled in the config",
          ),
        ]
      : [];
  }
  if ((user.path ?? '') !== '' || (mapped[0] === true && mapped[1] === true)) return [];
  return [
    problem(
      '/linux/uidMappings',
      'user namespaces enabled, but no namespace path to join nor mappings to apply specified',
    ),
  ];
};

export const checkTimeNamespace: Check = (spec) => {
  const time = namespacesOf(spec).find((ns) => ns.type === 'time');
  const offsets = Object.keys(spec.linux?.timeOffsets ?? {}).length > 0;
  return offsets && (time?.path ?? '') !== ''
    ? [problem('/linux/timeOffsets', 'time offsets cannot be set in a namespace that is joined')]
    : [];
};

export const checkDevices: Check = ({ linux }) =>
  (linux?.devices ?? []).flatMap((device, index) => {
    const pointer = `/linux/devices/${index}`;
    const problems = isAbsolute(device.path)
      ? []
      : [problem(`${pointer}/path`, `found "${device.path}", expected an absolute path`)];
    const missing =
      device.type === 'p' ? [] : (['major', 'minor'] as const).filter((name) => device[name] === undefined);
    return [
      ...problems,
      ...missing.map((name) => problem(`${pointer}/${name}`, `missing: a device of type ${device.type} needs it`)),
    ];
  });

const IPC_SYSCTLS = [
  'kernel.msgmax',
  'kernel.msgmnb',
  'kernel.msgmni',
  'kernel.sem',
  'kernel.shmall',
  'kernel.shmmax',
  'kernel.shmmni',
  'kernel.shm_rmid_forced',
];

/** The namespace that a kernel parameter belongs to; undefined for one of the whole host. */
function namespaceOf(key: string): LinuxNamespace['type'] | undefined {
  const dotted = key.split('/').join('.');
  if (IPC_SYSCTLS.includes(dotted) || dotted.startsWith('fs.mqueue.')) return 'ipc';
  if (dotted.startsWith('net.')) return 'network';
  return dotted === 'kernel.domainname' || dotted === 'kernel.hostname' ? 'uts' : undefined;
}

/** CVE-2022-0811: a parameter is set in a namespace of the container's, or not at all. */
export const checkSysctl: Check = (spec) =>
  Object.keys(spec.linux?.sysctl ?? {}).flatMap((key) => {
    const type = namespaceOf(key);
    const pointer = `/linux/sysctl/${escaped(key)}`;
    if (key.split('/').includes('..')) return [problem(pointer, `"${key}" is not the name of a kernel parameter`)];
    if (type === undefined) return [problem(pointer, `sysctl "${key}" is not in a separate kernel namespace`)];
    return has(spec, type)
      ? []
      : [problem(pointer, `sysctl "${key}" is not allowed as the container shares the host's ${type} namespace`)];
  });

export const checkPaths: Check = ({ linux }) =>
  (['maskedPaths', 'readonlyPaths'] as const).flatMap((name) =>
    (linux?.[name] ?? []).flatMap((path, index) =>
      isAbsolute(path) ? [] : [problem(`/linux/${name}/${index}`, `found "${path}", expected an absolute path`)],
    ),
  );

export const checkPersonality: Check = ({ linux }) => {
  if (linux?.personality === undefined) return [];
  if (linux.personality.domain === undefined) return [problem('/linux/personality/domain', 'missing')];
  return (linux.personality.flags ?? []).map((flag, index) =>
    problem(`/linux/personality/flags/${index}`, `found "${flag}": no flag is supported by the specification`),
  );
};

export const checkMemoryPolicy: Check = ({ linux }) =>
  linux?.memoryPolicy !== undefined && linux.memoryPolicy.mode === undefined
    ? [problem('/linux/memoryPolicy/mode', 'missing')]
    : [];
