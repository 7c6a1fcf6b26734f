// Getting into a swarm and out of it: every way it can go wrong has its own clear words, in bounded time, and leaves nothing
// behind; what was wrong can then be done right.

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { OneMoreDaemon } from "./support/daemons.js";
import { eventually, type Host, type Hosts, type Result, startHosts, web } from "./support/index.js";
import { onRealHosts } from "./support/on-real-hosts.js";
import { nodeStates, untilRunning } from "./support/swarm.js";

/** docker-api.md §1.1: a join is waited for this long. */
const joinMaxMs = 22_000;

let hosts: Hosts;
let token = "";
let foreignToken = "";
let managerToken = "";

onRealHosts("joining and leaving", () => {
  const manager = () => hosts.host(1);
  const joiner = () => hosts.host(2);
  const stranger = () => hosts.host(3);

  beforeAll(async () => {
    hosts = await startHosts(3, { images: [web("1")] });
    await Promise.all(hosts.all.map((host) => host.startDaemon()));
    await Promise.all(
      [manager(), stranger()].map((host) => host.skep(["swarm", "init", "--advertise-addr", host.address])),
    );
    token = await tokenOf(manager(), "worker");
    managerToken = await tokenOf(manager(), "manager");
    foreignToken = await tokenOf(stranger(), "worker");
    await manager().exec(["sh", "-c", "mkdir /run/www; setsid busybox httpd -p 8000 -h /run/www"]);
  });
  afterAll(() => hosts?.end());

  describe("a join that cannot be is refused", () => {
    const at = () => `${manager().address}:2377`;
    test.each([
      ["a wrong token", () => [wrongSecret(token), at()], /A valid join token is necessary to join this cluster/],
      ["something that is no token", () => ["SWMTKN-1-nonsense", at()], /invalid join token/],
      ["no token at all", () => ["", at()], /invalid join token|token/],
      [
        "the token of another swarm",
        () => [foreignToken, at()],
        /^Error response from daemon: 10\.30\.0\.1:2377 belongs to another swarm: its certificate authority is [0-9a-z]{4}…, the token was made for [0-9a-z]{4}…\.\nGet the right token there with 'skep swarm join-token worker'\.\n$/,
      ],
      ["an address that is none", () => [token, "10.30.0.1:port"], /10\.30\.0\.1:port/],
    ])("%s", async (what, asked, words) => {
      const [given = "", addr = ""] = asked();
      const stderr = await refused(joiner(), { what, token: given, addr }, words);
      if (given.length > 30) expect(stderr + joiner().daemon.log(1_000)).not.toContain(secretOf(given));
      expect(await localState(joiner())).toBe("inactive ");
    });

    test("Docker's CLI says the same", async () => {
      const join = ["swarm", "join", "--token", foreignToken, at()];
      const { stderr } = await joiner().docker(join, { to: "skep", mayFail: true });
      expect(stderr).toContain("Error response from daemon: ");
      expect(stderr).toContain("10.30.0.1:2377 belongs to another swarm");
    });

    test("the manager's log has the address, never the token", () => {
      const log = manager().daemon.log(10_000);
      expect(log).toContain("10.30.0.2");
      for (const each of [token, managerToken, foreignToken]) expect(log).not.toContain(secretOf(each));
    });
  });

  describe.concurrent("a join where no manager answers ends in bounded time", () => {
    test.each([
      ["nowhere", () => "10.30.0.77:2377", /cannot reach 10\.30\.0\.77:2377: no route to the host/],
      ["closed", () => `${manager().address}:2999`, /cannot reach 10\.30\.0\.1:2999: connection refused/],
      ["other", () => `${manager().address}:8000`, /10\.30\.0\.1:8000 is not the port of a swarm manager/],
      ["unnamed", () => "no-such-host.invalid:2377", /cannot reach no-such-host\.invalid:2377: no such host/],
    ])("%s", async (name, addr, words) => {
      const daemon = new OneMoreDaemon(joiner(), { name });
      await daemon.start();
      await refused(daemon, { what: name, token, addr: addr() }, words);
      await daemon.kill();
    });
  });

  test("the right token lets it in; a second join and a second init are refused", async () => {
    await join(joiner());
    for (const host of [joiner(), manager()]) {
      const again = await host.skep(["swarm", "join", "--token", token, `${manager().address}:2377`], {
        mayFail: true,
      });
      expect(again.stderr).toContain("This node is already part of a swarm.");
      const init = await host.skep(["swarm", "init"], { mayFail: true });
      expect(init.stderr).toContain("This node is already part of a swarm.");
    }
    expect(await nodeStates(manager())).toEqual({ h1: "Ready Active", h2: "Ready Active" });
  });

  test("a rotated token is refused, the new one is good", async () => {
    await leave();
    const old = token;
    token = (await manager().skep(["swarm", "join-token", "--rotate", "-q", "worker"])).stdout.trim();
    expect(token).not.toBe(old);
    expect(await tokenOf(manager(), "worker")).toBe(token);
    const answer = await joiner().skep(["swarm", "join", "--token", old, `${manager().address}:2377`], {
      mayFail: true,
    });
    expect(answer.stderr).toContain("A valid join token is necessary to join this cluster");
    await join(joiner());
    expect(await nodeStates(manager())).toEqual({ h1: "Ready Active", h2: "Ready Active" });
  });

  test("node rm refuses a node that is ready; with --force it is out, its containers stop and it says why", async () => {
    await manager().skep(["node", "update", "--availability", "drain", "h1"]);
    await manager().skep(["service", "create", "-d", "--name", "web", "--stop-grace-period", "1s", "web:1"]);
    await untilRunning(hosts, "web", 1, 15_000);
    expect(await joiner().containers()).toHaveLength(1);
    const answer = await manager().skep(["node", "rm", "h2"], { mayFail: true });
    expect(answer.stderr).toMatch(/node \S+ is not down and can't be removed/);
    const from = performance.now();
    await manager().skep(["node", "rm", "--force", "h2"]);
    await eventually(async () => (await joiner().containers()).length === 0, {
      what: "its container is stopped",
      withinMs: 10_000,
    });
    console.log(`node rm --force until its containers are stopped: ${Math.round(performance.now() - from)} ms`);
    const { value } = await eventually(
      async () => (await localState(joiner())).startsWith("error") && localState(joiner()),
      {
        what: "it says why",
        withinMs: 5_000,
      },
    );
    expect(value).toMatch(/^error .*removed/);
    expect(Object.keys(await nodeStates(manager()))).toEqual(["h1"]);
  });

  test("it is refused after a restart, too, and comes back as a new node after leaving", async () => {
    await joiner().killDaemon("SIGKILL");
    await joiner().startDaemon();
    await eventually(async () => /removed/.test(await localState(joiner())), {
      what: "it is refused",
      withinMs: 10_000,
    });
    await joiner().skep(["swarm", "leave"]);
    expect(await localState(joiner())).toBe("inactive ");
    await join(joiner());
    await untilRunning(hosts, "web", 1, 15_000);
    expect(await joiner().containers()).toHaveLength(1);
  });

  test("removed while its daemon is away, it hears so when it is back and stops its containers", async () => {
    await joiner().killDaemon("SIGKILL");
    await eventually(async () => (await nodeStates(manager()))["h2"] === "Down Active", {
      what: "h2 is down",
      withinMs: 10_000,
    });
    await manager().skep(["node", "rm", "h2"]);
    expect(await joiner().containers()).toHaveLength(1);
    await joiner().startDaemon();
    await eventually(async () => (await joiner().containers()).length === 0, {
      what: "its container is stopped",
      withinMs: 10_000,
    });
    await eventually(async () => (await localState(joiner())).startsWith("error "), {
      what: "it says why",
      withinMs: 5_000,
    });
    await joiner().skep(["swarm", "leave"]);
    await join(joiner());
  });

  test("a worker that leaves while its manager is silent is free at once", async () => {
    await joiner().linkDown();
    const from = performance.now();
    await joiner().skep(["swarm", "leave"]);
    const tookMs = performance.now() - from;
    console.log(`leave without a manager to be heard of: ${Math.round(tookMs)} ms`);
    expect(tookMs).toBeLessThan(10_000);
    expect(await localState(joiner())).toBe("inactive ");
    expect(await joiner().containers()).toEqual([]);
    await joiner().linkUp();
    // Else there would be two of its name.
    await forget();
    await join(joiner());
  });

  async function join(host: Host): Promise<void> {
    const { stdout } = await host.skep(["swarm", "join", "--token", token, `${manager().address}:2377`]);
    expect(stdout).toBe("This node joined a swarm as a worker.\n");
    await eventually(async () => (await nodeStates(manager()))[host.name] === "Ready Active", {
      what: `${host.name} is ready`,
      withinMs: 5_000,
    });
  }

  /** And is forgotten: a node that comes back is a new one of the same name. */
  async function leave(): Promise<void> {
    await joiner().skep(["swarm", "leave"]);
    await forget();
  }

  async function forget(): Promise<void> {
    await eventually(async () => (await nodeStates(manager()))["h2"] === "Down Active", {
      what: "the node that left is down",
      withinMs: 5_000,
    });
    await manager().skep(["node", "rm", "h2"]);
  }
});

interface Skep {
  skep(args: readonly string[], options: { readonly mayFail: boolean }): Promise<Result>;
}

/** Returns what it said. */
async function refused(
  from: Skep,
  { what, token, addr }: { readonly what: string; readonly token: string; readonly addr: string },
  words: RegExp,
): Promise<string> {
  const startMs = performance.now();
  const { code, stderr } = await from.skep(["swarm", "join", "--token", token, addr], { mayFail: true });
  const tookMs = performance.now() - startMs;
  console.log(`join, ${what}: ${Math.round(tookMs)} ms, ${stderr.trim()}`);
  expect(stderr).toMatch(words);
  expect(code).not.toBe(0);
  expect(tookMs).toBeLessThan(joinMaxMs);
  return stderr;
}

async function tokenOf(host: Host, role: string): Promise<string> {
  return (await host.skep(["swarm", "join-token", "-q", role])).stdout.trim();
}

/** `active`, `inactive`, `error` …, and the error. */
async function localState(host: Host): Promise<string> {
  const { json } = await host.daemon.http.ok("GET", "/info");
  const { LocalNodeState, Error: error } = (json as { Swarm: { LocalNodeState: string; Error: string } }).Swarm;
  return `${LocalNodeState} ${error}`;
}

function secretOf(token: string): string {
  return token.split("-").at(-1) ?? "";
}

function wrongSecret(token: string): string {
  return token.slice(0, -4) + (token.endsWith("0000") ? "1111" : "0000");
}
