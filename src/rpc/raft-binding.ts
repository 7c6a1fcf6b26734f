// The Transport service of the Raft library: the receiving side of links and of snapshots.

import type { Log } from "../base/index.js";
import type { Message } from "../gen/skep/raft/v1/messages.js";
import { TransportService } from "../gen/skep/raft/v1/transport_service.js";
import { managersOnly } from "./access.js";
import { type Binding, defineBinding } from "./binding.js";

export interface RaftCalls {
  /** The member this manager is; undefined while it is none. */
  readonly raftId: number | undefined;
  /** Who of the swarm is this raft id, by what this manager knows; undefined: not known yet. */
  nodeIdOf(raftId: number): string | undefined;
  step(message: Message): void;
  /** Resolves once the snapshot is whole and durable here, or not needed. */
  receiveSnapshot(message: Message, chunks: AsyncIterable<Uint8Array>): Promise<void>;
  /** The link from this member broke. */
  connectionBroken(raftId: number): void;
}

/** Refuses what is not to this member, and what is known to be from another node than the certificate's. */
export function raftBinding(_calls: RaftCalls, _log: Log): Binding {
  return defineBinding(TransportService, { link: managersOnly, snapshot: managersOnly }, {});
}
