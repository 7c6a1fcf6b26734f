// The main job in under a minute, on this machine: hosts come up as real processes, a service spreads over them, a worker
// is killed and its replicas come back, an update rolls. With --once it checks each step and ends.

import process from "node:process";
import { chooseEngine } from "./demo/engine.js";
import { DemoSwarm, type Host } from "./demo/swarm.js";

const hostNames = ["m1", "w1", "w2", "w3", "w4"] as const;
const replicas = 3;
const boundMs = 30_000;

const once = process.argv.includes("--once");
const stop = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => stop.abort(new Error("stopped by hand")));

const engine = await chooseEngine(process.env["DOCKER_HOST"]);
say(engine.says);
const swarm = await DemoSwarm.prepare(engine, hostNames);
let failure: unknown;
try {
  await story();
  if (!once) await untilStopped();
} catch (error) {
  failure = stop.signal.aborted ? undefined : error;
} finally {
  say("Cleaning up …");
  await swarm.cleanUp();
}
if (failure !== undefined) {
  console.error(`\nThe demo failed: ${failure instanceof Error ? failure.message : String(failure)}`);
  process.exitCode = 1;
}

async function story(): Promise<void> {
  const [manager, ...workers] = swarm.hosts;
  if (manager === undefined) throw new Error("no hosts");
  await step("Five hosts come up, each a process of its own", () => swarm.startDaemons(stop.signal));
  await step("The first becomes a swarm; the others join with its token, over mutual TLS", async () => {
    await manager.skep("swarm", "init", "--advertise-addr", manager.address, "--listen-addr", manager.address);
    const token = (await manager.skep("swarm", "join-token", "-q", "worker")).trim();
    for (const worker of workers) {
      await worker.skep("swarm", "join", "--listen-addr", worker.address, "--token", token, manager.address);
    }
    await show(manager, "node", "ls");
    const ready = (await manager.skep("node", "ls", "--format", "{{.Status}}")).trim().split("\n");
    check(
      ready.length === hostNames.length && ready.every((each) => each === "Ready"),
      `nodes are ${ready.join(", ")}`,
    );
  });
  await step("A service of three replicas spreads over them", async () => {
    await manager.skep(
      ...["service", "create", "--name", "web", "--replicas", String(replicas), "--quiet"],
      ...["--stop-grace-period", "1s", engine.image, ...engine.command],
    );
    await show(manager, "service", "ls");
    await show(manager, "service", "ps", "web");
    check(new Set(await runningOn(manager)).size === replicas, "the replicas are not on three hosts");
  });
  await step("A worker is killed; its replica comes back elsewhere", async () => {
    const victim = await workerWithTask(manager, workers);
    if (victim === undefined) throw new Error("no worker runs a task");
    console.log(`    kill -9 ${victim.name}`);
    await swarm.killHost(victim);
    await until("three replicas run on other hosts", async () => {
      const nodes = await runningOn(manager);
      return nodes.length === replicas && !nodes.includes(victim.name);
    });
    await show(manager, "node", "ls");
    await show(manager, "service", "ps", "web");
  });
  await step("An update rolls through the replicas", async () => {
    await manager.skep("service", "update", "--env-add", "STORY=2", "--update-monitor", "1s", "--quiet", "web");
    await show(manager, "service", "ps", "--filter", "desired-state=running", "web");
    const state = (await manager.skep("service", "inspect", "--format", "{{.UpdateStatus.State}}", "web")).trim();
    check(state === "completed", `the update is ${state}`);
  });
  await step("It scales, and is removed", async () => {
    await manager.skep("service", "scale", "web=5");
    check((await runningOn(manager)).length === 5, "five replicas do not run");
    if (once) {
      await manager.skep("service", "rm", "web");
      await until("no container is left", async () => (await swarm.containers()).length === 0);
    }
  });
}

async function step(title: string, run: () => Promise<void>): Promise<void> {
  stop.signal.throwIfAborted();
  say(title);
  const from = performance.now();
  await run();
  console.log(`    seen after ${((performance.now() - from) / 1000).toFixed(1)} s`);
}

/** The nodes that run a task of the service, one entry a task. */
async function runningOn(manager: Host): Promise<string[]> {
  const lines = await manager.skep(
    ...["service", "ps", "--filter", "desired-state=running", "--format", "{{.Node}} {{.CurrentState}}", "web"],
  );
  return lines
    .split("\n")
    .filter((line) => / Running /.test(line))
    .map((line) => line.split(" ")[0] ?? "");
}

async function workerWithTask(manager: Host, workers: readonly Host[]): Promise<Host | undefined> {
  const nodes = await runningOn(manager);
  return workers.find((worker) => nodes.includes(worker.name));
}

async function show(host: Host, ...command: string[]): Promise<void> {
  console.log(`    $ skep ${command.join(" ")}`);
  const output = await host.skep(...command);
  for (const line of output.trimEnd().split("\n")) console.log(`    ${line}`);
}

async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + boundMs;
  while (!(await holds())) {
    stop.signal.throwIfAborted();
    if (performance.now() > deadline) throw new Error(`after ${boundMs / 1000} s still not: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

async function untilStopped(): Promise<void> {
  const manager = swarm.hosts[0];
  say("It stays up. Try the stock docker CLI on it:");
  console.log(`    export DOCKER_HOST=unix://${manager?.socket}`);
  for (const command of [
    "docker node ls",
    "docker service ps web",
    "docker service scale web=8",
    "docker service rm web",
  ]) {
    console.log(`    ${command}`);
  }
  console.log("\nCtrl-C cleans everything up.");
  await new Promise<void>((resolve) => {
    const alive = setInterval(() => {}, 60_000);
    stop.signal.addEventListener("abort", () => {
      clearInterval(alive);
      resolve();
    });
  });
}

function check(holds: boolean, otherwise: string): void {
  if (!holds) throw new Error(otherwise);
}

function say(text: string): void {
  console.log(`\n== ${text}`);
}
