// The engines of Kubernetes, called as a kubelet calls them, with the runtime under test as a RuntimeClass' handler.

import { readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { after, afterEach, before, beforeEach, describe, it } from 'mocha';
import { deviates } from '../harness/runtime.ts';
import { skip } from '../harness/skip.ts';
import { skipWithoutContainerd } from './containerd.ts';
import { ContainerdCri } from './containerd-cri.ts';
import {
  type Call,
  type CriEngine,
  containerConfig,
  HANDLER,
  type Message,
  openCri,
  podConfig,
  skipWithoutPlugins,
} from './cri.ts';
import { Crio, skipWithoutCrio } from './crio.ts';
import { DRIVERS, pathOf, propertyOf } from './drivers.ts';
import { cgroupFile, eventually, mayRaiseLimits, must, PATIENCE, runtimeFile } from './engine.ts';

const LOOP = 'trap "exit 5" TERM; echo up; echo aside >&2; while :; do sleep 0.1; done';
/** CRI-O sends SIGTERM before SIGKILL in any case. */
const DEAF = 'trap "" TERM; echo up; while :; do sleep 0.1; done';

const ENGINES = [
  { name: 'containerd', Engine: ContainerdCri, skipWithout: skipWithoutContainerd },
  { name: 'CRI-O', Engine: Crio, skipWithout: skipWithoutCrio },
];

for (const { name, Engine, skipWithout, driver } of ENGINES.flatMap((one) =>
  DRIVERS.map((driver) => ({ ...one, driver })),
)) {
  describe(`engine: CRI of ${name}, cgroups by ${driver}`, function () {
    this.timeout(10 * PATIENCE);
    const group = `tsoci_cri_${process.pid}`;
    /** As a kubelet names a pod's cgroup: a slice has the names of those above it in its own. */
    const parent = (name: string) =>
      driver === 'systemd'
        ? `/${group}.slice/${group}-burstable.slice/${group}-burstable-${name}.slice`
        : `/${group}/burstable/${name}`;
    let engine: CriEngine;
    let cri: ReturnType<typeof openCri>;
    const call: Call = (method, request) => cri.call(method, request);
    const logs = () => pod['logDirectory'];

    let count = 0;
    let pod: Message;
    let podSandboxId = '';

    const ready = async () =>
      (await call('Status', {}))['status'].conditions.every(({ status }: Message) => status as boolean);
    const runPod = async ({ hostname, ...linux }: Message = {}, runtimeHandler = HANDLER) => {
      const name = `pod${++count}`;
      pod = podConfig(name, engine.dir, parent(name));
      pod['hostname'] = hostname ?? pod['hostname'];
      pod['linux'] = { ...pod['linux'], ...linux };
      ({ podSandboxId } = (await call('RunPodSandbox', { config: pod, runtimeHandler })) as { podSandboxId: string });
    };
    const create = async (config: Message): Promise<string> =>
      (await call('CreateContainer', { podSandboxId, config, sandboxConfig: pod }))['containerId'];
    const start = async (config: Message): Promise<string> => {
      const containerId = await create(config);
      await call('StartContainer', { containerId });
      return containerId;
    };
    const status = async (containerId: string) => (await call('ContainerStatus', { containerId }))['status'];
    const infoOf = async (containerId: string): Promise<Message> =>
      JSON.parse((await call('ContainerStatus', { containerId, verbose: true }))['info'].info);
    const pidOf = async (containerId: string): Promise<number> => (await infoOf(containerId))['pid'];
    const exec = async (containerId: string, ...cmd: string[]) => {
      const reply = await call('ExecSync', { containerId, cmd, timeout: 20 });
      return { stdout: String(reply['stdout']), stderr: String(reply['stderr']), exitCode: reply['exitCode'] };
    };
    const failure = (promise: Promise<unknown>): Promise<string> =>
      promise.then(
        () => 'no failure',
        // CRI-O shows a line of the runtime's log, with its quotes.
        (error) => error.message.replaceAll('\\"', '"'),
      );
    const log = (name: string) => readFileSync(join(logs(), `${name}.log`), 'utf8');

    before(async function () {
      skipWithout(this);
      skipWithoutPlugins(this);
      engine = new Engine();
      await engine.start(driver);
      cri = openCri(engine.socket);
      await eventually('a network', ready);
    });

    after(async () => {
      cri?.close();
      await engine?.end(group);
    });

    afterEach(async () => {
      if (podSandboxId === '') return;
      await call('StopPodSandbox', { podSandboxId });
      await call('RemovePodSandbox', { podSandboxId });
      podSandboxId = '';
    });

    it('is ready', async () => {
      const { conditions } = (await call('Status', {}))['status'];
      for (const { type, status, message } of conditions) expect(status, `${type}: ${message}`).to.equal(true);
    });

    it('knows its handlers', async () => {
      expect(await failure(runPod({}, 'missing'))).to.contain(engine.words.unknownHandler);
    });

    for (const handler of [HANDLER, '']) {
      it(`calls the runtime of docs/engines.md for ${handler === '' ? 'the default handler' : handler}`, async () => {
        await runPod({}, handler);
        const id = await start(containerConfig('called', LOOP));
        expect(engine.runtimeOf(await infoOf(id))).to.equal(runtimeFile());
        expect(await exec(id, '/bin/echo', 'here')).to.include({ stdout: 'here\n' });
      });
    }

    it('tells why a container does not start', async () => {
      await runPod();
      const config = { ...containerConfig('missing', ''), command: ['/bin/missing'] };
      const words = 'exec: "/bin/missing": stat /bin/missing: no such file or directory';
      if (engine.callsAtCreation) {
        expect(await failure(create(config))).to.contain(words);
        return;
      }
      const missing = await create(config);
      expect(await failure(call('StartContainer', { containerId: missing }))).to.contain(words);
      expect(await status(missing)).to.include({ state: 'CONTAINER_EXITED', reason: 'StartError' });
    });

    it('gives a security context', async () => {
      await runPod({ sysctls: { 'net.ipv4.ip_unprivileged_port_start': '80' } });
      const securityContext = {
        capabilities: { dropCapabilities: ['ALL'] },
        runAsUser: { value: 1000 },
        readonlyRootfs: true,
        noNewPrivs: true,
        seccomp: { profileType: 'RuntimeDefault' },
      };
      const id = await start(containerConfig('narrow', LOOP, { securityContext }));
      const lines = readFileSync(`/proc/${await pidOf(id)}/status`, 'utf8');
      expect(lines)
        .to.match(/^Uid:\t1000\t1000\t1000\t1000$/m)
        .and.match(/^CapBnd:\t0+$/m)
        .and.match(/^NoNewPrivs:\t1$/m)
        .and.match(/^Seccomp:\t2$/m);
      expect((await exec(id, '/bin/touch', '/file')).stderr).to.contain('Read-only file system');
      const port = await exec(id, '/bin/cat', '/proc/sys/net/ipv4/ip_unprivileged_port_start');
      expect(port.stdout).to.equal('80\n');
    });

    it('runs a privileged container on the network of the host', async function () {
      if (engine instanceof Crio && !mayRaiseLimits()) {
        deviates(this, 'runc', 'capabilities that cannot be had are refused, and CRI-O asks for all');
      }
      const namespaceOptions = { network: 'NODE', pid: 'CONTAINER' };
      await runPod({ hostname: '', securityContext: { namespaceOptions, privileged: true } });
      const id = await start(
        containerConfig('wide', LOOP, { securityContext: { privileged: true, namespaceOptions } }),
      );
      const lines = readFileSync(`/proc/${await pidOf(id)}/status`, 'utf8');
      expect(lines).to.match(/^Seccomp:\t0$/m);
      expect(/^CapEff:\t(\w+)$/m.exec(lines)?.[1]).to.equal(
        /^CapEff:\t(\w+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1],
      );
      expect((await exec(id, '/bin/ls', '/sys/class/net')).stdout).to.contain('lo');
    });

    it('ends all processes of a container that shares the pid namespace of its pod', async function () {
      if (engine instanceof Crio && !mayRaiseLimits()) {
        skip(this, 'CRI-O lowers oom_score_adj of infra containers, and CAP_SYS_RESOURCE is not there');
      }
      const namespaceOptions = { pid: 'POD' };
      await runPod({ securityContext: { namespaceOptions } });
      const script = 'sleep 1000 & echo up; wait';
      const id = await start(containerConfig('family', script, { securityContext: { namespaceOptions } }));
      await eventually('its first line', () => log('family').includes('up'));
      const seen = await exec(id, '/bin/ps');
      expect(seen.stdout).to.contain('sleep 1000000').and.contain('sleep 1000\n');
      const processes = cgroupFile(await pidOf(id), 'pids', 'cgroup.procs', 'cgroup.procs').split('\n');
      expect(processes).to.have.lengthOf(2);
      await call('StopContainer', { containerId: id, timeout: 0 });
      for (const pid of processes) expect(() => readlinkSync(`/proc/${pid}/exe`)).to.throw();
    });

    describe('a pod with two containers', () => {
      let first = '';
      let second = '';

      beforeEach(async () => {
        await runPod();
        const resources = { cpuPeriod: 100_000, cpuQuota: 50_000, cpuShares: 512, memoryLimitInBytes: 64 << 20 };
        first = await start(containerConfig('first', LOOP, { resources }));
        second = await start({
          ...containerConfig('second', LOOP),
          envs: [{ key: 'WORD', value: 'heard' }],
          workingDir: '/tmp',
          mounts: [{ containerPath: '/logs', hostPath: logs(), readonly: true }],
        });
        await eventually('their first lines', () => log('first').includes('aside') && log('second').includes('aside'));
      });

      it('shares network, IPC and host name, and nothing else', async () => {
        const [one, two] = [await pidOf(first), await pidOf(second)];
        const link = (pid: number, name: string) => readlinkSync(`/proc/${pid}/ns/${name}`);
        for (const name of ['net', 'ipc', 'uts']) {
          expect(link(one, name), name)
            .to.equal(link(two, name))
            .and.not.equal(readlinkSync(`/proc/self/ns/${name}`));
        }
        for (const name of ['pid', 'mnt']) expect(link(one, name), name).not.to.equal(link(two, name));
        expect((await exec(first, '/bin/cat', '/proc/sys/kernel/hostname')).stdout).to.equal(`${pod['hostname']}\n`);
        expect((await exec(second, '/bin/ls', '/sys/class/net')).stdout).to.equal('eth0\nlo\n');
      });

      it('runs programs in its containers: streams, exit code, environment, folder, mounts', async () => {
        expect(await exec(first, '/bin/sh', '-c', 'echo out; echo err >&2; exit 7')).to.deep.equal({
          stdout: 'out\n',
          stderr: 'err\n',
          exitCode: 7,
        });
        expect((await exec(second, '/bin/sh', '-c', 'echo $WORD; pwd')).stdout).to.equal('heard\n/tmp\n');
        expect((await exec(second, '/bin/sh', '-c', 'grep -c up /logs/second.log')).stdout).to.equal('1\n');
        expect((await exec(second, '/bin/touch', '/logs/file')).stderr).to.contain('Read-only file system');
        expect(await failure(exec(first, '/bin/missing'))).to.contain('/bin/missing: no such file or directory');
        const late = call('ExecSync', { containerId: first, cmd: ['/bin/sleep', '1000'], timeout: 1 });
        const told = await late.then(
          ({ stderr }) => String(stderr),
          (error) => error.message,
        );
        expect(told).to.contain(engine.words.timeout);
      });

      it('has its lines in the log', () => {
        expect(log('first')).to.match(/^\S+ stdout F up$/m);
        expect(log('first')).to.match(/^\S+ stderr F aside$/m);
      });

      it('gets other limits, and keeps its devices', async () => {
        const pid = await pidOf(first);
        const memory = () => cgroupFile(pid, 'memory', 'memory.limit_in_bytes', 'memory.max');
        const quota = () => cgroupFile(pid, 'cpu', 'cpu.cfs_quota_us', 'cpu.max').split(' ')[0];
        expect({ memory: memory(), quota: quota() }).to.deep.equal({ memory: String(64 << 20), quota: '50000' });
        await call('UpdateContainerResources', { containerId: first, linux: { cpuQuota: 20_000, cpuPeriod: 100_000 } });
        expect({ memory: memory(), quota: quota() }).to.deep.equal({ memory: String(64 << 20), quota: '20000' });
        await call('UpdateContainerResources', { containerId: first, linux: { memoryLimitInBytes: 96 << 20 } });
        expect({ memory: memory(), quota: quota() }).to.deep.equal({ memory: String(96 << 20), quota: '20000' });
        expect((await exec(first, '/bin/sh', '-c', 'echo > /dev/null && echo open')).stdout).to.equal('open\n');
      });

      if (driver === 'systemd') {
        it('is a slice of systemd, and its containers are scopes that keep what they are given', async () => {
          const pid = await pidOf(first);
          expect(pathOf(pid)).to.equal(`${pod['linux'].cgroupParent}/${engine.words.scope}-${first}.scope`);
          const properties = () => ['MemoryMax', 'CPUQuotaPerSecUSec'].map((name) => propertyOf(pid, name));
          expect(properties()).to.deep.equal([String(64 << 20), '500ms']);
          const linux = { cpuQuota: 20_000, cpuPeriod: 100_000, memoryLimitInBytes: 96 << 20 };
          await call('UpdateContainerResources', { containerId: first, linux });
          must(['systemctl', 'daemon-reload']);
          expect(properties()).to.deep.equal([String(96 << 20), '200ms']);
          expect(cgroupFile(pid, 'memory', '', 'memory.max')).to.equal(String(96 << 20));
          expect(cgroupFile(pid, 'cpu', '', 'cpu.max')).to.equal('20000 100000');
          expect((await exec(first, '/bin/sh', '-c', 'echo > /dev/null && echo open')).stdout).to.equal('open\n');
        });
      }

      it('is measured', async () => {
        const { stats } = await call('ContainerStats', { containerId: first });
        expect(stats.memory.workingSetBytes.value).to.be.above(0);
        expect(stats.cpu.usageCoreNanoSeconds.value).to.be.above(0);
      });

      it('lives on while the engine starts again', async () => {
        const before = await pidOf(first);
        await engine.restart();
        await eventually('the restart', () => ready().catch(() => false));
        expect(await pidOf(first)).to.equal(before);
        expect(await exec(second, '/bin/echo', 'alive')).to.include({ stdout: 'alive\n', exitCode: 0 });
        await call('StopContainer', { containerId: first, timeout: 20 });
        expect(await status(first)).to.include({ state: 'CONTAINER_EXITED', exitCode: 5 });
        const third = await start(containerConfig('third', LOOP));
        expect(await exec(third, '/bin/echo', 'new')).to.include({ stdout: 'new\n' });
      });

      it('stops its containers, by SIGTERM and by SIGKILL, and starts them anew', async () => {
        await call('StopContainer', { containerId: first, timeout: 20 });
        expect(await status(first)).to.include({ state: 'CONTAINER_EXITED', exitCode: 5 });
        const deaf = await start(containerConfig('deaf', DEAF));
        await eventually('its first line', () => log('deaf').includes('up'));
        await call('StopContainer', { containerId: deaf, timeout: 0 });
        expect(await status(deaf)).to.include({ state: 'CONTAINER_EXITED', exitCode: 137 });
        await call('RemoveContainer', { containerId: first });
        expect(await failure(status(first))).to.contain('not found');
        const again = await start(containerConfig('first', LOOP));
        expect(await status(again)).to.include({ state: 'CONTAINER_RUNNING' });
      });
    });
  });
}
