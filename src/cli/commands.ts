// The command line as data: every verb with its flags, from which arguments are parsed and help is rendered.

export type FlagType = 'boolean' | 'string' | 'integer' | 'strings' | 'integers';

export interface Flag {
  readonly name: string;
  readonly alias?: string;
  readonly type: FlagType;
  readonly default?: string;
  readonly description: string;
  /** Word for the value in the help. */
  readonly value?: string;
  readonly hidden?: boolean;
}

export interface Command {
  readonly name: string;
  readonly summary: string;
  /** After the name: `[options] <container-id>`. */
  readonly usage: string;
  readonly minArguments: number;
  readonly maxArguments: number;
  readonly flags: readonly Flag[];
  /** Parsing of flags ends at the first argument: `exec ID ls -l`. */
  readonly stopEarly?: boolean;
}

const flag = (name: string, type: FlagType, description: string, more: Partial<Flag> = {}): Flag => ({
  name,
  type,
  description,
  ...more,
});

export const GLOBAL_FLAGS: readonly Flag[] = [
  flag('debug', 'boolean', 'log each step of set-up, at level debug'),
  flag('log', 'string', 'append the log to this file instead of standard error', { value: 'FILE' }),
  flag('log-format', 'string', 'format of the log: text or json', { default: 'text', value: 'FORMAT' }),
  flag('root', 'string', "folder of the containers' state (default: /run/tsoci, or $XDG_RUNTIME_DIR/tsoci rootless)", {
    value: 'DIR',
  }),
  flag('systemd-cgroup', 'boolean', 'let systemd manage cgroups; cgroupsPath is then slice:prefix:name'),
  flag('rootless', 'string', 'do without cgroups where there is no permission: true, false or auto', {
    default: 'auto',
    value: 'BOOL',
  }),
  flag('criu', 'string', 'accepted for compatibility; criu is found on the PATH', { hidden: true, value: 'PATH' }),
  flag('help', 'boolean', 'show help', { alias: 'h' }),
  flag('version', 'boolean', 'print the version', { alias: 'v' }),
];

const BUNDLE = flag('bundle', 'string', 'folder of the bundle (default: the current one)', {
  alias: 'b',
  value: 'DIR',
});

const CREATE_FLAGS: readonly Flag[] = [
  BUNDLE,
  flag('console-socket', 'string', 'unix socket that receives the master of the terminal', { value: 'PATH' }),
  flag('pidfd-socket', 'string', "unix socket that receives a pidfd of the container's first process", {
    value: 'PATH',
  }),
  flag('pid-file', 'string', "file to write the pid of the container's first process to", { value: 'FILE' }),
  flag('no-pivot', 'boolean', 'do not use pivot_root(2) (for a rootfs on a ramdisk)'),
  flag('no-new-keyring', 'boolean', 'keep the session keyring of the caller'),
  flag('preserve-fds', 'integer', 'pass this many more descriptors, from 3 on, to the container', {
    default: '0',
    value: 'N',
  }),
];

const command = (
  name: string,
  summary: string,
  usage: string,
  [minArguments, maxArguments]: readonly [number, number],
  flags: readonly Flag[],
  stopEarly = false,
): Command => ({ name, summary, usage, minArguments, maxArguments, flags, stopEarly });

