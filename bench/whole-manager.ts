// The whole manager at scale: services are created over the HTTP API, and each of their tasks goes through the orchestrator, the
// allocator, the scheduler and the dispatcher to the agent of one of many nodes, whose embedded engine runs it.
//   npm run bench:scale -- [--nodes 1000] [--tasks 100000] [--managers 3] [--services 100] [--hosts 2] [--cpu-prof FOLDER]
// Managers are the daemon that is shipped, in processes of their own. Nodes live in a few processes (`--hosts`), each with its own
// certificate, its own connection and the real worker. All share this machine's processors: a task's processor time at each of
// them is told too, which others on the machine change less than the clock.
// Then the leader is killed (kill -9): how soon a write is accepted, the nodes have a session with the next leader, and what it costs.

import os from "node:os";
import { parseArgs } from "node:util";
import { eventually } from "../test/e2e/support/eventually.js";
import { quantile } from "./support/load.js";
import { type LoopbackManager, leaderOf } from "./support/loopback-manager.js";
import { counts, type LoopbackSwarm, type Workers, withLoopbackSwarm } from "./support/loopback-swarm.js";
import { type ProcessUse, useOf } from "./support/process-use.js";
import { runWorkerProcess, workerRole } from "./support/worker-process.js";

const { values: flags } = parseArgs({
  args: process.argv[2] === workerRole ? [] : process.argv.slice(2),
  options: {
    nodes: { type: "string", default: "1000" },
    tasks: { type: "string", default: "100000" },
    managers: { type: "string", default: "3" },
    services: { type: "string", default: "100" },
    hosts: { type: "string", default: "2" },
    "cpu-prof": { type: "string" },
  },
});
const [nodes, tasks, services] = [Number(flags.nodes), Number(flags.tasks), Number(flags.services)];
const hosts = Math.min(Number(flags.hosts), nodes);
const replicas = Math.floor(tasks / services);
const restMs = 5_000;
const formedMs = 300_000;
const runningMs = 1_800_000;
/** Between two creates of a small service while the large ones come up. */
const probeEveryMs = 100;
/** A process of nodes stands for hundreds of machines, whose garbage it collects: seldom, lest that be what is measured. */
const workersFlags = ["--max-semi-space-size=64"];
const countEveryMs = 250;
/** A broken connection is noticed at once. */
const noticedMs = 500;
const lagMsMax = 100;
const tasksPerSecondMin = 2_000;

interface Named {
  readonly name: string;
  readonly use: () => ProcessUse;
}

if (process.argv[2] === workerRole) runWorkerProcess();
else
  await withLoopbackSwarm({ prefix: "skep-scale-", managers: Number(flags.managers), nodes, hosts, nodeFlags }, main);

async function main({ managers, workers }: LoopbackSwarm): Promise<void> {
  const leader = await leaderOf(managers);
  const processes: Named[] = [
    ...managers.map((each) => ({ name: each === leader ? `${each.name} leads` : each.name, use: () => each.use })),
    ...workers.map(({ pid }, at) => ({ name: `nodes ${at + 1}`, use: () => useOf(pid) })),
  ];
  await measure(leader, workers, processes);
  if ((await leaderOf(managers)) !== leader) throw new Error("another manager leads now: these are no figures");
  await failOver(leader, managers, workers);
}

function nodeFlags(name: string): readonly string[] {
  const folder = flags["cpu-prof"];
  const profiled = ["--cpu-prof", "--cpu-prof-interval", "500", "--cpu-prof-dir", folder ?? "", "--cpu-prof-name"];
  return [
    ...(name.startsWith("workers") ? workersFlags : []),
    ...(folder === undefined ? [] : [...profiled, `${name}.cpuprofile`]),
  ];
}

async function measure(leader: LoopbackManager, workers: Workers, processes: readonly Named[]): Promise<void> {
  await atRest(processes);
  const before = processes.map(({ use }) => use().cpuSeconds);
  const [sinceMs, startedMs] = [Date.now(), performance.now()];
  const probing = probe(leader);
  for (let at = 0; at < services; at += 1) {
    await leader.http.ok("POST", "/services/create", { body: service(`big-${at}`, replicas) });
  }
  const createdSeconds = seconds(startedMs);
  const wanted = services * replicas;
  await eventually(async () => (await counts(workers)).running >= wanted, {
    what: `${wanted} tasks run`,
    withinMs: runningMs,
    everyMs: countEveryMs,
  });
  for (let at = 0; at < services; at += 1) await untilShown(leader, `big-${at}`);
  const took = seconds(startedMs);
  const delaysMs = await probing.end();
  const after = processes.map(({ use }) => use());
  const { byTheClock, itsOwn } = leader.lagSince(sinceMs);
  const rate = wanted / took;
  console.log(`${wanted} tasks of ${services} services on ${nodes} nodes, load of the machine ${os.loadavg()[0]}`);
  console.log(`create to running, as the API shows it: ${took.toFixed(2)} s, ${rate.toFixed(0)} tasks/s`);
  console.log(`the creates were answered after ${createdSeconds.toFixed(2)} s`);
  for (const [at, { name }] of processes.entries()) {
    const { cpuSeconds = 0, peakMiB = 0 } = after[at] ?? {};
    const used = cpuSeconds - (before[at] ?? 0);
    console.log(
      `  ${name.padEnd(8)} ${used.toFixed(2)} s of processor, ${((used * 1e6) / wanted).toFixed(0)} µs a task, peak ${peakMiB.toFixed(0)} MiB`,
    );
  }
  console.log(
    `a single service create meanwhile: median ${quantile(delaysMs, 0.5).toFixed(1)} ms, p99 ${quantile(delaysMs, 0.99).toFixed(1)} ms, most ${Math.max(...delaysMs).toFixed(1)} ms of ${delaysMs.length}`,
  );
  console.log(
    `the leader's loop was late by at most ${byTheClock.toFixed(0)} ms by the clock, ${itsOwn.toFixed(0)} ms by its own doing`,
  );
  if (rate < tasksPerSecondMin || byTheClock > lagMsMax) process.exitCode = 1;
}

