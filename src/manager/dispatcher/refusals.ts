// Why a session is not to be, in words for the other side's log.

import { type AgentOpen, type Refusal, RefusalKind } from "../../gen/skep/v1/dispatcher.js";
import type { View } from "../../store/index.js";

/** The protocol this leader speaks. */
export const protocolFormat = 1;

/** Undefined: the node may come in. */
export function refusalFor(nodeId: string, open: AgentOpen, view: View): Refusal | undefined {
  return nodeRefusal(nodeId, view) ?? protocolRefusal(open.format);
}

/** A node that was removed must stop its containers; one nobody knows may be asking the wrong swarm, and stops nothing. */
export function nodeRefusal(nodeId: string, view: View): Refusal | undefined {
  if (view.cluster?.removedNodes.some((removed) => removed.nodeId === nodeId)) {
    return refusal(RefusalKind.NODE_REMOVED, `node ${nodeId} was removed from swarm`);
  }
  if (view.table("node").get(nodeId)) return undefined;
  return refusal(RefusalKind.NODE_UNKNOWN, `node ${nodeId} is not a node of this swarm`);
}

export const superseded = refusal(
  RefusalKind.SUPERSEDED,
  "another session of this node took over: is the same node started twice?",
);

export const notLeading = refusal(RefusalKind.NOT_LEADER, "this manager does not lead the swarm any more");

function protocolRefusal(format: number): Refusal | undefined {
  if (format === protocolFormat) return undefined;
  const [whose, age] = format > protocolFormat ? ["manager", "newer"] : ["node", "older"];
  const text = `the node speaks session format ${format}, ${age} than this manager's ${protocolFormat}: upgrade the ${whose}`;
  return refusal(RefusalKind.PROTOCOL, text);
}

function refusal(kind: RefusalKind, message: string): Refusal {
  return { kind, message, leaderAddr: "" };
}
