// Whether a manager may cease to be one: swarm-semantics §5 "Node update" and §7.2 "Remove/Leave", in Docker's words.

import { rpcError, type SwarmError } from "../../base/index.js";
import type { Node } from "../../gen/skep/v1/objects.js";
import { NodeRole } from "../../gen/skep/v1/specs.js";
import { anyManager, type View } from "../../store/index.js";
import type { ManagerStatus, Membership } from "./membership.js";

/** Why not; undefined when it may. What does not take part yet may always go. */
export function demotionRefusal(node: Node, view: View, membership: Membership): SwarmError | undefined {
  const wanted = [...view.table("node").by("manager", anyManager)].filter(isWanted);
  if (wanted.every(({ id }) => id === node.id)) return lastManager();
  const managers = membership.managers();
  const itself = managers.get(node.id);
  if (itself === undefined || itself.isLearner) return undefined;
  // Those on their way out count no more than the one that is asked about.
  const staying = [...managers].filter(([id]) => id !== node.id && isWanted(view.table("node").get(id)));
  if (staying.every(([, { isLearner }]) => isLearner)) return lastManager();
  const voters = [...managers].filter(([id, { isLearner }]) => id !== node.id && !isLearner);
  if (isQuorate(voters.map(([, status]) => status))) return undefined;
  return rpcError("FailedPrecondition", "can't remove member from the raft: this would result in a loss of quorum");
}

function isWanted(node: Node | undefined): boolean {
  return node?.spec?.desiredRole === NodeRole.MANAGER;
}

/** More than half of them answer. */
function isQuorate(voters: readonly ManagerStatus[]): boolean {
  const reachable = voters.filter(({ reachability }) => reachability === "reachable").length;
  return reachable >= Math.floor(voters.length / 2) + 1;
}

function lastManager(): SwarmError {
  return rpcError("FailedPrecondition", "attempting to demote the last manager of the swarm");
}
