// What a member takes from another one: nothing that is not to it, not of who speaks, or not what Raft could have said. The
// core behind may believe what passes here.

import { SwarmError } from "../base/index.js";
import type { Append, Message } from "../gen/skep/raft/v1/messages.js";
import type { PeerNode } from "./access.js";

/** Who may speak as whom, by what this manager knows. */
export interface Members {
  /** The member this manager is; undefined while it is none. */
  readonly raftId: number | undefined;
  /** The node a raft id belongs to; undefined: not known yet. */
  nodeIdOf(raftId: number): string | undefined;
  /** Whether it was a member and never will be again. */
  isRemoved?(raftId: number): boolean;
}

/** Raft ids: who speaks to whom. */
export interface Ends {
  readonly from: number;
  readonly to: number;
}

/** Throws unless `node` may speak as `from` to this member. */
export function checkEnds(ends: Ends, node: PeerNode, members: Members): void {
  if (members.raftId === undefined)
    throw new SwarmError("Unavailable", "this manager is no member of the consensus yet");
  if (ends.to !== members.raftId) {
    throw new SwarmError("FailedPrecondition", `this is raft member ${members.raftId}, not ${ends.to}`);
  }
  if (ends.from === 0 || ends.from === ends.to) throw malformed("its sender is nobody else");
  if (members.isRemoved?.(ends.from)) {
    throw new SwarmError("AlreadyExists", `raft member ${ends.from} was removed for good`);
  }
  const owner = members.nodeIdOf(ends.from);
  if (owner !== undefined && owner !== node.nodeId) {
    throw new SwarmError("PermissionDenied", `raft member ${ends.from} is node ${owner}, not ${node.nodeId}`);
  }
}

/** Throws unless the message is one that travels on a link, between the same two. */
export function checkMessage(message: Message, ends: Ends): void {
  if (message.from !== ends.from || message.to !== ends.to) throw malformed("it is of others than its batch");
  if (message.body === undefined) throw malformed("it has no body this version knows");
  if (message.body.$case === "snapshot") throw malformed("snapshots have a connection of their own");
  if (message.body.$case === "append") checkAppend(message.body.value, message.term);
}

/** raft-bugs.md, 16: entries with a gap must not even be looked at. */
function checkAppend({ prevIndex, prevTerm, entries }: Append, messageTerm: number): void {
  let [index, term] = [prevIndex, prevTerm];
  for (const entry of entries) {
    if (entry.index !== index + 1) throw malformed("its entries are not consecutive");
    if (entry.term < term || entry.term > messageTerm) throw malformed("the terms of its entries go back, or ahead");
    index = entry.index;
    term = entry.term;
  }
}

/** Throws unless the message offers a snapshot. */
export function checkSnapshot({ body }: Message): void {
  const position = body?.$case === "snapshot" ? body.value.meta?.position : undefined;
  if (!position || position.index === 0) throw malformed("it offers no snapshot");
}

function malformed(why: string): SwarmError {
  return new SwarmError("InvalidArgument", `malformed raft message: ${why}`);
}
