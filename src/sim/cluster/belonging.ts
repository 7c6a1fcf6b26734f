// A manager keeps its place in the consensus, as the daemon does it (daemon/managing/announce.ts): it asks for one when it is
// new, and when it has heard of no leader for a while. One that was removed meanwhile has to come as another member.

import { type Clock, SwarmError, sleep } from "../../base/index.js";
import type { JoinMembersResponse } from "../../gen/skep/v1/members.js";
import type { Manager } from "../../manager/index.js";

/** Between two looks, and between two tries. */
const lookMs = 250;
/** An answer takes this long to show in the own log. */
const answeredMs = 1_000;
/** A member without a leader for this long may have been removed. */
const silentMaxMs = 3_000;

export interface BelongingModules {
  readonly clock: Clock;
  readonly manager: Manager;
  readonly raftId: number;
  /** Another member said that this one was removed. */
  readonly isToldRemoved: () => boolean;
  /** Asks whoever leads. */
  readonly join: () => Promise<JoinMembersResponse>;
  /** The raft id was a member before and never will be again. */
  readonly replaced: () => void;
}

/** Never rejects; a dead process does not go on. */
export async function belong({ clock, manager, raftId, ...modules }: BelongingModules): Promise<never> {
  let leaderSeenMs = clock.monotonic();
  for (;;) {
    const { voters, learners } = manager.membership;
    const isMember = (voters.includes(raftId) || learners.includes(raftId)) && !modules.isToldRemoved();
    const hasLeader = manager.raftStatus.leader !== undefined;
    const nowMs = clock.monotonic();
    if (hasLeader) leaderSeenMs = nowMs;
    if (isMember && (hasLeader || nowMs - leaderSeenMs < silentMaxMs)) {
      await sleep(clock, lookMs);
      continue;
    }
    try {
      const { peers } = await modules.join();
      manager.peersAre(peers);
      await sleep(clock, answeredMs);
    } catch (error) {
      if (error instanceof SwarmError && error.kind === "AlreadyExists") modules.replaced();
      await sleep(clock, lookMs);
    }
  }
}
