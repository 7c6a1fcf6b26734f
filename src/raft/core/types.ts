// What goes into the core and what comes out of it.

import type { Entry, HardState, Membership, Position } from "../../gen/skep/raft/v1/raft.js";

/** Between members. A message of another term is dealt with before its kind is looked at (§5.1). */
export type Message = {
  readonly from: number;
  readonly to: number;
  readonly term: number;
} & (
  | { readonly kind: "vote"; readonly last: Position }
  | { readonly kind: "vote answer"; readonly isGranted: boolean }
);

/** To be written in one atomic batch. */
export interface Persist {
  readonly hardState: HardState;
  readonly entries: readonly Entry[];
}

/** Effects, as data: what the node has to do now. */
export interface Ready {
  /** At most one is handed out until `advance` says it is durable. */
  readonly persist: Persist | undefined;
  /** May be sent at once. */
  readonly send: readonly Message[];
  /** May be sent only when `persist` is durable: votes and acknowledgements promise something. */
  readonly sendAfterPersist: readonly Message[];
  /** To be applied, in order. They are durable here. */
  readonly committed: readonly Entry[];
}

export type Progress =
  /** What the last `persist` held is durable. */
  | { readonly kind: "persisted" }
  /** Everything up to here has been applied. */
  | { readonly kind: "applied"; readonly index: number };

export type RoleName = "follower" | "candidate" | "leader";

export interface CoreStatus {
  readonly role: RoleName;
  readonly term: number;
  /** 0: none known. */
  readonly leader: number;
  readonly commit: number;
  readonly applied: number;
  readonly firstIndex: number;
  readonly lastIndex: number;
  /** Index of the no-op this member opened its term with; undefined unless it leads. */
  readonly termStart: number | undefined;
  readonly membership: Membership;
}

/** What a member starts from. */
export interface CoreState {
  readonly hardState: HardState;
  /** The entry before the first of `entries`. */
  readonly base: Position;
  readonly entries: readonly Entry[];
  /** The last entry the state machine contains: the snapshot's. */
  readonly applied: number;
  /** As of `applied`. */
  readonly membership: Membership;
}
