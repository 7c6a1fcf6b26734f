// What the store asks of the replicated log, declared here so that the store knows no Raft.

/** The entry was certainly not written: this member does not lead, or the term is over. */
export class NotLeader extends Error {
  override readonly name = "NotLeader";
  constructor(message = "this node does not lead the swarm") {
    super(message);
  }
}

/** The entry was handed over and leadership was lost meanwhile: it may yet be committed. */
export class UnknownOutcome extends Error {
  override readonly name = "UnknownOutcome";
  /** `cause`: what ended it, where that is more than an election: the disk's error. */
  constructor(
    message = "leadership was lost while the change was under way: it may or may not have happened",
    options?: { readonly cause: unknown },
  ) {
    super(message, options);
  }
}

export interface Log {
  /**
   * Replicates one entry in the given term. Resolves after the state machine of this member applied it; rejects with
   * NotLeader or UnknownOutcome.
   */
  propose(data: Uint8Array, term: number): Promise<void>;
}
