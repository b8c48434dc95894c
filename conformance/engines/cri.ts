// The part of a kubelet: containerd's CRI by its gRPC socket. Pods get a network by CNI's ptp plugin, inside the namespaces of the test.

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Client, credentials, loadPackageDefinition, type ServiceClientConstructor } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import type { Context } from 'mocha';
import type { Driver } from './drivers.ts';
import { must, obstacle, PATIENCE } from './engine.ts';
import { IMAGE, PAUSE } from './image.ts';
import { fenced } from './page.ts';

const PLUGINS = '/usr/lib/cni';
const PROTO = 'conformance/engines/cri.proto';

/** The runtime handler of the page's RuntimeClass. */
export const HANDLER = /^handler: (\S+)$/m.exec(fenced('yaml RuntimeClass'))?.[1] ?? '';

/** Replies as they are used: a message's fields by their names in camel case. */
// biome-ignore lint/suspicious/noExplicitAny: the messages are cri.proto's
export type Message = Record<string, any>;
export type Call = (method: string, request: Message) => Promise<Message>;

/** Skips a suite, with the reason said, where pods cannot get a network. */
export function skipWithoutPlugins(context: Context): void {
  if (obstacle(join(PLUGINS, 'ptp'), join(PLUGINS, 'host-local')) === undefined) return;
  console.log(`CRI skipped: no CNI plugins in ${PLUGINS}`);
  context.skip();
}

/** A folder with the configuration of the pods' network. */
function writeNetwork(dir: string): string {
  const networks = join(dir, 'cni');
  mkdirSync(networks);
  const range = [[{ subnet: '10.88.0.0/16' }]];
  const plugin = { type: 'ptp', ipam: { type: 'host-local', dataDir: join(dir, 'leases'), ranges: range } };
  const list = { cniVersion: '0.4.0', name: 'pods', plugins: [plugin] };
  writeFileSync(join(networks, '10-pods.conflist'), JSON.stringify(list));
  return networks;
}

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
export function configureCri(dir: string, driver: Driver): string {
  const version = Number(/ v?(\d+)\./.exec(must(['containerd', '--version']))?.[1]) < 2 ? 2 : 3;
  const page = fenced(`toml /etc/containerd/config.toml, version ${version}`);
  const told = page.replace('SystemdCgroup = true', `SystemdCgroup = ${driver === 'systemd'}`);
  return `${told}${PLACES[version](writeNetwork(dir))}`;
}

/** A client of the runtime service at `socket`. */
export function openCri(socket: string): { call: Call; close(): void } {
  const packages = loadPackageDefinition(loadSync(PROTO, { longs: Number, enums: String, defaults: true }));
  const service = (packages as Message)['runtime'].v1.RuntimeService as ServiceClientConstructor;
  const client: Client = new service(`unix:${socket}`, credentials.createInsecure());
  const call: Call = (method, request) =>
    new Promise((resolve, reject) => {
      const done = (error: Error | null, reply: Message) => (error ? reject(error) : resolve(reply));
      (client as unknown as Message)[method](request, { deadline: Date.now() + PATIENCE }, done);
    });
  return { call, close: () => client.close() };
}

/** Containers have a pid namespace of their own, as a kubelet says unless the pod shares one. */
const OWN = { pid: 'CONTAINER' };

/** A pod's PodSandboxConfig; its cgroups are below `cgroupParent`. */
export const podConfig = (name: string, dir: string, cgroupParent: string): Message => ({
  metadata: { name, uid: name, namespace: 'default' },
  hostname: `host-of-${name}`,
  logDirectory: join(dir, 'logs', name),
  linux: { cgroupParent, securityContext: { namespaceOptions: OWN } },
});

/** A ContainerConfig that runs `script`. */
export const containerConfig = (
  name: string,
  script: string,
  { resources = {}, securityContext = {} }: Message = {},
): Message => ({
  metadata: { name },
  image: { image: IMAGE },
  command: ['/bin/sh', '-c', script],
  logPath: `${name}.log`,
  linux: { resources, securityContext: { namespaceOptions: OWN, ...securityContext } },
});
