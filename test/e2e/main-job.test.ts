// The main job on real hosts: a cluster keeps a service running through everything that ends containers and hosts.
// One story, told in order on one swarm.

import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { eventually, type Hosts, startHosts, web } from "./support/index.js";
import { onRealHosts } from "./support/on-real-hosts.js";
import { allContainers, nodeStates, serviceContainers, startSwarm, untilRunning } from "./support/swarm.js";

const settleMs = 30_000;
let hosts: Hosts;

onRealHosts("the main job", () => {
  beforeAll(async () => {
    hosts = await startHosts(4, { images: [web("1"), web("2")], isLiveRestore: true });
  });
  afterEach(async ({ task }) => {
    if (task.result?.state === "fail") await tellAll();
  });
  afterAll(() => hosts?.end());

  const manager = () => hosts.host(1);
  const tell = (what: string, tookMs: number): void => console.log(`${what}: ${Math.round(tookMs)} ms`);

  test("init on one host and join on the others make a cluster over mutual TLS", async () => {
    const from = performance.now();
    await startSwarm(hosts);
    tell("four daemons, init and three joins", performance.now() - from);
    await eventually(async () => Object.values(await nodeStates(manager())).every((each) => each === "Ready Active"), {
      what: "every node is ready",
      withinMs: 5_000,
    });
    expect(Object.keys(await nodeStates(manager()))).toEqual(["h1", "h2", "h3", "h4"]);
  });

  test("a node knows no more of the swarm than it must: a worker refuses what managers answer", async () => {
    const { code, stderr } = await hosts.host(2).skep(["node", "ls"], { mayFail: true });
    expect(code).toBe(1);
    expect(stderr).toContain("This node is not a swarm manager. Worker nodes can't be used to view or modify");
  });

  test("create with three replicas runs three containers on three hosts", async () => {
    const from = performance.now();
    const { stdout } = await manager().skep(
      ["service", "create", "--name", "web", "--replicas", "3", "--stop-grace-period", "1s", "web:1"],
      { timeoutMs: 60_000 },
    );
    tell("service create until converged", performance.now() - from);
    expect(stdout.split("\n")[0]).toMatch(/^[0-9a-z]{25}$/);
    expect(stdout).toMatch(/verify: Service \S+ converged/);
    const { containers } = await untilRunning(hosts, "web", 3, 1_000);
    expect(new Set(containers.map(({ host }) => host)).size).toBe(3);
  });

  test("a container that is killed comes back", async () => {
    const [victim] = await serviceContainers(hosts, "web");
    await hosts.all.find(({ name }) => name === victim?.host)?.crashContainer(victim?.id ?? "");
    const { value, tookMs } = await eventually(
      async () => {
        const now = await serviceContainers(hosts, "web");
        return now.length === 3 && now.every(({ id }) => id !== victim?.id) && now;
      },
      { what: "three containers run, none of them the one that was killed", withinMs: settleMs },
    );
    tell("container killed → replaced (with Docker's restart delay of 5 s)", tookMs);
    expect(value).toHaveLength(3);
    const { stdout } = await manager().skep(["service", "ps", "web", "--no-trunc"]);
    expect(stdout).toContain("task: non-zero exit (137)");
  });

  test("a daemon that is killed and started again adopts its containers and restarts none", async () => {
    const before = await serviceContainers(hosts, "web");
    const host = hosts.all.slice(1).find(({ name }) => before.some((each) => each.host === name));
    await host?.killDaemon("SIGKILL");
    tell("daemon killed → answers again", (await host?.startDaemon()) ?? 0);
    await eventually(async () => (await nodeStates(manager()))[host?.name ?? ""] === "Ready Active", {
      what: "its node is ready",
      withinMs: 10_000,
    });
    await stays(before);
  });

  test("a manager daemon that is killed comes back with everything it knew", async () => {
    const before = await serviceContainers(hosts, "web");
    const services = (await manager().skep(["service", "inspect", "web"])).stdout;
    await manager().killDaemon("SIGKILL");
    tell("manager daemon killed → answers again", await manager().startDaemon());
    await eventually(async () => Object.values(await nodeStates(manager())).every((each) => each === "Ready Active"), {
      what: "every node is ready",
      withinMs: 10_000,
    });
    expect((await manager().skep(["service", "inspect", "web"])).stdout).toBe(services);
    await stays(before);
  });

  test("an engine that is killed and started again has its containers adopted", async () => {
    const before = await serviceContainers(hosts, "web");
    const host = hosts.all.slice(1).find(({ name }) => before.some((each) => each.host === name));
    await host?.killEngine();
    await host?.startEngine();
    await eventually(async () => (await nodeStates(manager()))[host?.name ?? ""] === "Ready Active", {
      what: "its node is ready",
      withinMs: 10_000,
    });
    await stays(before);
  });

  test("drain moves its tasks away, and active again takes new ones", async () => {
    const [victim] = (await serviceContainers(hosts, "web")).filter(({ host }) => host !== "h1");
    const drained = victim?.host ?? "";
    await manager().skep(["node", "update", "--availability", "drain", drained]);
    const { value, tookMs } = await eventually(
      async () => {
        const now = await serviceContainers(hosts, "web");
        return now.length === 3 && now.every(({ host }) => host !== drained) && now;
      },
      { what: `three containers run, none on ${drained}`, withinMs: settleMs },
    );
    tell("drained → moved", tookMs);
    expect(value).toHaveLength(3);
    await manager().skep(["node", "update", "--availability", "active", drained]);
  });

  test("pause holds new tasks and leaves those that run", async () => {
    const before = await serviceContainers(hosts, "web");
    const paused = before.find(({ host }) => host !== "h1")?.host ?? "";
    const ofPaused = (all: typeof before) => all.filter(({ host }) => host === paused).map(({ id }) => id);
    await manager().skep(["node", "update", "--availability", "pause", paused]);
    await manager().skep(["service", "scale", "web=8"], { timeoutMs: 60_000 });
    expect(ofPaused(await serviceContainers(hosts, "web"))).toEqual(ofPaused(before));
    await manager().skep(["node", "update", "--availability", "active", paused]);
    await manager().skep(["service", "scale", "web=3"], { timeoutMs: 60_000 });
    await untilRunning(hosts, "web", 3, settleMs);
  });

  test("update --image replaces every container", async () => {
    await manager().skep(["service", "update", "--image", "web:2", "--update-monitor", "1s", "web"], {
      timeoutMs: 60_000,
    });
    const { containers } = await untilRunning(hosts, "web", 3, settleMs);
    expect(containers.map(({ image }) => image)).toEqual(["web:2", "web:2", "web:2"]);
  });

  test("scale 3 → 20 → 2", async () => {
    const from = performance.now();
    await manager().skep(["service", "scale", "--detach", "web=20"]);
    const up = await untilRunning(hosts, "web", 20, 60_000);
    tell("scaled 3 → 20", performance.now() - from);
    const perHost = hosts.all.map(({ name }) => up.containers.filter(({ host }) => host === name).length);
    expect(perHost).toEqual([5, 5, 5, 5]);
    await manager().skep(["service", "scale", "--detach", "web=2"]);
    await untilRunning(hosts, "web", 2, 60_000);
    await manager().skep(["service", "scale", "web=3"], { timeoutMs: 60_000 });
  });

  test("a host that dies is replaced within seconds", async () => {
    const [victim] = (await serviceContainers(hosts, "web")).filter(({ host }) => host !== "h1");
    const dead = hosts.all.find(({ name }) => name === victim?.host);
    await dead?.killDaemon("SIGKILL");
    await dead?.killEngine();
    const from = performance.now();
    const { containers } = await untilRunning(hosts, "web", 3, settleMs);
    tell("host killed → three run on the others", performance.now() - from);
    expect(containers.map(({ host }) => host)).not.toContain(dead?.name);
    expect((await nodeStates(manager()))[dead?.name ?? ""]).toBe("Down Active");
    // It comes back with a container that was replaced meanwhile: that one is stopped.
    await dead?.startEngine();
    await dead?.startDaemon();
    await untilRunning(hosts, "web", 3, settleMs);
  });

  test("rm leaves no container anywhere", async () => {
    await manager().skep(["service", "rm", "web"]);
    const { tookMs } = await eventually(async () => (await allContainers(hosts)).length === 0, {
      what: "no container of the swarm is left",
      withinMs: settleMs,
    });
    tell("removed", tookMs);
    expect((await manager().skep(["service", "ls", "-q"])).stdout).toBe("");
  });

  test("a node that leaves is down, can be removed, and is refused afterwards", async () => {
    await hosts.host(4).skep(["swarm", "leave"]);
    await eventually(async () => (await nodeStates(manager()))["h4"] === "Down Active", {
      what: "h4 is down",
      withinMs: 5_000,
    });
    await manager().skep(["node", "rm", "h4"]);
    expect(Object.keys(await nodeStates(manager()))).toEqual(["h1", "h2", "h3"]);
    const removed = await manager().skep(["node", "rm", "--force", "h3"], { mayFail: true });
    expect(removed.code).toBe(0);
    await eventually(() => /was removed from (the )?swarm/.test(hosts.host(3).daemon.log(200)), {
      what: "h3 says that it was removed",
      withinMs: 10_000,
    });
  });
});

/** The same containers run, none restarted: now and a little later. */
async function stays(before: Awaited<ReturnType<typeof serviceContainers>>): Promise<void> {
  const ids = (all: typeof before) => all.map(({ id }) => id).sort();
  for (let look = 0; look < 4; look += 1) {
    expect(ids(await serviceContainers(hosts, "web"))).toEqual(ids(before));
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}

/** What a person would look at after a failure. */
async function tellAll(): Promise<void> {
  const asked = { mayFail: true } as const;
  console.log((await hosts.host(1).skep(["service", "ps", "--no-trunc", "web"], asked)).stdout);
  for (const { name, daemon, engine } of hosts.all) {
    console.log(`== ${name}: daemon\n${daemon.log(60)}\n== ${name}: engine\n${engine.log(20)}`);
  }
}
