// All checks, in the order of the specification's chapters.

import type { Spec } from '../types.ts';
import {
  checkDevices,
  checkMemoryPolicy,
  checkNamespaced,
  checkNamespaces,
  checkPaths,
  checkPersonality,
  checkSysctl,
  checkTimeNamespace,
  checkUserNamespace,
} from './linux.ts';
import { checkMounts } from './mounts.ts';
import type { Check, Problem } from './problem.ts';
import { checkArgs, checkCwd, checkEnv, checkIoPriority, checkRlimits, checkScheduler, checkUser } from './process.ts';
import { checkAnnotations, checkHooks, checkRoot, checkVersion } from './root.ts';
import { checkArguments, checkErrno, checkListener, checkNotified } from './seccomp.ts';

const PROCESS_CHECKS: readonly Check[] = [
  checkCwd,
  checkArgs,
  checkEnv,
  checkUser,
  checkRlimits,
  checkScheduler,
  checkIoPriority,
];

export const CHECKS: readonly Check[] = [
  checkVersion,
  checkRoot,
  ...PROCESS_CHECKS,
  checkMounts,
  checkHooks,
  checkAnnotations,
  checkNamespaces,
  checkNamespaced,
  checkUserNamespace,
  checkTimeNamespace,
  checkDevices,
  checkSysctl,
  checkPaths,
  checkPersonality,
  checkMemoryPolicy,
  checkErrno,
  checkArguments,
  checkListener,
  checkNotified,
];

export const checkSpec = (spec: Spec): Problem[] => CHECKS.flatMap((check) => check(spec));

export const checkProcess = (spec: Spec): Problem[] => PROCESS_CHECKS.flatMap((check) => check(spec));
