// Several managers on real hosts: any of them answers any command, a minority of them may die, they come and go, and what runs
// on their hosts never notices. One story, told in order on one swarm: h1, h2 and h3 manage, h4 and h5 work.

import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { eventually, type Host, type Hosts, startHosts, web } from "./support/index.js";
import { onRealHosts } from "./support/on-real-hosts.js";
import {
  join,
  leaderOf,
  managerStates,
  nodeStates,
  serviceContainers,
  startSwarm,
  untilRunning,
} from "./support/swarm.js";

/** A blink and what a loaded machine takes on top. */
const failoverMs = 3_000;
const joinMs = 10_000;

let hosts: Hosts;

onRealHosts("several managers", () => {
  const host = (number: number) => hosts.host(number);
  const managers = () => hosts.all.slice(0, 3);
  const tell = (what: string, tookMs: number): void => console.log(`${what}: ${Math.round(tookMs)} ms`);

  beforeAll(async () => {
    hosts = await startHosts(5, { images: [web("1")] });
    await startSwarm(hosts, { managers: 3 });
  });
  afterAll(() => hosts?.end());
  afterEach(({ task }) => {
    if (task.result?.state !== "fail") return;
    for (const { name, daemon } of hosts?.all ?? []) console.log(`--- ${name}\n${daemon.log(60)}`);
  });

  test("each of them answers what the others answer, to skep and to the stock docker", async () => {
    await statesBecome({ h1: "Leader", h2: "Reachable", h3: "Reachable", h4: "", h5: "" });
    const create = ["service", "create", "--detach", "--name", "web", "--replicas", "5", "--stop-grace-period", "1s"];
    await host(3).docker([...create, "web:1"], { to: "skep" });
    for (const manager of managers()) {
      const { stdout } = await manager.docker(["service", "ls", "--format", "{{.Name}}"], { to: "skep" });
      expect(stdout.trim()).toBe("web");
    }
    await untilRunning(hosts, "web", 5, 20_000);
    await host(2).docker(["service", "update", "--detach", "--label-add", "asked=h2", "web"], { to: "skep" });
    const { stdout } = await host(1).skep(["service", "inspect", "--format", "{{.Spec.Labels.asked}}", "web"]);
    expect(stdout.trim()).toBe("h2");
    await eventually(async () => (await runningTasks(host(2))) === 5, { what: "five tasks run", withinMs: 10_000 });
    const refused = await host(4).docker(["service", "ls"], { to: "skep", mayFail: true });
    expect(refused.stderr).toContain("This node is not a swarm manager.");
  });

  test("kill -9 of the leader: writing goes on, containers are untouched, and it comes back as a follower", async () => {
    const before = await idsOfAll();
    const leader = await leaderOf(hosts, host(1));
    const [next, other] = managers().filter((each) => each !== leader) as [Host, Host];
    await leader.killDaemon();
    tell("leader killed → next write", await write(next));
    expect((await leaderOf(hosts, other)).name).not.toBe(leader.name);
    await leader.startDaemon();
    await eventually(async () => (await managerStates(leader))[leader.name] === "Reachable", {
      what: "the killed one is a follower",
      withinMs: joinMs,
    });
    await eventually(async () => Object.values(await nodeStates(leader)).every((state) => state === "Ready Active"), {
      what: "every node is ready",
      withinMs: 10_000,
    });
    expect(await idsOfAll()).toEqual(before);
  });

  test("a clean stop of the leader hands over first", async () => {
    const before = await idsOfAll();
    const leader = await leaderOf(hosts, host(1));
    const [next] = managers().filter((each) => each !== leader) as [Host];
    const stopped = leader.killDaemon("SIGTERM");
    tell("leader stops → next write", await write(next));
    expect(await stopped).toBe(0);
    expect((await nodeStates(next))[leader.name]).toBe("Ready Active");
    await leader.startDaemon();
    await statesBecome(allReachable);
    expect(await idsOfAll()).toEqual(before);
  });

  test("a worker is promoted and demoted again, and its containers never notice", async () => {
    const before = await idsOfAll();
    await host(2).skep(["node", "promote", "h4"]);
    const { tookMs } = await eventually(async () => (await managerStates(host(4)))["h4"] === "Reachable", {
      what: "h4 manages",
      withinMs: joinMs,
    });
    tell("promote → it answers as a manager", tookMs);
    await host(4).skep(["node", "demote", "h4"]);
    await eventually(async () => (await isWorker(host(4))) && (await managerStates(host(1)))["h4"] === "", {
      what: "h4 works",
      withinMs: joinMs,
    });
    expect(await idsOfAll()).toEqual(before);
  });

  test("the leader is demoted: another leads, and it goes on as a worker until it is promoted again", async () => {
    const before = await idsOfAll();
    const leader = await leaderOf(hosts, host(1));
    const [next] = managers().filter((each) => each !== leader) as [Host];
    await leader.skep(["node", "demote", leader.name]);
    await eventually(async () => (await isWorker(leader)) && (await managerStates(next))[leader.name] === "", {
      what: "the leader is a worker",
      withinMs: joinMs,
    });
    await write(next);
    await next.skep(["node", "promote", leader.name]);
    await eventually(async () => (await managerStates(leader))[leader.name] === "Reachable", {
      what: "it manages again",
      withinMs: joinMs,
    });
    expect(await idsOfAll()).toEqual(before);
  });

  test("one leaves for good and is a new one when it joins again", async () => {
    const leader = await leaderOf(hosts, host(1));
    const [leaver, other] = managers().filter((each) => each !== leader) as [Host, Host];
    const refused = await leaver.skep(["swarm", "leave"], { mayFail: true });
    expect(refused.stderr).toContain(
      "You are attempting to leave the swarm on a node that is participating as a manager.",
    );
    await leaver.skep(["swarm", "leave", "--force"]);
    await eventually(async () => (await nodeStates(other))[leaver.name] === "Down Active", {
      what: "it is gone",
      withinMs: 10_000,
    });
    expect((await managerStates(other))[leaver.name]).toBe("");
    await other.skep(["node", "rm", leaver.name]);
    await join(leaver, other, "manager");
    expect((await managerStates(leaver))[leaver.name]).toBe("Reachable");
    await untilRunning(hosts, "web", 5, 20_000);
  });

  test("two of three are dead: reads are answered and say how old they are, writes say what to do", async () => {
    const before = await idsOf([host(4), host(5)]);
    const [alive, one, two] = managers() as [Host, Host, Host];
    await Promise.all([one.killDaemon(), two.killDaemon()]);
    await eventually(async () => (await alive.daemon.http.get("/services")).headers["skep-stale"] !== undefined, {
      what: "reads say that they are stale",
      withinMs: 15_000,
    });
    const { json } = await alive.daemon.http.ok("GET", "/services");
    expect((json as readonly { Spec: { Name: string } }[]).map(({ Spec }) => Spec.Name)).toEqual(["web"]);
    const refused = await alive.skep(["service", "scale", "--detach", "web=6"], { mayFail: true });
    expect(refused.stderr).toContain("The swarm does not have a leader.");
    expect(refused.stderr).toContain("--force-new-cluster");
    await one.startDaemon();
    tell("one is back → next write", await write(one, 15_000));
    await two.startDaemon();
    await eventually(async () => Object.values(await managerStates(alive)).filter(Boolean).length === 3, {
      what: "three manage",
      withinMs: joinMs,
    });
    expect(await idsOf([host(4), host(5)])).toEqual(before);
  });

  test("two are lost for good: the third goes on alone, nothing else changes, and those that come back join anew", async () => {
    const before = await idsOf([host(4), host(5)]);
    const swarmId = await idOf(host(1));
    const [alive, one, two] = managers() as [Host, Host, Host];
    await Promise.all([one.killDaemon(), two.killDaemon()]);
    await alive.skep(["swarm", "init", "--force-new-cluster", "--advertise-addr", alive.address]);
    expect((await managerStates(alive))["h1"]).toBe("Leader");
    await write(alive);
    expect(await idOf(alive)).toBe(swarmId);
    await eventually(
      async () => {
        const { h4, h5 } = await nodeStates(alive);
        return h4 === "Ready Active" && h5 === "Ready Active";
      },
      { what: "the workers have found it", withinMs: 10_000 },
    );
    expect(await idsOf([host(4), host(5)])).toEqual(before);
    await Promise.all([one.startDaemon(), two.startDaemon()]);
    await statesBecome(allReachable, 60_000);
  });
});

