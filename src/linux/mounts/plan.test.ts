import { expect } from 'chai';
import { describe, it } from 'mocha';
import type { Mount, Spec } from '../../spec/types.ts';
import * as k from '../sys/constants.ts';
import { type BindStep, describeMount, type FileSystemStep, planMounts } from './plan.ts';

const specOf = (mounts: Mount[], linux: Spec['linux'] = {}): Spec => ({ ociVersion: '1.3.0', mounts, linux });
const plan = (mount: Mount, linux: Spec['linux'] = {}) => planMounts(specOf([mount], linux), '/bundle')[0];
const pointerOf = (run: () => unknown): string | undefined => {
  try {
    run();
  } catch (error) {
    return (error as { pointer?: string }).pointer;
  }
  return 'no error';
};

describe('the plan of mounts', () => {
  it('keeps the order, and cleans the destinations', () => {
    const steps = planMounts(
      specOf([
        { destination: 'proc', type: 'proc', source: 'proc' },
        { destination: '/a/../dev//', type: 'tmpfs', source: 'tmpfs' },
      ]),
      '/bundle',
    );
    expect(steps.map((step) => step.destination)).to.deep.equal(['/proc', '/dev']);
  });

  it('turns a read-only tmpfs read-only later, and sysfs at once, super block and mount', () => {
    const tmp = plan({ destination: '/run', type: 'tmpfs', options: ['ro', 'nosuid'] }) as FileSystemStep;
    expect(tmp.readonlyLater).to.equal(true);
    expect(tmp.attributes).to.equal(k.MOUNT_ATTR_NOSUID);
    const sys = plan({ destination: '/sys', type: 'sysfs', source: 'sysfs', options: ['ro'] }) as FileSystemStep;
    expect(sys.readonlyLater).to.equal(false);
    expect(sys.attributes).to.equal(k.MOUNT_ATTR_RDONLY);
    expect(sys.parameters).to.deep.equal([['ro', null]]);
  });

  it('splits data into keys and values, the label last', () => {
    const step = plan(
      { destination: '/dev/pts', type: 'devpts', source: 'devpts', options: ['newinstance', 'mode=0620,gid=5'] },
      { mountLabel: 'system_u:object_r:container_file_t:s0:c1,c2' },
    ) as FileSystemStep;
    expect(step.parameters).to.deep.equal([
      ['newinstance', null],
      ['mode', '0620'],
      ['gid', '5'],
      ['context', 'system_u:object_r:container_file_t:s0:c1,c2'],
    ]);
  });

  it('takes a relative bind source from the bundle', () => {
    expect((plan({ destination: '/x', source: 'data', options: ['bind'] }) as BindStep).source).to.equal(
      '/bundle/data',
    );
    expect((plan({ destination: '/x', source: '/d', options: ['rbind'] }) as BindStep).tree).to.equal(true);
  });

  it('takes a destination below the path of the root from the root', () => {
    const spec: Spec = {
      ...specOf([
        { destination: '/bundle/rootfs/a', type: 'tmpfs' },
        { destination: '/bundle/rootfsx', type: 'tmpfs' },
      ]),
      root: { path: 'rootfs' },
    };
    expect(planMounts(spec, '/bundle').map((step) => step.destination)).to.deep.equal(['/a', '/bundle/rootfsx']);
  });

  it('takes type bind without the option for a file system of that name', () => {
    expect(plan({ destination: '/x', source: '/d', type: 'bind' })?.kind).to.equal('mount-filesystem');
  });

  it('refuses what no kernel could do, with its place', () => {
    expect(pointerOf(() => plan({ destination: '/x', options: ['bind'] }))).to.equal('/mounts/0/source');
    expect(pointerOf(() => plan({ destination: '/x' }))).to.equal('/mounts/0/type');
    expect(pointerOf(() => plan({ destination: '/x', source: '/d', options: ['bind', 'size=1k'] }))).to.equal(
      '/mounts/0/options',
    );
    expect(pointerOf(() => plan({ destination: '/x', source: '/d', options: ['bind', 'idmap'] }))).to.equal(
      '/mounts/0/options',
    );
    expect(pointerOf(() => plan({ destination: '/proc/sysrq-trigger', source: '/d', options: ['bind'] }))).to.equal(
      '/mounts/0/destination',
    );
    expect(pointerOf(() => plan({ destination: '/x/../proc/1/attr', source: '/d', options: ['bind'] }))).to.equal(
      '/mounts/0/destination',
    );
    expect(pointerOf(() => plan({ destination: '/proc', type: 'tmpfs' }))).to.equal('/mounts/0/type');
    expect(pointerOf(() => plan({ destination: '/proc/cpuinfo', source: '/d', options: ['bind'] }))).to.equal(
      'no error',
    );
  });

  it("maps ids by the mount's own maps, else by the container's", () => {
    const maps = [{ containerID: 0, hostID: 1000, size: 10 }];
    const own = { destination: '/x', source: '/d', options: ['bind', 'ridmap'], uidMappings: maps, gidMappings: maps };
    expect((plan(own) as BindStep).idmap).to.deep.equal({
      recursive: true,
      uidMappings: maps,
      gidMappings: maps,
      userns: undefined,
    });
    const linux = { namespaces: [{ type: 'user' as const }], uidMappings: maps, gidMappings: maps };
    const shared = plan({ destination: '/x', source: '/d', options: ['bind', 'idmap'] }, linux) as BindStep;
    expect(shared.idmap?.uidMappings).to.equal(maps);
    expect(shared.idmap?.recursive).to.equal(false);
  });

  it('tells a step in the words that engines know', () => {
    const step = plan({ destination: '/proc', type: 'proc', source: 'proc', options: ['nosuid', 'noexec', 'nodev'] });
    expect(step && describeMount(step)).to.equal(
      'mounting "proc" to rootfs at "/proc": mount proc:/proc, flags: MS_NOSUID|MS_NODEV|MS_NOEXEC',
    );
  });
});
