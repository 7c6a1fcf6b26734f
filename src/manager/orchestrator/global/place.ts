// Whether a node is to hold a task of a global service or a global job (swarm-semantics §3.2, §3.4).

import { type Node, NodeState } from "../../../gen/skep/v1/objects.js";
import { NodeAvailability } from "../../../gen/skep/v1/specs.js";
import { isGlobal, isJob } from "../../../model/index.js";
import { isDraining, isLost, type World } from "../world.js";

/** One task belongs there; what is there stays and nothing new comes; nothing may be there. */
export type Place = "wanted" | "kept" | "none";

/**
 * Gone, DOWN, drained and unfit nodes hold none; a paused one keeps what it has, and so does one never heard of: its join may
 * have failed half-way. A job starts on READY nodes only.
 */
export function placeOn(world: World, node: Node | undefined): Place {
  if (node === undefined || isLost(node) || isDraining(node)) return "none";
  if (node.spec?.availability === NodeAvailability.PAUSE) return "kept";
  if (!world.fits(node)) return "none";
  const state = node.status?.state ?? NodeState.UNKNOWN;
  const mayBegin = isJob(world.spec) ? state === NodeState.READY : state !== NodeState.UNKNOWN;
  return mayBegin ? "wanted" : "kept";
}

/** Whether what ended there may be followed by another: anywhere, but for a global service only where it is wanted. */
export function mayFollowOn(world: World, nodeId: string): boolean {
  return !isGlobal(world.spec) || placeOn(world, world.node(nodeId)) === "wanted";
}
