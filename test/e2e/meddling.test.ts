// Others have their hands on the same engine, and daemons and engines die in the middle of things: whatever happens, in the end
// each task that should run has one container, and there is no container without its task.

import { afterAll, beforeAll, expect, test } from "vitest";
import { SeededRandom } from "../../src/sim/index.js";
import { eventually, type Host, type Hosts, startHosts, web } from "./support/index.js";
import { onRealHosts } from "./support/on-real-hosts.js";
import { allContainers, serviceContainers, startSwarm, untilRunning } from "./support/swarm.js";

const rounds = Number(process.env["SKEP_MEDDLING_ROUNDS"] ?? 5);
const seed = Number(process.env["SKEP_MEDDLING_SEED"] ?? Date.now() % 1_000_000);
const random = new SeededRandom(seed);

let hosts: Hosts;

onRealHosts("with other hands on the engine", () => {
  const manager = () => hosts.host(1);

  beforeAll(async () => {
    hosts = await startHosts(2, { images: [web("1")] });
    await startSwarm(hosts);
    const flags = ["--restart-delay", "100ms", "--stop-grace-period", "1s"];
    await manager().skep(["service", "create", "--detach", "--name", "web", "--replicas", "4", ...flags, "web:1"]);
    await untilRunning(hosts, "web", 4, 15_000);
  });
  afterAll(() => hosts?.end());

  test.each([
    ["docker rm -f", ["rm", "-f"], /task: non-zero exit \(137\)|container destroyed/],
    ["docker stop", ["stop", "-t", "0"], /task: non-zero exit \(137\)/],
    ["docker kill", ["kill"], /task: non-zero exit \(137\)/],
  ])("%s of a task's container: it is replaced, with a reason", async (_, command, reason) => {
    const [victim] = await serviceContainers(hosts, "web");
    const host = hosts.all.find(({ name }) => name === victim?.host) ?? manager();
    await host.docker([...command, victim?.id ?? ""], { to: "engine" });
    await eventually(
      async () => {
        const now = await serviceContainers(hosts, "web");
        expect(now.map(({ id }) => id)).not.toContain(victim?.id);
        expect(now).toHaveLength(4);
        return true;
      },
      { what: "four run, the victim not among them", withinMs: 15_000 },
    );
    const task = victim?.labels["com.docker.swarm.task.id"];
    const { json } = await manager().daemon.http.ok("GET", `/tasks/${task}`);
    expect((json as { Status: { State: string; Err: string } }).Status).toMatchObject({
      State: "failed",
      Err: expect.stringMatching(reason),
    });
  });

  test("containers that are not ours are never touched, though they look like it", async () => {
    const labels = ["--label", "com.docker.swarm.service.name=web", "--label", "com.docker.swarm.task.id=abc"];
    await manager().docker(["run", "-d", "--name", "web.9.abc", ...labels, "web:1"], { to: "engine" });
    await manager().killDaemon("SIGKILL");
    await manager().startDaemon();
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    const { stdout } = await manager().docker(["ps", "-q", "--filter", "name=web.9.abc"], { to: "engine" });
    expect(stdout).not.toBe("");
    await manager().docker(["rm", "-f", "web.9.abc"], { to: "engine" });
  });

  test("an engine that is stopped takes its containers with it; when it is back they are replaced", async () => {
    const host = hosts.host(2);
    await host.engine.stop();
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    await host.startEngine();
    const { tookMs } = await untilRunning(hosts, "web", 4, 30_000);
    console.log(`engine back → four run: ${Math.round(tookMs)} ms`);
    await isTidy(4);
  });

  test(`daemons killed ${rounds} times in the middle of scaling leave one container for each task (seed ${seed})`, async () => {
    let replicas = 4;
    for (let round = 0; round < rounds; round += 1) {
      replicas = 1 + Math.floor(random.next() * 8);
      await manager().skep(["service", "scale", "--detach", `web=${replicas}`]);
      await new Promise((resolve) => setTimeout(resolve, random.next() * 1_500));
      const victim = hosts.host(random.next() < 0.7 ? 2 : 1);
      await victim.killDaemon("SIGKILL");
      if (random.next() < 0.3) await killAndStartEngine(victim);
      await victim.startDaemon();
      await eventually(async () => (await manager().daemon.http.get("/services")).status === 200, {
        what: "the manager answers",
        withinMs: 10_000,
      });
    }
    await isTidy(replicas);
  });

  /** As many as wanted, one container for each task, none without. */
  async function isTidy(replicas: number): Promise<void> {
    await eventually(
      async () => {
        const now = await serviceContainers(hosts, "web");
        const { json } = await manager().daemon.http.ok("GET", "/tasks");
        const running = (json as readonly { ID: string; DesiredState: string; Status: { State: string } }[])
          .filter((task) => task.DesiredState === "running" && task.Status.State === "running")
          .map(({ ID }) => ID);
        expect(now.map(({ labels }) => labels["com.docker.swarm.task.id"] ?? "").sort()).toEqual(running.sort());
        expect(running).toHaveLength(replicas);
        return true;
      },
      { what: `${replicas} tasks and their containers run`, withinMs: 45_000 },
    );
  }

  test("and rm leaves nothing", async () => {
    await manager().skep(["service", "rm", "web"]);
    await eventually(async () => (await allContainers(hosts)).length === 0, {
      what: "no container is left",
      withinMs: 15_000,
    });
  });
});

async function killAndStartEngine(host: Host): Promise<void> {
  await host.killEngine();
  await host.startEngine();
}
