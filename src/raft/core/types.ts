// What goes into the core and what comes out of it.

import type { Message } from "../../gen/skep/raft/v1/messages.js";
import type { Entry, HardState, Membership, Position, SnapshotMeta } from "../../gen/skep/raft/v1/raft.js";

/** What a message says, without its address. */
export type Body = NonNullable<Message["body"]>;

/** No leader, no vote, no member. */
export const none = 0;

/** To be written in one atomic batch. */
export interface Persist {
  readonly hardState: HardState;
  readonly entries: readonly Entry[];
}

/** The read with this context may be answered from a state that contains `index`. */
export interface Read {
  readonly context: number;
  readonly index: number;
}

/** Effects, as data: what the node has to do now. */
export interface Ready {
  /** At most one is handed out until `advance` says it is durable. */
  readonly persist: Persist | undefined;
  /** May be sent at once: appends go out before the leader's own sync. */
  readonly send: readonly Message[];
  /** May be sent only when `persist` is durable, at once when there is none: votes and acknowledgements promise something. */
  readonly sendAfterPersist: readonly Message[];
  /** To be applied, in order. They are durable here. */
  readonly committed: readonly Entry[];
  /** A received snapshot to become the state. Until `advance` says so nothing else is to be persisted or applied. */
  readonly install: SnapshotMeta | undefined;
  readonly reads: readonly Read[];
  /** Is the process of this member (the leader) still there? `reportProbe` takes the answer. */
  readonly probe: number | undefined;
}

export type Progressed =
  /** What the last `persist` held is durable. */
  | { readonly kind: "persisted" }
  /** Everything up to here has been applied. */
  | { readonly kind: "applied"; readonly index: number }
  /** The state is the snapshot's, durably. */
  | { readonly kind: "installed" };

/** Refused: nothing listens there, the process is gone. Unknown: no answer, which proves nothing. */
export type ProbeOutcome = "gone" | "alive" | "unknown";

export type RoleName = "follower" | "pre-candidate" | "candidate" | "leader";

/** What a leader knows of one other member. */
export interface ProgressStatus {
  readonly member: number;
  readonly state: "probe" | "replicate" | "snapshot";
  readonly match: number;
  readonly next: number;
  /** Heard of within the last election timeout. */
  readonly isActive: boolean;
  /** Since it was last heard of; since this member began to lead, when it never was. */
  readonly lastHeardTicks: number;
}

export interface CoreStatus {
  readonly role: RoleName;
  readonly term: number;
  /** 0: none known. */
  readonly leader: number;
  /** Since a leader was last heard of; 0 while one is known. */
  readonly noLeaderTicks: number;
  readonly commit: number;
  readonly applied: number;
  readonly firstIndex: number;
  readonly lastIndex: number;
  /** Index of the no-op this member opened its term with; undefined unless it leads. */
  readonly termStart: number | undefined;
  readonly membership: Membership;
  /** The member leadership is being handed to; 0 when to nobody. */
  readonly transferee: number;
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
  /** The durable snapshot, where there is one. */
  readonly snapshot?: SnapshotMeta | undefined;
}

export interface Ticks {
  /** Ticks without a leader before a campaign; each wait is drawn from [electionTicks, 2 × electionTicks). */
  readonly electionTicks: number;
  readonly heartbeatTicks: number;
}

export interface CoreOptions extends Ticks {
  readonly id: number;
  /** One persist holds at most this much entry data, and at least one entry. */
  readonly persistBytesMax: number;
  /** One Ready hands out at most this much to apply, so that applying comes in slices. */
  readonly applyBytesMax: number;
  readonly applyEntriesMax: number;
  /** Entry data in one append, beyond its first entry. */
  readonly appendBytesMax: number;
  /** Appends on their way to one follower that it has not acknowledged: messages, and entry data in bytes. */
  readonly inFlightMessagesMax: number;
  readonly inFlightBytesMax: number;
}
