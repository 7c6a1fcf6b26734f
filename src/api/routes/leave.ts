// POST /swarm/leave: what a manager reads first that is about to take a vote away from the others.

import type { Call } from "../call.js";
import { collect } from "../collect.js";
import { type ApiResponse, done } from "../http.js";
import type { Leader } from "../modules.js";
import { locked, type ManagerCounts, managerLeaves, notPartOfSwarm, unavailable } from "../texts.js";
import type { Node as NodeJson } from "../types.js";
import { within } from "../within.js";

/** The leader is asked this long how many managers there are. */
const countMs = 1_000;

export async function leaveSwarm(call: Call): Promise<ApiResponse> {
  const { node } = call.shared.modules;
  const state = node.state();
  const force = call.query.looseFlag("force");
  if (state.local === "inactive") throw unavailable(notPartOfSwarm);
  if (state.local === "locked" && !force) throw unavailable(locked);
  if (state.local === "active" && state.manager !== "no" && !force) {
    throw unavailable(managerLeaves(await countManagers(call)));
  }
  await node.leave(force);
  return done();
}

/** As the leader sees them; without one as this manager does; undefined when nobody can say. */
async function countManagers(call: Call): Promise<ManagerCounts | undefined> {
  const { node } = call.shared.modules;
  const control = node.control();
  if (control !== undefined) {
    const managers = [...control.membership.managers().values()];
    return counted(managers.map(({ reachability }) => reachability === "reachable"));
  }
  const leader = node.leader();
  const atLeader = leader && (await countAtLeader(call, leader));
  const quorum = node.quorum?.();
  return atLeader ?? (quorum && counted(quorum.managers.map(({ reachable }) => reachable)));
}

async function countAtLeader({ request, shared }: Call, leader: Leader): Promise<ManagerCounts | undefined> {
  const asked = { ...request, method: "GET", path: "/nodes", query: "", body: new Uint8Array(0) };
  try {
    const nodes = await within(
      shared.modules.clock,
      countMs,
      async (signal) => {
        const { status, body } = await leader.forward({ ...asked, closed: () => signal });
        return status === 200 ? (JSON.parse(await collect(body)) as readonly NodeJson[]) : [];
      },
      request.closed(),
    );
    return counted(nodes.flatMap(({ ManagerStatus: own }) => (own ? [own.Reachability === "reachable"] : [])));
  } catch {
    return undefined;
  }
}

/** One answer per manager: whether it can be reached. */
function counted(reachable: readonly boolean[]): ManagerCounts | undefined {
  if (reachable.length === 0) return undefined;
  return { reachable: reachable.filter(Boolean).length, total: reachable.length };
}
