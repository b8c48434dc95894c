// The part of a kubelet: the CRI by an engine's gRPC socket. Pods get a network by CNI's ptp plugin, inside the namespaces of the test.

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Client, credentials, loadPackageDefinition, type ServiceClientConstructor } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import type { Context } from 'mocha';
import { skipSuite } from '../harness/skip.ts';
import type { Driver } from './drivers.ts';
import { obstacle, PATIENCE } from './engine.ts';
import { IMAGE } from './image.ts';
import { fenced } from './page.ts';

export const PLUGINS = '/usr/lib/cni';
const PROTO = 'conformance/engines/cri.proto';

/** The runtime handler of the page's RuntimeClass. */
export const HANDLER = /^handler: (\S+)$/m.exec(fenced('yaml RuntimeClass'))?.[1] ?? '';

/** Replies as they are used: a message's fields by their names in camel case. */
// biome-ignore lint/suspicious/noExplicitAny: the messages are cri.proto's
export type Message = Record<string, any>;
export type Call = (method: string, request: Message) => Promise<Message>;

/** An engine that a kubelet can call. */
export interface CriEngine {
  readonly dir: string;
  readonly socket: string;
  /** Its own words, where the test meets them. */
  readonly words: {
    readonly unknownHandler: string;
    readonly timeout: string;
    /** What stands before the id in the name of a container's scope. */
    readonly scope: string;
  };
  /** Whether it calls the runtime when a container is created, or when it is started. */
  readonly callsAtCreation: boolean;
  start(driver: Driver): Promise<void>;
  restart(): Promise<void>;
  /** Ends it, and removes what it had, the cgroup `group` too. */
  end(group: string): Promise<void>;
  /** The runtime that a container was made by, of ContainerStatus' info. */
  runtimeOf(info: Message): string;
}

/** Skips a suite, with the reason said, where pods cannot get a network. */
export function skipWithoutPlugins(context: Context): void {
  skipSuite(context, 'CRI', obstacle(join(PLUGINS, 'ptp'), join(PLUGINS, 'host-local')));
}

/** A folder with the configuration of the pods' network. */
export function writeNetwork(dir: string): string {
  const networks = join(dir, 'cni');
  mkdirSync(networks);
  const range = [[{ subnet: '10.88.0.0/16' }]];
  const plugin = { type: 'ptp', ipam: { type: 'host-local', dataDir: join(dir, 'leases'), ranges: range } };
  const list = { cniVersion: '0.4.0', name: 'pods', plugins: [plugin] };
  writeFileSync(join(networks, '10-pods.conflist'), JSON.stringify(list));
  return networks;
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
  image: { image: IMAGE, userSpecifiedImage: IMAGE },
  command: ['/bin/sh', '-c', script],
  logPath: `${name}.log`,
  linux: { resources, securityContext: { namespaceOptions: OWN, ...securityContext } },
});
