// The process between parent and container, where namespaces can be entered in no other way (see namespaces.ts):
//
//   parent                       stage                                   container
//      │ clone3 ───────────────────▶│ setns: network, ipc …, user
//      │◀──── map ──────────────────│ unshare(user)
//      │ writes the id maps         │
//      │───── go ──────────────────▶│ unshare(time), offsets; becomes root; setns: pid
//      │                            │ clone3(CLONE_PARENT) ──────────────────▶│
//      │◀──── cloned {pid} ─────────│ exits                                    │
//      │───────────────────────────── go ──────────────────────────────────────▶│

import type { ClonePlan, JoinStep, StagePlan } from '../namespaces.ts';
import { runJoin, withinLimits } from '../namespaces.ts';
import * as sys from '../sys/index.ts';
import { becomeRoot } from '../user-namespace.ts';
import { receive, send, sendError } from './channel.ts';

/**
 * A namespace that an outer user namespace owns must be joined before ours is joined or made, any other may have to be
 * after: those are returned.
 */
function joinAll(stage: StagePlan): JoinStep[] {
  const later: JoinStep[] = [];
  const user = stage.joins.find((join) => join.type === 'user');
  for (const join of stage.joins) {
    if (join === user) continue;
    // ORDER: the path of the user namespace is one of the host's mounts.
    if (join.type === 'pid' || (join.type === 'mount' && user !== undefined)) later.push(join);
    else if (stage.unshareUser || user !== undefined) tryJoin(join, later);
    else runJoin(join);
  }
  if (user !== undefined) runJoin(user);
  return later;
}

function tryJoin(join: JoinStep, later: JoinStep[]): void {
  try {
    runJoin(join);
  } catch (error) {
    if (!(error instanceof sys.SyscallError && error.errno === sys.E.EPERM)) throw error;
    later.push(join);
  }
}

function unshareUser(channel: number): void {
  withinLimits(sys.CLONE_NEWUSER, () => sys.unshare(sys.CLONE_NEWUSER));
  send(channel, { type: 'map' });
  if (receive(channel)?.message.type !== 'go') sys.exit_group(1);
}

/** Runs the stage; `container` is called in the container's process. Neither returns. */
export function becomeStage(clone: ClonePlan, stage: StagePlan, channel: number, container: () => never): never {
  try {
    // SAFETY: the joined namespaces may have processes in them; but a process whose maps are to be written stays open.
    if (!stage.unshareUser) sys.prctl(sys.PR_SET_DUMPABLE, 0, 0, 0, 0);
    const later = joinAll(stage);
    if (stage.unshareUser) unshareUser(channel);
    if (stage.timeOffsets !== undefined) {
      sys.unshare(sys.CLONE_NEWTIME);
      sys.writeText('/proc/self/timens_offsets', stage.timeOffsets);
    }
    // ORDER: after the offsets; a change of user makes our own files in /proc root's.
    if (clone.userns !== 'none') becomeRoot(clone.uidMappings, clone.gidMappings);
    for (const join of later) runJoin(join);
    const pid = withinLimits(clone.flags, () => sys.fork(clone.flags | sys.CLONE_PARENT));
    if (pid === 0) container();
    send(channel, { type: 'cloned', pid });
    sys.exit_group(0);
  } catch (error) {
    sendError(channel, error);
    sys.exit_group(1);
  }
}