const allReachable = { h1: "Leader", h2: "Reachable", h3: "Reachable", h4: "", h5: "" };

/** Any of them may lead. */
async function statesBecome(expected: Readonly<Record<string, string>>, withinMs = joinMs): Promise<void> {
  const sorted = (states: Readonly<Record<string, string>>): string => Object.values(states).toSorted().join(" ");
  await eventually(
    async () => {
      const states = await managerStates(hosts.host(1));
      if (sorted(states) !== sorted(expected)) throw new Error(JSON.stringify(states));
      return true;
    },
    { what: "the managers are of one mind", withinMs },
  );
}

/** Updates the service at this manager; answers how long it took, in ms. */
async function write(manager: Host, withinMs = failoverMs): Promise<number> {
  const { tookMs } = await eventually(
    async () => {
      const { json } = await manager.daemon.http.ok("GET", "/services/web");
      const { Version, Spec } = json as { Version: { Index: number }; Spec: { Labels: Record<string, string> } };
      const body = { ...Spec, Labels: { ...Spec.Labels, written: String(Date.now()) } };
      await manager.daemon.http.ok("POST", `/services/web/update?version=${Version.Index}`, { body });
      return true;
    },
    { what: `${manager.name} takes a write`, withinMs, everyMs: 5 },
  );
  return tookMs;
}

async function runningTasks(manager: Host): Promise<number> {
  const { stdout } = await manager.docker(["service", "ps", "--format", "{{.CurrentState}}", "web"], { to: "skep" });
  return stdout.split("\n").filter((line) => line.startsWith("Running")).length;
}

async function isWorker(host: Host): Promise<boolean> {
  const { json } = await host.daemon.http.ok("GET", "/info");
  const { LocalNodeState, ControlAvailable } = (json as { Swarm: Record<string, unknown> }).Swarm;
  return LocalNodeState === "active" && ControlAvailable === false;
}

async function idOf(manager: Host): Promise<string> {
  return ((await manager.daemon.http.ok("GET", "/swarm")).json as { ID: string }).ID;
}

/** The containers of the service, by their ids: none was restarted while these are the same. */
async function idsOfAll(): Promise<readonly string[]> {
  return (await serviceContainers(hosts, "web")).map(({ id }) => id).toSorted();
}

async function idsOf(some: readonly Host[]): Promise<readonly string[]> {
  const names = some.map(({ name }) => name);
  const all = await serviceContainers(hosts, "web");
  return all.flatMap(({ id, host }) => (names.includes(host) ? [id] : [])).toSorted();
}
