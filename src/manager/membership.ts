// The managers as control, dispatcher and API are shown them: the rows of the members of the consensus, and how well each
// takes part.

import type { Consensus } from "./consensus.js";
import { membersOf } from "./consensus.js";
import type { ManagerStatus, Membership } from "./control/index.js";
import type { Directory } from "./directory.js";
import type { Heard } from "./heard.js";

/** A member that said nothing for this long is unreachable: Raft's election timeout and a little. */
export const reachableMs = 1_500;

export interface MembershipModules {
  readonly raftId: number;
  readonly consensus: Consensus;
  readonly directory: Directory;
  readonly heard: Heard;
}

export function membershipOf(modules: MembershipModules): Membership {
  return {
    managers: () => {
      const { consensus, directory } = modules;
      const { leader, role } = consensus.status;
      const { learners } = consensus.membership;
      const members = new Set(membersOf(consensus.membership));
      const managers = new Map<string, ManagerStatus>();
      for (const { raftId, nodeId, addr } of directory.all()) {
        if (!members.has(raftId)) continue;
        const reachability = reachabilityOf(raftId, role === "leader", modules);
        const place = learners.includes(raftId) ? { isLearner: true } : {};
        managers.set(nodeId, { addr, leader: raftId === leader, reachability, ...place });
      }
      return managers;
    },
  };
}

/** Followers hear of the leader alone; what they cannot know they do not say (swarm-semantics §7.2). */
function reachabilityOf(
  raftId: number,
  isLeader: boolean,
  { raftId: self, heard }: MembershipModules,
): ManagerStatus["reachability"] {
  if (raftId === self || heard.isWithin(raftId, reachableMs)) return "reachable";
  return isLeader ? "unreachable" : "unknown";
}
