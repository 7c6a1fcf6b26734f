// The five ways a node goes away, and back: each is judged by its own rule (architecture, "Five ways to go away"), and no task
// is ever replaced too early, too late or twice. One story, told in order on one swarm: h1 manages, the others work.

import { afterAll, beforeAll, expect, test } from "vitest";
import { eventually, type Host, type Hosts, startHosts, web } from "./support/index.js";
import { onRealHosts } from "./support/on-real-hosts.js";
import { nodeStates, startSwarm } from "./support/swarm.js";

/** The rules, in ms. */
const silenceMs = 3_000;
const engineMs = 15_000;
const restartMs = 30_000;
/** What a loaded machine may take on top. */
const slackMs = 4_000;

let hosts: Hosts;
/** When h3's daemon was stopped for good, and h4's engine killed. */
let stoppedAtMs = 0;

onRealHosts("going away", () => {
  const manager = () => hosts.host(1);
  const [h2, h3, h4] = [() => hosts.host(2), () => hosts.host(3), () => hosts.host(4)];
  const tell = (what: string, tookMs: number): void => console.log(`${what}: ${Math.round(tookMs)} ms`);

  beforeAll(async () => {
    hosts = await startHosts(4, { images: [web("1")], isLiveRestore: true });
    await startSwarm(hosts);
    const flags = ["--constraint", "node.role==worker", "--stop-grace-period", "1s"];
    await manager().skep(["service", "create", "--detach", "--name", "web", "--replicas", "3", ...flags, "web:1"]);
    await countsBecome({ h2: 1, h3: 1, h4: 1 }, [h2(), h3(), h4()]);
  });
  afterAll(() => hosts?.end());

  test("SIGTERM: the daemon restarts; its node is ready and says so, its tasks are kept, nothing new comes", async () => {
    const before = await idsOf(h2());
    expect(await h2().killDaemon("SIGTERM")).toBe(0);
    await eventually(async () => (await statusOf("h2")).message.startsWith("daemon restarting since "), {
      what: "the node says that its daemon restarts",
      withinMs: 2_000,
    });
    expect(await statusOf("h2")).toMatchObject({ state: "ready", availability: "active" });
    await manager().skep(["service", "scale", "--detach", "web=6"]);
    await totalBecomes(5, [h3(), h4()]);
    await new Promise((resolve) => setTimeout(resolve, silenceMs));
    expect(await idsOf(h2())).toEqual(before);
    expect((await statusOf("h2")).state).toBe("ready");
    await h2().startDaemon();
    await isReady("h2");
    await manager().skep(["service", "scale", "--detach", "web=3"]);
    await countsBecome({ h2: 1, h3: 1, h4: 1 }, [h2(), h3(), h4()]);
    expect(await idsOf(h2())).toEqual(before);
  });

  test("silence: down after 3 s and replaced; back again, its surplus is stopped", async () => {
    const before = await idsOf(h2());
    await h2().linkDown();
    const from = performance.now();
    await eventually(async () => (await statusOf("h2")).state === "down", { what: "h2 is down", withinMs: 10_000 });
    const downMs = performance.now() - from;
    tell("link down → DOWN", downMs);
    expect(downMs).toBeGreaterThan(silenceMs - 1_000);
    expect(downMs).toBeLessThan(silenceMs + slackMs);
    const { tookMs } = await totalBecomes(3, [h3(), h4()]);
    tell("DOWN → replaced", tookMs);
    expect(await idsOf(h2())).toEqual(before);
    await h2().linkUp();
    const back = performance.now();
    await eventually(async () => (await idsOf(h2())).length === 0, {
      what: "the surplus is stopped",
      withinMs: 15_000,
    });
    tell("link up → its surplus is stopped", performance.now() - back);
    await isReady("h2");
    await totalBecomes(3, [h2(), h3(), h4()]);
  });

  test("an engine that is silent for 5 s keeps its tasks", async () => {
    const before = await idsOf(h3());
    await signalEngine(h3(), "STOP");
    await new Promise((resolve) => setTimeout(resolve, 5_000));
    expect((await statusOf("h3")).state).toBe("ready");
    await signalEngine(h3(), "CONT");
    await isReady("h3");
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    expect(await idsOf(h3())).toEqual(before);
    expect(await totalOn([h2(), h3(), h4()])).toBe(3);
  });

  test("leave: replaced at once, its containers are gone; joined again it is a new node", async () => {
    await spread();
    const from = performance.now();
    await h2().skep(["swarm", "leave"]);
    await totalBecomes(3, [h3(), h4()]);
    tell("leave → replaced", performance.now() - from);
    expect(performance.now() - from).toBeLessThan(silenceMs + slackMs);
    expect(await idsOf(h2())).toEqual([]);
    await manager().skep(["node", "rm", "h2"]);
    const token = (await manager().skep(["swarm", "join-token", "-q", "worker"])).stdout.trim();
    await h2().skep(["swarm", "join", "--token", token, `${manager().address}:2377`]);
    await isReady("h2");
    await spread();
  });

  test("an engine that is killed: its node says so at once and gets nothing new, and keeps its tasks for 15 s", async () => {
    stoppedAtMs = performance.now();
    // And meanwhile the daemon of h3 is stopped, and does not come back.
    await Promise.all([h4().killEngine(), h3().killDaemon("SIGTERM")]);
    await eventually(async () => (await statusOf("h4")).message.startsWith("engine does not answer: "), {
      what: "the node says that its engine does not answer",
      withinMs: 7_000,
    });
    expect((await statusOf("h4")).state).toBe("ready");
    await manager().skep(["service", "scale", "--detach", "web=4"]);
    await totalBecomes(2, [h2()]);
    await eventually(async () => (await statusOf("h4")).state === "down", { what: "h4 is down", withinMs: 20_000 });
    const downMs = performance.now() - stoppedAtMs;
    tell("engine killed → DOWN", downMs);
    expect(downMs).toBeGreaterThan(engineMs - 1_000);
    expect(downMs).toBeLessThan(engineMs + 5_000 + slackMs);
    const { tookMs } = await totalBecomes(3, [h2()]);
    tell("DOWN → replaced", tookMs);
    expect((await statusOf("h3")).state).toBe("ready");
  });

  test("and is ready again with its engine: what was replaced meanwhile is stopped", async () => {
    await h4().startEngine();
    await isReady("h4");
    await eventually(async () => (await totalOn([h2(), h4()])) === 3, {
      what: "three run on h2 and h4, the fourth is h3's",
      withinMs: 15_000,
    });
  });

  test("SIGTERM and not back within 30 s: replaced; back again, its surplus is stopped", async () => {
    await eventually(async () => (await statusOf("h3")).state === "down", { what: "h3 is down", withinMs: 40_000 });
    const downMs = performance.now() - stoppedAtMs;
    tell("SIGTERM → DOWN", downMs);
    expect(downMs).toBeGreaterThan(restartMs - 1_000);
    expect(downMs).toBeLessThan(restartMs + slackMs);
    await totalBecomes(4, [h2(), h4()]);
    expect(await idsOf(h3())).toHaveLength(1);
    await h3().startDaemon();
    await isReady("h3");
    await eventually(async () => (await idsOf(h3())).length === 0, {
      what: "the surplus is stopped",
      withinMs: 10_000,
    });
    expect(await totalOn([h2(), h3(), h4()])).toBe(4);
  });

  async function statusOf(name: string) {
    const { json } = await manager().daemon.http.ok("GET", "/nodes");
    const found = (json as readonly ListedNode[]).filter(({ Description }) => Description.Hostname === name).at(-1);
    return {
      state: found?.Status.State ?? "gone",
      message: found?.Status.Message ?? "",
      availability: found?.Spec.Availability ?? "",
    };
  }

  async function isReady(name: string): Promise<void> {
    await eventually(
      async () => (await nodeStates(manager()))[name] === "Ready Active" && (await statusOf(name)).message === "",
      {
        what: `${name} is ready`,
        withinMs: 15_000,
      },
    );
  }

  /** One task on each worker, whatever the last story left. */
  async function spread(): Promise<void> {
    await manager().skep(["service", "scale", "--detach", "web=0"]);
    await totalBecomes(0, [h2(), h3(), h4()]);
    await manager().skep(["service", "scale", "--detach", "web=3"]);
    await countsBecome({ h2: 1, h3: 1, h4: 1 }, [h2(), h3(), h4()]);
  }
});

