// Who may import whom. Each rule says why it stands; the picture is in docs/architecture.md.
// `npm run ok -- imports` checks them.

const core = '^(bin/|src/(spec|linux|runtime|hooks|cli)/|src/errors\\.ts)';
const tests = '\\.test\\.ts$';
const nodeOnly = '^src/(index\\.ts|node/|linux/sys/(koffi|json)\\.ts)';

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    {
      name: 'no-cycles',
      comment: 'Data flows one way. A cycle of values is also an initialisation order that nobody has chosen.',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    {
      name: 'everything-resolves',
      comment: 'An import that resolves to nothing fails only when that blob is loaded: in front of the user.',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true, pathNot: '^(\\.\\./)*dist/gen/' },
    },
    {
      name: 'core-without-node',
      comment: 'The core runs on quickjs-ng, which has no node: modules; it reaches the world through the door only.',
      severity: 'error',
      from: { path: core, pathNot: [tests, nodeOnly] },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'nothing-imports-bin',
      comment: 'bin/ is the only place that prints and exits. Whoever imports it would print and exit too.',
      severity: 'error',
      from: { pathNot: '^(bin|conformance|bench)/' },
      to: { path: '^bin/' },
    },
    {
      name: 'cli-only-from-bin',
      comment: 'bin → cli → runtime → {spec, linux, hooks}. The runtime knows no flags and no tables.',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/cli/' },
      to: { path: '^src/cli/' },
    },
    {
      name: 'runtime-only-from-above',
      comment: 'The runtime drives linux and hooks; if these reached back, no chapter could be tested on its own.',
      severity: 'error',
      from: { path: '^src/(spec|linux|hooks)/', pathNot: tests },
      to: { path: '^src/runtime/' },
    },
    {
      name: 'spec-is-alone',
      comment:
        'The specification is a value and rules on it, without a kernel. It may know the error class, the door (which ' +
        'reads JSON), and the tables of names that the features document lists (each written once).',
      severity: 'error',
      from: { path: '^src/spec/', pathNot: tests },
      to: {
        path: '^src/(?!spec/|errors\\.ts)',
        pathNot: [
          '^src/linux/mounts/options\\.ts',
          '^src/linux/sys/(index|door|current)\\.ts',
          '^src/linux/seccomp/tables?',
        ],
      },
    },
    {
      name: 'doors-only-in-sys',
      comment:
        'Only sys/ knows which door is open: the rest must run on the executable, on Node and on the recorder alike.',
      severity: 'error',
      from: { path: '^(bin/|src/)', pathNot: ['^src/linux/sys/', tests, '^src/index\\.ts', '^bin/', '^src/node/'] },
      to: { path: '^src/linux/sys/(native|koffi|recorder)\\.ts' },
    },
    {
      name: 'koffi-only-in-its-door',
      comment: 'koffi calls any address with any bytes. One file is enough to read twice.',
      severity: 'error',
      from: { pathNot: ['^src/linux/sys/koffi\\.ts', '^conformance/', tests, '^node_modules/'] },
      to: { path: 'node_modules/koffi' },
    },
    {
      name: 'yargs-only-in-cli',
      comment: 'The command line is a table in src/cli; yargs reads it there and when help is rendered, nowhere else.',
      severity: 'error',
      from: { pathNot: ['^src/cli/', '^scripts/gen-help', tests, '^node_modules/'] },
      to: { path: 'node_modules/(@types/)?yargs' },
    },
    {
      name: 'ajv-only-when-building',
      comment: 'ajv compiles with `new Function`; the executable has no eval, and no schema is compiled at run time.',
      severity: 'error',
      from: { pathNot: ['^scripts/', '^src/index\\.ts', '^src/node/', '^schema/', tests, '^node_modules/'] },
      to: { path: 'node_modules/ajv/' },
    },
    {
      name: 'black-box-conformance',
      comment:
        'conformance/ calls a command line and reads the kernel. If it imported src/ it would repeat its mistakes.',
      severity: 'error',
      from: { path: '^conformance/', pathNot: '^conformance/probe/' },
      to: { path: '^(src|bin)/' },
    },
    {
      name: 'no-tests-in-product',
      comment: 'A test file is never part of the program.',
      severity: 'error',
      from: { pathNot: tests },
      to: { path: tests },
    },
    {
      name: 'no-undeclared-packages',
      comment: 'A package that is not in package.json is not pinned by the lock file.',
      severity: 'error',
      from: {},
      to: { dependencyTypes: ['npm-no-pkg', 'npm-unknown'] },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^dist/' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.node.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'require', 'node', 'default', 'types'],
    },
  },
};
