// config.md, "Mounts": what concerns the kernel's options is said when mounts are planned (linux/mounts/plan.ts).

import { type Check, type Problem, problem } from './problem.ts';

export const checkMounts: Check = ({ mounts }) =>
  (mounts ?? []).flatMap((mount, index) => {
    const problems: Problem[] = [];
    const pointer = `/mounts/${index}`;
    if (mount.destination === '') problems.push(problem(`${pointer}/destination`, 'found "", expected a path'));
    if ((mount.uidMappings === undefined) !== (mount.gidMappings === undefined)) {
      problems.push(problem(`${pointer}/uidMappings`, 'uidMappings and gidMappings of a mount come together'));
    }
    return problems;
  });
