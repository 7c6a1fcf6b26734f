// A thousand agents lose their manager at once: how long until they all have a session again, and whom that leads astray.
//   npm run bench:reconnect -- [--nodes 1000] [--hosts 2] [--stop-ms 6000] [--rounds kill,stop]
// Three managers are the daemon that is shipped, in processes of their own; nodes are the real worker, hundreds in a process
// (`--hosts`), each with its own certificate and connection. All share this machine's processors, and all nodes one address.
// Round "kill": the leader is killed. Round "stop": one of the processes of nodes stands still, and goes on.

import { parseArgs } from "node:util";
import { eventually } from "../test/e2e/support/eventually.js";
import { type LoopbackManager, leaderOf } from "./support/loopback-manager.js";
import { counts, type LoopbackSwarm, type Workers, withLoopbackSwarm } from "./support/loopback-swarm.js";
import { runWorkerProcess, workerRole } from "./support/worker-process.js";

const { values: flags } = parseArgs({
  args: process.argv[2] === workerRole ? [] : process.argv.slice(2),
  options: {
    nodes: { type: "string", default: "1000" },
    hosts: { type: "string", default: "2" },
    "stop-ms": { type: "string", default: "6000" },
    rounds: { type: "string", default: "kill,stop" },
  },
});
const nodes = Number(flags.nodes);
const hosts = Math.min(Number(flags.hosts), nodes);
const managersCount = 3;
/** A round that takes longer has failed. */
const backMs = 60_000;
const sampleMs = 20;
/** After all are back: what still falls silent would be seen. */
const calmMs = 5_000;
/** Here the nodes, too, compute on the managers' processors, and that is most of it. */
const allBackMsMax = 15_000;

/** What a round costs the managers. */
class Meter {
  startedMs = performance.now();
  readonly #sinceMs = Date.now();
  readonly #managers: readonly LoopbackManager[];
  readonly #before: ReadonlyMap<LoopbackManager, number>;
  readonly #downBefore: ReadonlyMap<LoopbackManager, number>;

  constructor(managers: readonly LoopbackManager[]) {
    this.#managers = managers;
    this.#before = new Map(managers.map((each) => [each, each.use.cpuSeconds]));
    this.#downBefore = new Map(managers.map((each) => [each, downCount(each)]));
  }

  get sinceStart(): string {
    return `${Math.round(performance.now() - this.startedMs)} ms`;
  }

  startAgain(): void {
    this.startedMs = performance.now();
  }

  tellBack(backAtMs: readonly number[]): void {
    const at = (share: number): string =>
      `${Math.round(backAtMs[Math.max(0, Math.ceil(share * backAtMs.length) - 1)] ?? Number.NaN)} ms`;
    console.log(`  a session again: the first ${at(0)}, half ${at(0.5)}, 99 % ${at(0.99)}, all ${at(1)}`);
    if ((backAtMs.at(-1) ?? 0) > allBackMsMax) process.exitCode = 1;
  }

  /** More nodes than `downMax` that were ever DOWN fail the run. */
  async tell(downMax: number): Promise<void> {
    const cpu = this.#managers.map((each) => each.use.cpuSeconds - (this.#before.get(each) ?? 0));
    await sleep(calmMs);
    const leader = await leaderOf(this.#managers);
    let down = 0;
    for (const [at, manager] of this.#managers.entries()) {
      down += downCount(manager) - (this.#downBefore.get(manager) ?? 0);
      const { byTheClock, itsOwn } = manager.lagSince(this.#sinceMs);
      const used = `${cpu[at]?.toFixed(2)} s of processor`;
      const late = `loop late by at most ${byTheClock.toFixed(0)} ms by the clock, ${itsOwn.toFixed(0)} by its own doing`;
      console.log(`  ${manager.name}${manager === leader ? " leads" : ""}: ${used}, ${late}`);
    }
    const ready = await readyCount(leader);
    console.log(`  nodes that were ever DOWN: ${down}; READY ${calmMs / 1_000} s later: ${ready}`);
    if (down > downMax || ready !== nodes) process.exitCode = 1;
  }
}

if (process.argv[2] === workerRole) runWorkerProcess();
else {
  const nodeFlags = (): readonly string[] => [];
  await withLoopbackSwarm({ prefix: "skep-reconnect-", managers: managersCount, nodes, hosts, nodeFlags }, rounds);
}

async function rounds({ managers, workers }: LoopbackSwarm): Promise<void> {
  const left = [...managers];
  await sleep(calmMs);
  for (const round of flags.rounds.split(",")) {
    if (round === "kill") await killRound(left, workers);
    else await stopRound(left, workers);
  }
}

/** The managers that are left elect one, and all nodes find it. */
async function killRound(managers: LoopbackManager[], workers: Workers): Promise<void> {
  const killed = await leaderOf(managers);
  managers.splice(managers.indexOf(killed), 1);
  const meter = new Meter(managers);
  await killed.kill();
  console.log("the leader is killed");
  meter.tellBack(await timesBack(workers, meter.startedMs));
  // The killed manager's own node.
  await meter.tell(1);
}

/** The nodes of one process fall silent together, and are let in again. */
async function stopRound(managers: readonly LoopbackManager[], workers: Workers): Promise<void> {
  const meter = new Meter(managers);
  const [stopped] = workers;
  if (stopped === undefined) throw new Error("there are no nodes");
  const stopMs = Number(flags["stop-ms"]);
  process.kill(stopped.pid, "SIGSTOP");
  await sleep(stopMs);
  process.kill(stopped.pid, "SIGCONT");
  console.log(`one of ${hosts} processes of nodes stood still for ${stopMs} ms; times from then on`);
  // Its nodes know of nothing in the first moment.
  meter.startAgain();
  await sleep(sampleMs);
  meter.tellBack(await timesBack(workers, meter.startedMs));
  const leader = await leaderOf(managers);
  await eventually(async () => (await readyCount(leader)) === nodes, {
    what: `${nodes} nodes are READY`,
    withinMs: backMs,
    everyMs: 100,
  });
  console.log(`  all READY after ${meter.sinceStart}`);
  await meter.tell(Math.ceil(nodes / hosts));
}

/** Times since the start, ascending, at which one node more than ever before in this round had a session again. */
async function timesBack(workers: Workers, startedMs: number): Promise<readonly number[]> {
  const samples: { readonly atMs: number; readonly count: number }[] = [];
  let least = nodes;
  await eventually(
    async () => {
      const count = (await counts(workers)).connected;
      samples.push({ atMs: performance.now() - startedMs, count });
      least = Math.min(least, count);
      return count === nodes && (least < nodes || performance.now() - startedMs > calmMs);
    },
    { what: "all nodes have a session again", withinMs: backMs, everyMs: sampleMs },
  );
  const lowestAt = samples.findLastIndex(({ count }) => count === least);
  const back: number[] = [];
  for (const { atMs, count } of samples.slice(lowestAt)) while (back.length < count - least) back.push(atMs);
  console.log(`  ${nodes - least} nodes without a session at once`);
  return back;
}

function downCount(manager: LoopbackManager): number {
  return manager.linesWith("node down").length;
}

async function readyCount({ http }: LoopbackManager): Promise<number> {
  const { json } = await http.ok("GET", "/nodes");
  const all = json as readonly {
    readonly Spec: { readonly Role: string };
    readonly Status: { readonly State: string };
  }[];
  return all.filter(({ Spec, Status }) => Spec.Role === "worker" && Status.State === "ready").length;
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
