// The end of a quorum: all managers but one are gone for good, with their machines, and that one goes on alone
// (`--force-new-cluster`). What becomes of the others is the user's business: their nodes are demoted and removed.

import { NodeRole } from "../../gen/skep/v1/specs.js";
import type { SeededRandom } from "../random.js";
import type { SimCluster } from "./cluster.js";

const leadsMaxMs = 30_000;
/** For a node to be no manager any more. */
const demotedMaxMs = 10_000;

/** To be called when all managers have all: then nothing that was acknowledged may be lost. */
export async function loseAllButOne(cluster: SimCluster, random: SeededRandom): Promise<void> {
  const { managers, trace, user } = cluster;
  const survivor = random.pick(managers.all);
  if (!survivor) return;
  const lost = cluster.members.filter(({ name }) => name !== survivor.name && managers.get(name));
  trace.say("simulation", `of the managers only ${survivor.name} is left`);
  cluster.disturb();
  for (const host of lost) {
    host.powerOff();
    cluster.lose(host.name);
  }
  await cluster.do(survivor.force());
  await cluster.eventually("it leads alone", () => cluster.leading !== undefined, leadsMaxMs);
  for (const host of lost) {
    await cluster.do(user.setRole(host.nodeId, "WORKER"));
    const isWorker = (): boolean => cluster.store.table("node").get(host.nodeId)?.role === NodeRole.WORKER;
    await cluster.eventually(`${host.name} is no manager any more`, isWorker, demotedMaxMs);
    await cluster.do(user.removeNode(host.nodeId, true));
  }
}