export const COMMANDS: readonly Command[] = [
  command('create', 'create a container', '<container-id>', [1, 1], CREATE_FLAGS),
  command(
    'delete',
    'delete a container and what it holds',
    '<container-id>',
    [1, 1],
    [flag('force', 'boolean', 'kill the container if it still runs; an unknown one is no error', { alias: 'f' })],
  ),
  command(
    'events',
    'tell what a container uses, when memory runs out, and its end, as JSON',
    '<container-id>',
    [1, 1],
    [
      flag('stats', 'boolean', 'what it uses now, and no more'),
      flag('interval', 'string', 'between two events of what it uses, like 1m30s', {
        default: '5s',
        value: 'DURATION',
      }),
    ],
  ),
  command(
    'exec',
    'run another program in a container',
    '<container-id> <command> [arguments...]',
    [1, Number.POSITIVE_INFINITY],
    [
      flag('console-socket', 'string', 'unix socket that receives the master of the terminal', { value: 'PATH' }),
      flag('pidfd-socket', 'string', 'unix socket that receives a pidfd of the process', { value: 'PATH' }),
      flag('cwd', 'string', 'working directory in the container', { value: 'DIR' }),
      flag('env', 'strings', 'environment, NAME=value; may be repeated', { alias: 'e', value: 'ENTRY' }),
      flag('tty', 'boolean', 'with a terminal', { alias: 't' }),
      flag('user', 'string', 'UID[:GID], numbers', { alias: 'u', value: 'USER' }),
      flag('additional-gids', 'integers', 'additional group, a number; may be repeated', { alias: 'g', value: 'GID' }),
      flag('process', 'string', 'file with the process as in config.json; other flags of it are then ignored', {
        alias: 'p',
        value: 'FILE',
      }),
      flag('detach', 'boolean', 'do not wait', { alias: 'd' }),
      flag('pid-file', 'string', 'file to write the pid of the process to', { value: 'FILE' }),
      flag('process-label', 'string', 'SELinux label of the process', { value: 'LABEL' }),
      flag('apparmor', 'string', 'AppArmor profile of the process', { value: 'PROFILE' }),
      flag('no-new-privs', 'boolean', 'no privileges by execve(2)'),
      flag('cap', 'strings', 'one more capability, bounding, effective and permitted; may be repeated', {
        alias: 'c',
        value: 'CAP',
      }),
      flag('preserve-fds', 'integer', 'pass this many more descriptors, from 3 on, to the process', {
        default: '0',
        value: 'N',
      }),
      flag('cgroup', 'strings', "[controller[,controller]:]path of a cgroup below the container's; may be repeated", {
        value: 'CGROUP',
      }),
      flag('ignore-paused', 'boolean', 'also in a paused container: the process runs when it is resumed'),
    ],
    true,
  ),
  command('features', 'show what is supported, as JSON', '', [0, 0], []),
  command(
    'kill',
    "send a signal to the container's first process (default: SIGTERM)",
    '<container-id> [signal]',
    [1, 2],
    [flag('all', 'boolean', 'to all processes of the container; that there are none is no error', { alias: 'a' })],
  ),
  command(
    'list',
    'list the containers below the root',
    '',
    [0, 0],
    [
      flag('format', 'string', 'table or json', { alias: 'f', default: 'table', value: 'FORMAT' }),
      flag('quiet', 'boolean', 'ids only', { alias: 'q' }),
    ],
  ),
  command('pause', 'let all processes of a container stand still', '<container-id>', [1, 1], []),
  command(
    'plan',
    'print what create would do, without doing it',
    '[container-id]',
    [0, 1],
    [
      BUNDLE,
      flag('format', 'string', 'text or json', { alias: 'f', default: 'text', value: 'FORMAT' }),
      flag('no-pivot', 'boolean', 'as with create'),
      flag('no-new-keyring', 'boolean', 'as with create'),
      flag('preserve-fds', 'integer', 'as with create', { default: '0', value: 'N' }),
    ],
  ),
  command(
    'ps',
    "show a container's processes by their pids on the host",
    '<container-id> [ps options]',
    [1, Number.POSITIVE_INFINITY],
    [flag('format', 'string', 'table or json', { alias: 'f', default: 'table', value: 'FORMAT' })],
    true,
  ),
  command('resume', 'let the processes of a paused container go on', '<container-id>', [1, 1], []),
  command(
    'run',
    'create a container, start it, and wait for its end',
    '<container-id>',
    [1, 1],
    [
      ...CREATE_FLAGS,
      flag('detach', 'boolean', 'do not wait', { alias: 'd' }),
      flag('keep', 'boolean', 'do not delete the container when it has ended'),
      flag('no-subreaper', 'boolean', "do not become the reaper of the container's orphans"),
    ],
  ),
  command(
    'spec',
    'write a config.json to start from',
    '',
    [0, 0],
    [BUNDLE, flag('rootless', 'boolean', 'for a container without privileges')],
  ),
  command('start', 'run the program of a created container', '<container-id>', [1, 1], []),
  command('state', 'print the state of a container, as JSON', '<container-id>', [1, 1], []),
  command(
    'update',
    'change the limits of a container',
    '<container-id>',
    [1, 1],
    [
      flag('resources', 'string', 'file with limits as in config.json (linux.resources), or - for standard input', {
        alias: 'r',
        value: 'FILE',
      }),
      flag('blkio-weight', 'integer', 'weight of block I/O, 10 to 1000', { value: 'N' }),
      flag('cpu-period', 'string', 'period of the CPU quota, microseconds', { value: 'N' }),
      flag('cpu-quota', 'string', 'CPU time in a period, microseconds; -1: no limit', { value: 'N' }),
      flag('cpu-burst', 'string', 'CPU time that may be saved for later periods, microseconds', { value: 'N' }),
      flag('cpu-share', 'string', 'weight of CPU time beside other containers', { value: 'N' }),
      flag('cpu-rt-period', 'string', 'period of the realtime quota, microseconds', { value: 'N' }),
      flag('cpu-rt-runtime', 'string', 'realtime CPU time in a period, microseconds', { value: 'N' }),
      flag('cpuset-cpus', 'string', 'CPUs, like 0-2,7', { value: 'LIST' }),
      flag('cpuset-mems', 'string', 'memory nodes, like 0', { value: 'LIST' }),
      flag('cpu-idle', 'string', '1: run only where a CPU would be idle', { value: '0|1' }),
      flag('memory', 'string', 'limit of memory, like 512m; -1: none', { value: 'BYTES' }),
      flag('memory-reservation', 'string', 'memory that is reclaimed last', { value: 'BYTES' }),
      flag('memory-swap', 'string', 'limit of memory and swap together; -1: none', { value: 'BYTES' }),
      flag('pids-limit', 'integer', 'limit of processes; -1: none', { value: 'N' }),
      flag('l3-cache-schema', 'string', 'Intel RDT: schema of the L3 cache', { value: 'SCHEMA' }),
      flag('mem-bw-schema', 'string', 'Intel RDT: schema of the memory bandwidth', { value: 'SCHEMA' }),
      flag('kernel-memory', 'string', 'obsolete', { value: 'BYTES', hidden: true }),
      flag('kernel-memory-tcp', 'string', 'obsolete', { value: 'BYTES', hidden: true }),
    ],
  ),
];
