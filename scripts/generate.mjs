// Writes everything below dist/gen that is made from other sources (validators from schema/, help texts from the command
// table): each scripts/gen-*.ts in turn. Nothing generated is committed, so nothing generated can be stale in the repository.
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync } from 'node:fs';

mkdirSync('dist/gen', { recursive: true });
for (const name of readdirSync('scripts').sort()) {
  if (!/^gen-.*(?<!\.test)\.(ts|mjs)$/.test(name)) continue;
  const { status } = spawnSync(process.execPath, ['--import', 'tsx', `scripts/${name}`], { stdio: 'inherit' });
  if (status !== 0) {
    console.error(`generate: scripts/${name} failed`);
    process.exit(1);
  }
}