/** The worst moment for the largest swarm: whoever leads next has everything to look at, and all nodes come to it at once. */
async function failOver(
  leader: LoopbackManager,
  managers: readonly LoopbackManager[],
  workers: Workers,
): Promise<void> {
  const others = managers.filter((each) => each !== leader);
  const [asked] = others;
  if (asked === undefined) return;
  const [sinceMs, startedMs] = [Date.now(), performance.now()];
  await leader.kill();
  await eventually(async () => (await asked.http.post("/services/create", service("after", 1))).status === 201, {
    what: "a service is created after the leader was killed",
    withinMs: formedMs,
    everyMs: 5,
  });
  const wroteMs = performance.now() - startedMs;
  // Who reaches the next leader has another session by then; who has not noticed yet will.
  await new Promise((resolve) => setTimeout(resolve, noticedMs));
  await eventually(async () => (await counts(workers)).connected === nodes, {
    what: `${nodes} nodes have a session again`,
    withinMs: formedMs,
    everyMs: countEveryMs,
  });
  const backSeconds = seconds(startedMs);
  await new Promise((resolve) => setTimeout(resolve, restMs));
  const next = await leaderOf(others);
  const { json } = await next.http.ok("GET", "/nodes");
  const ready = (json as readonly { Status: { State: string } }[]).filter(({ Status }) => Status.State === "ready");
  const elections = others.flatMap((each) => each.linesWith("raft leader term")).length;
  const lost = next.linesWith("heartbeat failure").length;
  const { byTheClock, itsOwn } = next.lagSince(sinceMs);
  console.log(
    `the leader killed: a service is created after ${wroteMs.toFixed(0)} ms, all nodes have a session after ${backSeconds.toFixed(1)} s; ${elections} elections, ${lost} lines of lost nodes, ${ready.length} nodes ready`,
  );
  console.log(
    `the next leader's loop was late by at most ${byTheClock.toFixed(0)} ms by the clock, ${itsOwn.toFixed(0)} ms by its own doing`,
  );
}

/** What the sessions alone take. */
async function atRest(processes: readonly Named[]): Promise<void> {
  const before = processes.map(({ use }) => use().cpuSeconds);
  const fromMs = performance.now();
  await new Promise((resolve) => setTimeout(resolve, restMs));
  const took = seconds(fromMs);
  const shares = processes.map(
    ({ name, use }, at) => `${name} ${(((use().cpuSeconds - (before[at] ?? 0)) / took) * 100).toFixed(1)} %`,
  );
  console.log(`of a processor at rest: ${shares.join(", ")}`);
}

/** Creates a small service now and then, until told to end. */
function probe({ http }: LoopbackManager): { end(): Promise<readonly number[]> } {
  const delaysMs: number[] = [];
  let isOver = false;
  const done = (async () => {
    while (!isOver) {
      const fromMs = performance.now();
      const { status, text } = await http.post("/services/create", service(`probe-${delaysMs.length}`, 1));
      if (status !== 201) console.log(`a create failed: ${text.trim()}`);
      delaysMs.push(performance.now() - fromMs);
      await new Promise((resolve) => setTimeout(resolve, probeEveryMs));
    }
  })();
  return {
    end: async () => {
      isOver = true;
      await done;
      return delaysMs;
    },
  };
}

async function untilShown({ http }: LoopbackManager, name: string): Promise<void> {
  const filters = encodeURIComponent(JSON.stringify({ name: [name] }));
  await eventually(
    async () => {
      const { json } = await http.ok("GET", `/services?status=true&filters=${filters}`);
      const list = json as readonly { Spec: { Name: string }; ServiceStatus: { RunningTasks: number } }[];
      return list.some(({ Spec, ServiceStatus }) => Spec.Name === name && ServiceStatus.RunningTasks === replicas);
    },
    { what: `the API shows ${replicas} running tasks of ${name}`, withinMs: formedMs },
  );
}

function service(Name: string, Replicas: number): unknown {
  return {
    Name,
    TaskTemplate: { ContainerSpec: { Image: "busybox:latest", Command: ["sleep", "1000000"] } },
    Mode: { Replicated: { Replicas } },
  };
}

function seconds(sinceMs: number): number {
  return (performance.now() - sinceMs) / 1_000;
}
