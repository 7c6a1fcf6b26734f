// A removed node's certificate is refused until it has run out by itself: the list of them in the cluster row.

import { millis, wallTime } from "../base/index.js";
import type { Cluster, Node } from "../gen/skep/v1/objects.js";

/** Docker's default validity, for a node whose certificate nobody recorded. */
const unknownValidityMs = 90 * 24 * 3_600_000;

/** The cluster once `node` is removed; to be written in the transaction that deletes the node's row. */
export function withRemovedNode(cluster: Cluster, node: Node, nowMs: number): Cluster {
  const until = node.certificate?.notAfter ?? wallTime(nowMs + unknownValidityMs);
  const others = cluster.removedNodes.filter(({ nodeId, until: end }) => nodeId !== node.id && millis(end) > nowMs);
  return { ...cluster, removedNodes: [...others, { nodeId: node.id, until }] };
}
