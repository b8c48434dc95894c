// config-linux.md, "Seccomp".

import { type Check, type Problem, problem } from './problem.ts';

const takesErrno = (action: string): boolean => action === 'SCMP_ACT_ERRNO' || action === 'SCMP_ACT_TRACE';

export const checkErrno: Check = ({ linux }) => {
  const seccomp = linux?.seccomp;
  if (seccomp === undefined) return [];
  const pointer = '/linux/seccomp';
  const problems: Problem[] = [];
  const refuse = (place: string, action: string): void => {
    problems.push(problem(place, `an errno goes with SCMP_ACT_ERRNO and SCMP_ACT_TRACE, not ${action}`));
  };
  if (seccomp.defaultErrnoRet !== undefined && !takesErrno(seccomp.defaultAction)) {
    refuse(`${pointer}/defaultErrnoRet`, seccomp.defaultAction);
  }
  for (const [index, rule] of (seccomp.syscalls ?? []).entries()) {
    if (rule.errnoRet !== undefined && !takesErrno(rule.action)) {
      refuse(`${pointer}/syscalls/${index}/errnoRet`, rule.action);
    }
  }
  return problems;
};

export const checkArguments: Check = ({ linux }) =>
  (linux?.seccomp?.syscalls ?? []).flatMap((rule, index) =>
    (rule.args ?? []).flatMap((arg, at) =>
      arg.index <= 5
        ? []
        : [problem(`/linux/seccomp/syscalls/${index}/args/${at}/index`, `found ${arg.index}, expected 0 to 5`)],
    ),
  );

/** An agent is told of through listenerPath, and only a filter with SCMP_ACT_NOTIFY has something to tell. */
export const checkListener: Check = ({ linux }) => {
  const seccomp = linux?.seccomp;
  if (seccomp === undefined) return [];
  const problems: Problem[] = [];
  const pointer = '/linux/seccomp';
  const notifies = (seccomp.syscalls ?? []).findIndex((rule) => rule.action === 'SCMP_ACT_NOTIFY');
  if (seccomp.defaultAction === 'SCMP_ACT_NOTIFY') {
    problems.push(problem(`${pointer}/defaultAction`, 'SCMP_ACT_NOTIFY cannot be used as default action'));
  }
  if (notifies >= 0 && (seccomp.listenerPath ?? '') === '') {
    problems.push(problem(`${pointer}/listenerPath`, 'missing: SCMP_ACT_NOTIFY needs somebody to notify'));
  }
  if ((seccomp.listenerMetadata ?? '') !== '' && (seccomp.listenerPath ?? '') === '') {
    problems.push(problem(`${pointer}/listenerMetadata`, 'listenerMetadata needs a listenerPath'));
  }
  return problems;
};

/** The calls by which the listener leaves the container cannot wait for the listener. */
export const checkNotified: Check = ({ linux }) =>
  (linux?.seccomp?.syscalls ?? []).flatMap((rule, index) => {
    const own = ['write', 'sendmsg', 'recvmsg'].filter((name) => rule.names.includes(name));
    if (rule.action !== 'SCMP_ACT_NOTIFY') return [];
    return own.map((name) =>
      problem(`/linux/seccomp/syscalls/${index}/names`, `SCMP_ACT_NOTIFY cannot be used for the ${name} syscall`),
    );
  });
