// What the managers' side wants of the Raft member, and how its refusals read in the store's words.

import type { ConfChange, Membership } from "../gen/skep/raft/v1/raft.js";
import {
  type ConfRefusal,
  NotLeaderError,
  type ProgressStatus,
  type RaftStatus,
  UnknownOutcomeError,
} from "../raft/index.js";
import { NotLeader, UnknownOutcome } from "../store/index.js";

export interface Consensus {
  readonly status: RaftStatus;
  /** As of the last entry applied here. */
  readonly membership: Membership;
  /** What the leader knows of the others. */
  readonly peers: readonly ProgressStatus[];
  /** Resolves once the change is applied here, or with why not now. */
  proposeConfChange(change: ConfChange, term: number): Promise<ConfRefusal | undefined>;
  /** True once this member leads no more. */
  handOver(to?: number): Promise<boolean>;
}

/** Everybody in the consensus, voters first. */
export function membersOf({ voters, learners }: Membership): readonly number[] {
  return [...voters, ...learners];
}

export function asStoreError(error: unknown): never {
  if (error instanceof NotLeaderError) throw new NotLeader();
  if (error instanceof UnknownOutcomeError) throw new UnknownOutcome();
  throw error;
}
