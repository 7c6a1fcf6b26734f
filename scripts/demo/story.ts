// The steps of the demo, in order; each checks what it tells.

import { performance } from "node:perf_hooks";
import type { Host } from "./host.js";
import type { DemoSwarm } from "./swarm.js";
import { check, type Narrator } from "./tell.js";

const replicas = 3;
const scaledTo = 5;

/** From nothing to a service that survived. */
export async function story(swarm: DemoSwarm, tell: Narrator): Promise<void> {
  const { manager } = swarm;
  await tell.step("Six hosts come up, each a process of its own with its own data folder", async () => {
    const slowestMs = await swarm.startDaemons();
    return { seen: `${swarm.hosts.map(({ name }) => name).join(", ")} answer`, tookMs: slowestMs };
  });
  await tell.step("The first becomes a swarm; the others join with its tokens, over mutual TLS", () =>
    form(swarm, tell),
  );
  await tell.step(`A service of ${replicas} replicas spreads over the workers`, async () => {
    await tell.show(manager, ...swarm.createService("web", replicas));
    await tell.show(manager, "service", "ls");
    await tell.show(manager, "service", "ps", "web");
    const nodes = await runningOn(manager);
    check(new Set(nodes).size === replicas, `the replicas run on ${nodes.join(", ")}`);
    return { seen: `${replicas} replicas run on ${replicas} hosts: ${nodes.join(", ")}` };
  });
  await tell.step("A container is killed; it is replaced", () => containerDies(swarm, tell));
  await tell.step("A worker dies, its daemon and its containers at once; its replica comes back elsewhere", () =>
    workerDies(swarm, tell),
  );
  await tell.step("A worker is drained; its replica moves", () => workerIsDrained(swarm, tell));
  await tell.step("An update rolls through the replicas, one at a time", async () => {
    await tell.show(
      manager,
      ...["service", "update", "--env-add", "STORY=2", "--update-monitor", "500ms", "--quiet", "web"],
    );
    const state = () => manager.skep("service", "inspect", "--format", "{{.UpdateStatus.State}}", "web");
    await tell.until("the update is completed", async () => (await state()).trim() === "completed");
    await tell.show(manager, "service", "ps", "--filter", "desired-state=running", "web");
    check((await runningOn(manager)).length === replicas, `not ${replicas} replicas run after the update`);
    return { seen: "update completed" };
  });
  await tell.step(`It scales to ${scaledTo}`, async () => {
    await tell.show(manager, "service", "scale", `web=${scaledTo}`);
    const count = (await runningOn(manager)).length;
    check(count === scaledTo, `${count} replicas run`);
    return { seen: `${scaledTo} replicas run` };
  });
  await tell.step("The manager that leads is killed; another leads, and what runs does not notice", () =>
    leaderDies(swarm, tell),
  );
}

/** The end of the story when nobody wants to play with it. */
export async function remove(swarm: DemoSwarm, tell: Narrator): Promise<void> {
  await tell.step("The service is removed", async () => {
    await tell.show(swarm.manager, "service", "rm", "web");
    const tookMs = await tell.until("no container is left", async () => (await swarm.containers()).length === 0);
    return { seen: "no container is left", tookMs };
  });
}

/** Stays up until it is stopped, and says how to play with it. */
export async function ready(swarm: DemoSwarm, tell: Narrator): Promise<void> {
  tell.say("It stays up. In another terminal, try the stock docker CLI on it:\n");
  for (const line of [
    `export DOCKER_HOST=unix://${swarm.manager.socket}`,
    ...["docker node ls", "docker service ps web", "docker service scale web=8", "docker service rm web"],
  ]) {
    console.log(`    ${line}`);
  }
  console.log(`\nEach host's log: ${swarm.folder}/*.log. Ctrl-C cleans everything up.`);
  await new Promise<void>((resolve) => {
    const alive = setInterval(() => {}, 60_000);
    const end = (): void => {
      clearInterval(alive);
      resolve();
    };
    if (tell.signal.aborted) end();
    else tell.signal.addEventListener("abort", end);
  });
}

async function form(swarm: DemoSwarm, tell: Narrator) {
  const { manager, managers, workers } = swarm;
  tell.ran(manager, await swarm.init());
  const groups = [
    ["manager", managers.slice(1)],
    ["worker", workers],
  ] as const;
  for (const [role, hosts] of groups) {
    const token = (await manager.skep("swarm", "join-token", "--quiet", role)).trim();
    for (const host of hosts) {
      const command = await swarm.join(host, token);
      // The token is a secret, also in a terminal's history.
      tell.ran(
        host,
        command.map((word) => (word === token ? `${token.slice(0, 20)}…` : word)),
      );
    }
  }
  const all = swarm.hosts.length;
  const tookMs = await tell.until(`${all} nodes are ready`, async () => (await readyNodes(manager)).length === all);
  await tell.show(manager, "node", "ls");
  return { seen: `${managers.length} managers and ${workers.length} workers are ready`, tookMs };
}

