// containerd as a kubelet's engine.

import { Containerd } from './containerd.ts';
import { type CriEngine, HANDLER, type Message, PLUGINS, writeNetwork } from './cri.ts';
import type { Driver } from './drivers.ts';
import { eventually, must } from './engine.ts';
import { PAUSE, writeImages } from './image.ts';
import { fenced } from './page.ts';

/** What a test has to say of its own in version 2 of config.toml, and in version 3: the handler is the only runtime. */
const PLACES = {
  2: (networks: string) => {
    const cri = 'plugins."io.containerd.grpc.v1.cri"';
    return `[${cri}]
  sandbox_image = "${PAUSE}"
  restrict_oom_score_adj = true
[${cri}.cni]
  bin_dir = "${PLUGINS}"
  conf_dir = "${networks}"
[${cri}.containerd]
  snapshotter = "native"
  default_runtime_name = "${HANDLER}"
`;
  },
  3: (networks: string) => {
    const runtime = 'plugins."io.containerd.cri.v1.runtime"';
    const images = 'plugins."io.containerd.cri.v1.images"';
    return `[${images}]
  snapshotter = "native"
[${images}.pinned_images]
  sandbox = "${PAUSE}"
[${runtime}]
  restrict_oom_score_adj = true
[${runtime}.cni]
  bin_dirs = ["${PLUGINS}"]
  conf_dir = "${networks}"
[${runtime}.containerd]
  default_runtime_name = "${HANDLER}"
`;
  },
};

/** containerd's config.toml: the page's, with the driver and the places of the test. */
function configure(dir: string, driver: Driver): string {
  const version = Number(/ v?(\d+)\./.exec(must(['containerd', '--version']))?.[1]) < 2 ? 2 : 3;
  const page = fenced(`toml /etc/containerd/config.toml, version ${version}`);
  const told = page.replace('SystemdCgroup = true', `SystemdCgroup = ${driver === 'systemd'}`);
  return `${told}${PLACES[version](writeNetwork(dir))}`;
}

export class ContainerdCri implements CriEngine {
  readonly #containerd = new Containerd('k8s.io');
  readonly dir = this.#containerd.dir;
  readonly socket = this.#containerd.socket;
  readonly words = {
    unknownHandler: 'no runtime for "missing" is configured',
    timeout: 'timeout 1s exceeded',
    scope: 'cri-containerd',
  };
  readonly callsAtCreation = false;
  readonly restart = (): Promise<void> => this.#containerd.restart();

  async start(driver: Driver): Promise<void> {
    await this.#containerd.start(configure(this.dir, driver));
    for (const tar of await writeImages(this.dir)) this.#containerd.import(tar);
    const images = () => must(this.#containerd.ctr('image', 'ls'));
    await eventually('the images', () => images().split('cri-containerd.image=managed').length > 4);
  }

  async end(group: string): Promise<void> {
    await this.#containerd.end(group);
    this.#containerd.removeState();
  }

  runtimeOf = (info: Message): string => info['runtimeOptions'].binary_name;
}
