// From the configuration and the host to a Plan. Pure: nothing is touched, no privilege is needed.

import { planCgroup } from '../cgroups/plan.ts';
import { planUnitCgroup } from '../cgroups/systemd/plan.ts';
import { rootfsOf } from '../names.ts';
import { planClone } from '../namespaces.ts';
import { childSequence, type PlanInput, parentSequence } from './sequence.ts';
import type { Plan } from './steps.ts';
import { refuseUnsupported } from './unsupported.ts';

/** Throws what the chapters find that cannot be done: ERR_SPEC_CHECK, ERR_UNSUPPORTED, ERR_HOST, ERR_CGROUP. */
export function compilePlan(input: PlanInput): Plan {
  const { spec, host, id, bundle } = input;
  refuseUnsupported(spec);
  const clone = planClone(spec);
  const { rootless } = input;
  const cgroup = input.systemdCgroup
    ? planUnitCgroup(spec, host, id, rootless)
    : planCgroup(spec, host.cgroup, id, rootless);
  return Object.freeze({
    clone,
    cgroupPaths: cgroup.paths,
    ...(cgroup.unit === undefined ? {} : { unit: cgroup.unit }),
    rootfs: rootfsOf(spec, bundle),
    parent: Object.freeze(parentSequence(input, clone, cgroup)),
    child: Object.freeze(childSequence(input, clone, cgroup)),
  });
}