async function leaderDies(swarm: DemoSwarm, tell: Narrator) {
  const leader = await swarm.leader();
  const other = swarm.managers.find((host) => host !== leader) ?? leader;
  const before = await containerIds(swarm);
  tell.did(`kill -9 ${leader.name}`);
  await leader.kill();
  const from = performance.now();
  await other.skep("service", "update", "--detach", "--label-add", "led-by=another", "web");
  const tookMs = performance.now() - from;
  tell.ran(other, ["service", "update", "--detach", "--label-add", "led-by=another", "web"]);
  await tell.show(other, "node", "ls", "--filter", "role=manager");
  await leader.start();
  await tell.until(`${leader.name} is back as one of three`, async () => {
    const states = await other.skep("node", "ls", "--filter", "role=manager", "--format", "{{.ManagerStatus}}");
    return states.trim().split("\n").toSorted().join(" ") === "Leader Reachable Reachable";
  });
  check((await containerIds(swarm)).join() === before.join(), "the containers are others than before");
  return { seen: `the next change was made, and the same ${before.length} containers run`, tookMs };
}

async function containerIds(swarm: DemoSwarm): Promise<readonly string[]> {
  return (await swarm.containers("running")).map(({ id }) => id).toSorted();
}

async function containerDies(swarm: DemoSwarm, tell: Narrator) {
  const { host, container } = await swarm.killContainer();
  tell.did(`docker kill ${container.slice(0, 12)}, on ${host.name}`);
  const tookMs = await tell.until("another container runs in its place", async () => {
    const now = await swarm.containers("running");
    return now.length === replicas && !now.some(({ id }) => id === container);
  });
  await tell.show(swarm.manager, "service", "ps", "web");
  return { seen: `${replicas} containers run again, one of them new; the delay before a restart is 500 ms`, tookMs };
}

async function workerDies(swarm: DemoSwarm, tell: Narrator) {
  const victim = await workerWithTask(swarm);
  tell.did(`kill -9 ${victim.name}`);
  await swarm.killHost(victim);
  const tookMs = await tell.until(`${replicas} replicas run on other hosts`, () => runsWithout(swarm, victim));
  await tell.show(swarm.manager, "node", "ls");
  await tell.show(swarm.manager, "service", "ps", "web");
  return { seen: `${replicas} replicas run, none on ${victim.name}`, tookMs };
}

async function workerIsDrained(swarm: DemoSwarm, tell: Narrator) {
  const drained = await workerWithTask(swarm);
  await tell.show(swarm.manager, "node", "update", "--availability", "drain", drained.name);
  const tookMs = await tell.until(`${replicas} replicas run on other hosts`, () => runsWithout(swarm, drained));
  await tell.show(swarm.manager, "service", "ps", "--filter", "desired-state=running", "web");
  await swarm.manager.skep("node", "update", "--availability", "active", drained.name);
  return { seen: `${replicas} replicas run, none on ${drained.name}`, tookMs };
}

/** The nodes that run a task of the service, one entry a task. */
async function runningOn(manager: Host): Promise<readonly string[]> {
  const lines = await manager.skep(
    ...["service", "ps", "--filter", "desired-state=running", "--format", "{{.Node}} {{.CurrentState}}", "web"],
  );
  return lines
    .split("\n")
    .filter((line) => / Running /.test(line))
    .map((line) => line.split(" ")[0] ?? "");
}

async function runsWithout({ manager }: DemoSwarm, host: Host): Promise<boolean> {
  const nodes = await runningOn(manager);
  return nodes.length === replicas && !nodes.includes(host.name);
}

async function workerWithTask({ manager, workers }: DemoSwarm): Promise<Host> {
  const nodes = await runningOn(manager);
  const found = workers.find(({ name }) => nodes.includes(name));
  if (found === undefined) throw new Error(`no worker runs a task: they run on ${nodes.join(", ")}`);
  return found;
}

async function readyNodes(manager: Host): Promise<readonly string[]> {
  const statuses = await manager.skep("node", "ls", "--format", "{{.Status}}");
  return statuses
    .trim()
    .split("\n")
    .filter((status) => status === "Ready");
}
