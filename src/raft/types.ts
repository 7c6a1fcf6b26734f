// What the owner of a Raft member gives it and gets from it.

import { SwarmError } from "../base/index.js";
import type { Membership } from "../gen/skep/raft/v1/raft.js";

/** What the log is for: every member applies the same entries in the same order. */
export interface StateMachine {
  /** Applies one committed entry, synchronously; in index order, exactly once per process life and index. Must not throw. */
  apply(entry: CommittedEntry): void;
  /**
   * The state after the last entry applied, as chunks of at most 4 MiB, better 256 KiB: references are collected at
   * the call, chunks encoded one by one as they are asked for, while entries are applied in between.
   */
  snapshot(): Iterable<Uint8Array>;
  /** Becomes what a snapshot holds. Has to read all chunks; before the last one it may still fail. */
  restore(chunks: AsyncIterable<Uint8Array>): Promise<void>;
}

export interface CommittedEntry {
  readonly index: number;
  readonly term: number;
  /** As proposed, never empty. */
  readonly data: Uint8Array;
}

export interface RaftStatus {
  readonly role: "leader" | "follower" | "candidate";
  readonly term: number;
  /** Raft id of the leader, when one is known. */
  readonly leader: number | undefined;
  /** Since a leader was last heard of; 0 while one is known. */
  readonly noLeaderForMs: number;
  readonly commit: number;
  readonly applied: number;
  readonly lastIndex: number;
  /** The last entry the newest snapshot holds; 0 for none. */
  readonly snapshotIndex: number;
  /** Who takes part, as of `applied`. */
  readonly membership: Membership;
}

export interface Leadership {
  readonly leading: boolean;
  readonly term: number;
}

export interface RaftNode {
  /** Loads snapshot and log and applies what is known to be committed. Rejects when they are damaged. Listeners come first. */
  start(): Promise<void>;
  /** Ends in good order; proposals still open are rejected as `propose` says. */
  stop(): Promise<void>;
  readonly status: RaftStatus;
  /**
   * Resolves once the entry is committed and applied here. Rejects with NotLeaderError (certainly nothing happened; also
   * ResourceExhausted, when too much waits) or UnknownOutcomeError (it may yet commit). `term` is the one the proposer
   * believes it leads in. `data` must not be empty, nor change afterwards.
   */
  propose(data: Uint8Array, term: number): Promise<void>;
  /**
   * Told synchronously of every change of leadership. Leading begins when an entry of the own term has been applied. When it
   * ends, open proposals are rejected before this is called.
   */
  onLeadership(listener: (change: Leadership) => void): void;
  /**
   * Told once when the member can go on no more: its disk failed or is full (`error.code` as Node gives it), or applying
   * threw. It has stopped leading and acknowledges nothing more. The owner decides.
   */
  onFatal(listener: (error: Error) => void): void;
}

/** The entry was not proposed, and never will be. */
export class NotLeaderError extends SwarmError {
  constructor() {
    super("Unavailable", "this member does not lead");
  }
}

/** The entry was on its way when leadership or the disk was lost. Whoever asked has to look. */
export class UnknownOutcomeError extends SwarmError {
  constructor(cause?: unknown) {
    super("Unknown", "leadership was lost before the outcome was known: the write may yet take effect", { cause });
  }
}