interface ListedNode {
  readonly Description: { readonly Hostname: string };
  readonly Status: { readonly State: string; readonly Message?: string };
  readonly Spec: { readonly Availability: string };
}

async function idsOf(host: Host): Promise<readonly string[]> {
  return (await host.containers(["com.docker.swarm.service.name=web"])).map(({ id }) => id).sort();
}

async function totalOn(where: readonly Host[]): Promise<number> {
  return (await Promise.all(where.map(idsOf))).flat().length;
}

function totalBecomes(total: number, where: readonly Host[]) {
  const look = async () => {
    expect(await totalOn(where)).toBe(total);
    return true;
  };
  return eventually(look, {
    what: `${total} containers run on ${where.map(({ name }) => name).join(", ")}`,
    withinMs: 30_000,
  });
}

async function countsBecome(counts: Readonly<Record<string, number>>, where: readonly Host[]): Promise<void> {
  const look = async () => {
    const found = await Promise.all(where.map(async (host) => [host.name, (await idsOf(host)).length] as const));
    expect(Object.fromEntries(found)).toEqual(counts);
    return true;
  };
  await eventually(look, { what: "the containers on each host", withinMs: 15_000 });
}

/** dockerd and containerd: whoever asks them waits. */
async function signalEngine(host: Host, signal: "STOP" | "CONT"): Promise<void> {
  const pids = ["docker.pid", "exec/containerd/containerd.pid"].map((file) => `$(cat ${host.folder}/${file})`);
  await host.exec(["sh", "-c", `kill -${signal} ${pids.join(" ")}`]);
}
