// A manager asks to be a member of the consensus: when it is new, when its address is another one, and when it has heard of
// no leader for a while: it may have been removed while it was away, and nobody talks to it any more.

import { type Clock, type Log, messageOf, SwarmError, sleep } from "../../base/index.js";
import type { JoinMembersResponse } from "../../gen/skep/v1/members.js";

/** Between two looks at whether there is something to ask. */
const lookMs = 250;
/** An answer takes this long to show in the own log before it is asked again. */
const answeredMs = 1_000;
const retryFirstMs = 100;
const retryMaxMs = 5_000;
/** A member without a leader for this long may have been removed; elections take less. */
const silentMaxMs = 3_000;

/** How this manager stands to the consensus, as it sees it. */
export interface Standing {
  /** In its own log it is a voter or a learner. */
  readonly isMember: boolean;
  readonly hasLeader: boolean;
  /** Since it started, or last had a leader. */
  readonly silentForMs: number;
  /** Where the others reach it, as they know it; undefined while nobody does. */
  readonly knownAddr: string | undefined;
  readonly ownAddr: string;
}

/** Whether the leader has to be asked. */
export function mustJoin({ isMember, hasLeader, silentForMs, knownAddr, ownAddr }: Standing): boolean {
  // At another address the leader cannot be heard: it speaks to the old one.
  if (!isMember || knownAddr !== ownAddr) return true;
  return !hasLeader && silentForMs >= silentMaxMs;
}

export interface AnnounceModules {
  readonly clock: Clock;
  readonly log: Log;
  readonly standing: () => Standing;
  /** Asks the leader, at whoever may know it. */
  readonly join: (signal: AbortSignal) => Promise<JoinMembersResponse>;
  readonly joined: (response: JoinMembersResponse) => Promise<void>;
  /** The raft id was a member before and never will be again. */
  readonly replaced: () => void;
}

/** Runs for as long as the manager does; rejects with the signal's reason. */
export async function announce(modules: AnnounceModules, signal: AbortSignal): Promise<never> {
  const { clock, log, standing, join, joined, replaced } = modules;
  for (let failures = 0; ; ) {
    signal.throwIfAborted();
    if (!mustJoin(standing())) {
      failures = 0;
      await sleep(clock, lookMs, signal);
      continue;
    }
    try {
      await joined(await join(signal));
      failures = 0;
      log.info("this manager is known to the leader", { addr: standing().ownAddr });
      await sleep(clock, answeredMs, signal);
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof SwarmError && error.kind === "AlreadyExists") replaced();
      failures += 1;
      log.info("the leader did not take this manager in", { reason: messageOf(error), failures });
      await sleep(clock, Math.min(retryFirstMs * 2 ** (failures - 1), retryMaxMs), signal);
    }
  }
}
