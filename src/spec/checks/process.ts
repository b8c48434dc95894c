// config.md, "Process".

import { RLIMITS } from '../rlimits.ts';
import { type Check, duplicates, isAbsolute, type Problem, problem } from './problem.ts';

export const checkCwd: Check = ({ process }) =>
  process === undefined || isAbsolute(process.cwd)
    ? []
    : [problem('/process/cwd', `found "${process.cwd}", expected an absolute path`)];

/** execvp(3) needs a program: an empty list of arguments has none. */
export const checkArgs: Check = ({ process }) =>
  process?.args !== undefined && process.args.length === 0
    ? [problem('/process/args', 'found an empty array, expected at least one entry')]
    : [];

export const checkEnv: Check = ({ process }) =>
  (process?.env ?? []).flatMap((entry, index) =>
    entry.indexOf('=') > 0 ? [] : [problem(`/process/env/${index}`, `found "${entry}", expected NAME=value`)],
  );

/** setresuid(2) takes the last number for "leave as it is": asked for it, the kernel would keep uid 0. */
export const checkUser: Check = ({ process }) => {
  const user = process?.user;
  if (user === undefined) return [];
  const ids: [string, number][] = [
    ['uid', user.uid],
    ['gid', user.gid],
    ...(user.additionalGids ?? []).map((gid, index): [string, number] => [`additionalGids/${index}`, gid]),
  ];
  return ids
    .filter(([, id]) => id === 0xffffffff)
    .map(([name, id]) => problem(`/process/user/${name}`, `found ${id}, expected an integer from 0 to 4294967294`));
};

export const checkRlimits: Check = ({ process }) => {
  const types = (process?.rlimits ?? []).map((rlimit) => rlimit.type);
  const problems: Problem[] = duplicates(types).map((index) =>
    problem(`/process/rlimits/${index}/type`, `${types[index]} is set twice`),
  );
  for (const [index, { type, soft, hard }] of (process?.rlimits ?? []).entries()) {
    if (!RLIMITS.includes(type)) problems.push(problem(`/process/rlimits/${index}/type`, `unknown rlimit "${type}"`));
    else if (BigInt(soft) > BigInt(hard)) {
      problems.push(
        problem(`/process/rlimits/${index}/soft`, `found ${soft}, expected no more than the hard limit ${hard}`),
      );
    }
  }
  return problems;
};

export const checkIoPriority: Check = ({ process }) => {
  const priority = process?.ioPriority?.priority ?? 0;
  return priority >= 0 && priority <= 7
    ? []
    : [problem('/process/ioPriority/priority', `found ${priority}, expected a number from 0 to 7`)];
};

/** sched_setattr(2): which members go with which policy. */
export const checkScheduler: Check = ({ process }) => {
  const scheduler = process?.scheduler;
  if (scheduler === undefined) return [];
  const { policy } = scheduler;
  const problems: Problem[] = [];
  const realtime = policy === 'SCHED_FIFO' || policy === 'SCHED_RR';
  if ((scheduler.priority ?? 0) !== 0 && !realtime) {
    problems.push(problem('/process/scheduler/priority', `priority goes with SCHED_FIFO and SCHED_RR, not ${policy}`));
  }
  const deadline = [scheduler.runtime, scheduler.deadline, scheduler.period].some((value) => BigInt(value ?? 0) !== 0n);
  if (deadline && policy !== 'SCHED_DEADLINE') {
    problems.push(problem('/process/scheduler', `runtime, deadline and period go with SCHED_DEADLINE, not ${policy}`));
  }
  const nice = scheduler.nice ?? 0;
  if (nice < -20 || nice > 19) problems.push(problem('/process/scheduler/nice', `found ${nice}, expected -20 to 19`));
  return problems;
};
