// An image of one layer, busybox and its links, as `docker save` writes it: all the engines load this form.

import { createHash } from 'node:crypto';
import { createWriteStream, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { pack } from 'tar-stream';

export const IMAGE = 'docker.io/library/tsoci-engines:1';
/** What keeps the namespaces of a pod. */
export const PAUSE = 'docker.io/library/tsoci-engines:pause';
const COMMANDS = [
  'sh',
  'cat',
  'echo',
  'true',
  'id',
  'sleep',
  'kill',
  'grep',
  'touch',
  'ls',
  'tty',
  'pwd',
  'ps',
  'test',
];
const FOLDERS = ['bin', 'dev', 'etc', 'proc', 'sys', 'tmp'];
const USERS = 'root:x:0:0:root:/:/bin/sh\nuser:x:1000:1000::/:/bin/sh\n';
const GROUPS = 'root:x:0:\nuser:x:1000:\n';

async function layer(): Promise<Buffer> {
  const tar = pack();
  for (const name of FOLDERS) tar.entry({ name: `${name}/`, type: 'directory', mode: name === 'tmp' ? 0o1777 : 0o755 });
  tar.entry({ name: 'bin/busybox', mode: 0o755 }, readFileSync('/bin/busybox'));
  for (const name of COMMANDS) tar.entry({ name: `bin/${name}`, type: 'symlink', linkname: 'busybox' });
  tar.entry({ name: 'etc/passwd', mode: 0o644 }, USERS);
  tar.entry({ name: 'etc/group', mode: 0o644 }, GROUPS);
  tar.finalize();
  return buffer(tar);
}

const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');

/** Writes the image and that of pods into `dir`: their paths. */
export async function writeImages(dir: string): Promise<string[]> {
  const [image, pause] = [join(dir, 'image.tar'), join(dir, 'pause.tar')];
  await writeImage(image);
  await writeImage(pause, PAUSE, ['/bin/sleep', '1000000']);
  return [image, pause];
}

/** Writes the image as a tar to `path`; `Cmd` is what it runs unless told otherwise. */
export async function writeImage(path: string, name = IMAGE, Cmd = ['/bin/sh']): Promise<void> {
  const bytes = await layer();
  const config = Buffer.from(
    JSON.stringify({
      architecture: process.arch === 'x64' ? 'amd64' : process.arch,
      os: 'linux',
      config: { Env: ['PATH=/bin'], Cmd },
      rootfs: { type: 'layers', diff_ids: [`sha256:${sha256(bytes)}`] },
    }),
  );
  const Config = `${sha256(config)}.json`;
  const tar = pack();
  tar.entry({ name: 'layer/layer.tar' }, bytes);
  tar.entry({ name: Config }, config);
  tar.entry({ name: 'manifest.json' }, JSON.stringify([{ Config, RepoTags: [name], Layers: ['layer/layer.tar'] }]));
  tar.finalize();
  await pipeline(tar, createWriteStream(path));
}
