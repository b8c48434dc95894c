// `npm test`: every suite is run to its end, whatever the one before it said, and the counts are added up in the last line.
//   npm test                      all suites
//   node scripts/test.mjs unit    only the named ones (npm scripts that run mocha; words after the name are passed on)
import { spawn } from 'node:child_process';

const suites = process.argv.length > 2 ? process.argv.slice(2) : ['unit', 'conformance', 'conformance:engines'];
const total = { passed: 0, failed: 0 };

/** Runs one npm script, its output passed on as it comes; returns what mocha counted. */
function runSuite(suite) {
  return new Promise((resolve) => {
    const child = spawn('npm', ['run', '--silent', ...suite.split(' ')], { stdio: ['ignore', 'pipe', 'inherit'] });
    let output = '';
    child.stdout.on('data', (chunk) => {
      process.stdout.write(chunk);
      output += chunk;
    });
    child.on('close', (code) => {
      // mocha's closing lines: "  12 passing (3s)", "  1 failing".
      // biome-ignore lint/suspicious/noControlCharactersInRegex: mocha colours its counts on some terminals
      const plain = output.replace(/\x1b\[[0-9;]*m/g, '');
      const count = (word) =>
        [...plain.matchAll(new RegExp(`^ +(\\d+) ${word}\\b`, 'gm'))].reduce((n, m) => n + Number(m[1]), 0);
      const passed = count('passing');
      // A suite that ended badly without a counted failure (it did not even load) is one failure.
      const failed = Math.max(count('failing'), code === 0 ? 0 : 1);
      resolve({ passed, failed });
    });
  });
}

for (const suite of suites) {
  console.log(`\n== ${suite}`);
  const { passed, failed } = await runSuite(suite);
  total.passed += passed;
  total.failed += failed;
}
console.log(`\n${total.passed} passed, ${total.failed} failed`);
process.exitCode = total.failed === 0 ? 0 : 1;
