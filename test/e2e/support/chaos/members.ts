// A member that goes for good and one that comes in its place: demoted, removed, its data gone, joined anew. Alive or dead
// when it goes.

import type { SeededRandom } from "../../../../src/sim/index.js";
import { eventually } from "../eventually.js";
import type { ManagerHost, Managers } from "../managers.js";
import type { Fault } from "./faults.js";

/** Each step of leaving and of coming back; the swarm may be looking for a leader meanwhile. */
const STEP_MS = 30_000;

interface Node {
  readonly ID: string;
  readonly Version: { readonly Index: number };
  readonly Spec: Readonly<Record<string, unknown>>;
  readonly Description: { readonly Hostname: string };
  readonly ManagerStatus?: unknown;
}

export async function leaveAndComeBack(
  [host]: readonly ManagerHost[],
  random: SeededRandom,
  managers: Managers,
): Promise<Fault> {
  const door = managers.all.find((each) => each !== host);
  if (host === undefined || door === undefined) throw new Error("nobody to remove");
  const isDead = random.chance(0.5);
  if (isDead) await host.end("SIGKILL");
  await removeMember(host, door);
  return {
    what: `${host.name} removed ${isDead ? "dead" : "alive"}`,
    heal: async () => {
      await host.end("SIGKILL");
      await host.wipe();
      await host.start();
      await step(`${host.name} joins again`, () => managers.join(host, door));
    },
  };
}

/** Demotes and removes the node of `host`, asking `door`. */
export async function removeMember(host: ManagerHost, door: ManagerHost): Promise<void> {
  await step(`${host.name} is demoted`, async () => {
    const node = await nodeOf(host, door);
    if (node === undefined || node.ManagerStatus === undefined) return;
    if (node.Spec["Role"] === "manager") {
      const body = { ...node.Spec, Role: "worker" };
      await door.http.ok("POST", `/nodes/${node.ID}/update?version=${node.Version.Index}`, { body });
    }
    throw new Error("it still is a manager");
  });
  await step(`${host.name} is removed`, async () => {
    const node = await nodeOf(host, door);
    if (node === undefined) return;
    await door.http.ok("DELETE", `/nodes/${node.ID}?force=1`);
    throw new Error("it may still be there");
  });
}

async function nodeOf(host: ManagerHost, door: ManagerHost): Promise<Node | undefined> {
  const nodes = (await door.http.ok("GET", "/nodes", { timeoutMs: 5_000 })).json as readonly Node[];
  return nodes.find(({ Description }) => Description.Hostname === host.name);
}

/** Tries until it does not throw. */
async function step(what: string, work: () => Promise<void>): Promise<void> {
  await eventually(() => work().then(() => true), { what, withinMs: STEP_MS, everyMs: 100 });
}
