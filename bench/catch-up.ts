// A manager that comes with nothing into a swarm of 100,000 tasks that goes on being written to: how long until it has all
// and votes, and how long any manager's loop stands still while a snapshot is made, sent, received and installed.
//   npm run bench:catchup -- [--tasks 100000] [--services 20]
// The tasks wait for a node that is not there. Exits 1 when a loop stood still for more than 20 ms or a write is gone.

import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { removeMember } from "../test/e2e/support/chaos/members.js";
import { eventually } from "../test/e2e/support/eventually.js";
import { type ManagerHost, startManagers } from "../test/e2e/support/managers.js";
import { WriteLoad } from "../test/e2e/support/write-load.js";
import { median } from "./support/cluster.js";
import { ServiceClient } from "./support/service-client.js";

const { values: flags } = parseArgs({
  options: { tasks: { type: "string", default: "100000" }, services: { type: "string", default: "20" } },
});
const services = Number(flags.services);
const replicas = Number(flags.tasks) / services;
const FILL_MS = 300_000;
const CAUGHT_UP_MS = 120_000;
const STALL_MS_MAX = 20;
const CALM_MS = 5_000;
/** More than the 64 MiB of log that a snapshot is made after: each update holds this much more. */
const AGE = { clients: 64, updates: 100, paddingBytes: 16 * 1024 };

const preload = `file://${resolve("bench/support/loop-turns.mjs")}`;
await using managers = await startManagers("skep", 3, {
  nodeArgs: (folder) => ["--import", `${preload}?out=${encodeURIComponent(join(folder, "lag"))}`],
});
await managers.form();
const leader = await managers.untilHealthy();
await fill(leader);
await ageLog(leader);
const load = await WriteLoad.start(managers.all, { perSecond: 20, registers: 16 });
await sleep(CALM_MS);
tell("at rest", Date.now() - CALM_MS);

const [lost] = managers.all.filter((host) => host !== leader);
if (lost === undefined) throw new Error("no follower");
load.close([lost.name]);
await lost.end("SIGKILL");
await removeMember(lost, leader);
await lost.wipe();
await lost.start();
const [from, before] = [performance.now(), load.writes.length];
const fromWall = Date.now();
await managers.join(lost, leader);
const target = await applied(leader);
await eventually(async () => (await applied(lost)) >= target, { what: "it has all", withinMs: CAUGHT_UP_MS });
const caughtUpMs = performance.now() - from;
await managers.untilHealthy();
const votesMs = performance.now() - from;
await sleep(1_000);
tell("while it caught up", fromWall);
const writes = load.writes.slice(before);
const took = writes.filter(({ outcome }) => outcome === "yes").map(({ begunAt, endedAt }) => endedAt - begunAt);
console.log(
  `caught up in ${(caughtUpMs / 1_000).toFixed(2)} s, ready and reachable in ${(votesMs / 1_000).toFixed(2)} s`,
);
console.log(
  `${took.length} of ${writes.length} writes accepted meanwhile, median ${median(took).toFixed(1)} ms, slowest ${Math.max(...took).toFixed(1)} ms`,
);
const snapshots = (host: ManagerHost): readonly string[] =>
  host.skep
    .log(5_000)
    .split("\n")
    .filter((line) => line.includes("raft snapshot"));
for (const host of managers.all) for (const line of snapshots(host)) console.log(`${host.name}  ${line}`);
if (!snapshots(lost).some((line) => line.includes("installed")))
  throw new Error("no snapshot came: these are no figures");
load.close([]);
await load.stop();
const { acknowledged, lost: gone, belied } = await load.account(leader);
console.log(`${acknowledged} acknowledged writes; ${gone.length} lost, ${belied.length} done though refused`);
if (gone.length + belied.length > 0) process.exitCode = 1;

/** Services whose tasks fit nowhere. */
async function fill({ http }: ManagerHost): Promise<void> {
  const begun = performance.now();
  for (let at = 0; at < services; at += 1) {
    await http.ok("POST", "/services/create", { body: waiting(`waiting-${at}`), timeoutMs: FILL_MS });
  }
  for (let at = 0; at < services; at += 1) {
    await eventually(async () => (await pending(http, `waiting-${at}`)) === replicas, {
      what: `${replicas} tasks of waiting-${at}`,
      withinMs: FILL_MS,
      everyMs: 500,
    });
  }
  console.log(`${services * replicas} tasks after ${((performance.now() - begun) / 1_000).toFixed(1)} s`);
}

/** So much is written that the log no longer begins at its beginning: a snapshot is what a new member gets. */
async function ageLog({ http }: ManagerHost): Promise<void> {
  const age = async (name: string): Promise<void> => {
    const client = await ServiceClient.open(http, name, AGE.paddingBytes);
    for (let at = 0; at < AGE.updates; at += 1) await client.updateAndReadBack();
    client.close();
  };
  await Promise.all(Array.from({ length: AGE.clients }, (_, at) => age(`age-${at}`)));
}

async function pending(http: ManagerHost["http"], service: string): Promise<number> {
  const filters = encodeURIComponent(JSON.stringify({ service: [service] }));
  const { json } = await http.ok("GET", `/tasks?filters=${filters}`);
  return (json as readonly { Status: { State: string } }[]).filter(({ Status }) => Status.State === "pending").length;
}

function waiting(Name: string): unknown {
  return {
    Name,
    TaskTemplate: {
      ContainerSpec: { Image: "busybox:latest" },
      Placement: { Constraints: ["node.labels.nowhere == here"] },
    },
    Mode: { Replicated: { Replicas: replicas } },
  };
}

async function applied({ skep }: ManagerHost): Promise<number> {
  return (await skep.metric("skep_raft_applied_index")) ?? 0;
}

/** How long each manager's loop stood still since a moment: by the clock, and how much of that it computed itself. */
function tell(when: string, since: number): void {
  for (const host of managers.all) {
    const stalls = stallsOf(host, since);
    if (stalls.length === 0) continue;
    const role = host === leader ? "leads" : "follows";
    const byTheClock = longest(stalls.map(([ms]) => ms));
    const itsOwn = longest(stalls.map(([, ms]) => ms));
    console.log(
      `${when}: ${host.name} (${role}) stood still at most ${byTheClock.join(", ")} ms by the clock, ${itsOwn.join(", ")} ms by its own doing`,
    );
    if (Number(byTheClock[0]) > STALL_MS_MAX) process.exitCode = 1;
  }
}

function longest(stallsMs: readonly number[]): readonly string[] {
  return [...stallsMs]
    .sort((a, b) => b - a)
    .slice(0, 3)
    .map((ms) => ms.toFixed(1));
}

function stallsOf({ folder }: ManagerHost, since: number): readonly (readonly [byTheClock: number, itsOwn: number])[] {
  return readFileSync(join(folder, "lag"), "utf8")
    .split("\n")
    .map((line) => line.split(" ").map(Number))
    .filter(([at = 0]) => at >= since)
    .map(([, byTheClock = 0, itsOwn = 0]) => [byTheClock, itsOwn]);
}

function sleep(ms: number): Promise<void> {
  return new Promise((done) => setTimeout(done, ms));
}
