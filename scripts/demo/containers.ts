// The demo's containers, as an engine knows them: found by the swarm's label, so that nobody else's is ever touched.

import { setTimeout as pause } from "node:timers/promises";
import { ask, call } from "./http.js";

export interface DemoContainer {
  readonly id: string;
  readonly nodeId: string;
}

/** All of them are gone within this. */
const goneMs = 30_000;
/** A create that was under way when its daemon was killed shows within this. */
const stragglerMs = 500;

export async function containersOf(
  socket: string,
  clusterId: string,
  status?: "running",
): Promise<readonly DemoContainer[]> {
  const filters = { label: [`skep.cluster.id=${clusterId}`], ...(status === undefined ? {} : { status: [status] }) };
  const query = `all=1&filters=${encodeURIComponent(JSON.stringify(filters))}`;
  const listed = (await ask(socket, "GET", `/containers/json?${query}`)) as readonly Listed[];
  return listed.map(({ Id, Labels }) => ({ id: Id, nodeId: Labels["com.docker.swarm.node.id"] ?? "" }));
}

/** Removes what `list` finds until it finds nothing more; answers how many there were. */
export async function removeAll(socket: string, list: () => Promise<readonly DemoContainer[]>): Promise<number> {
  const removed = new Set<string>();
  const deadline = performance.now() + goneMs;
  let isQuiet = false;
  while (!isQuiet) {
    const found = await list();
    if (performance.now() > deadline) {
      throw new Error(`containers are left: ${found.map(({ id }) => id.slice(0, 12)).join(" ")}`);
    }
    // 409: somebody removes it already.
    await Promise.all(found.map(({ id }) => call(socket, "DELETE", `/containers/${id}?force=1&v=1`, goneMs)));
    for (const { id } of found) removed.add(id);
    await pause(stragglerMs);
    isQuiet = found.length === 0;
  }
  return removed.size;
}

interface Listed {
  readonly Id: string;
  readonly Labels: Readonly<Record<string, string>>;
}
