// Who takes part in the consensus. With one voter that is the manager that answers.

import type { Membership } from "./control/index.js";

/** The membership of a swarm whose only manager is this node, while it leads. */
export function localMembership(nodeId: string, addr: string): Membership {
  const managers = new Map([[nodeId, { addr, leader: true, reachability: "reachable" as const }]]);
  return { managers: () => managers };
}
