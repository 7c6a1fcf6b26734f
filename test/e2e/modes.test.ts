// The other modes on real hosts, driven by the stock docker command: global services, jobs, and what placement and
// health ask of them. One story, told in order on one swarm of four.

import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { ranSince } from "./support/events.js";
import { busybox, dockerClis, eventually, type Host, type Hosts, startHosts, web } from "./support/index.js";
import { onRealHosts } from "./support/on-real-hosts.js";
import { join, nodeStates, serviceContainers } from "./support/swarm.js";

const clis = await dockerClis();
const waitMs = 60_000;
const gpu = { extra: ["--node-generic-resource", "gpu=GPU-a"] };
let hosts: Hosts;

onRealHosts("modes", () => {
  beforeAll(async () => {
    hosts = await startHosts(4, { images: [busybox, web("1"), web("2")], isLiveRestore: true });
    await hosts.host(4).engine.stop();
    await hosts.host(4).startEngine(gpu);
    await Promise.all(hosts.all.map((host) => host.startDaemon()));
    const first = hosts.host(1);
    await docker(["swarm", "init", "--advertise-addr", first.address]);
    await Promise.all([2, 3].map((number) => join(hosts.host(number), first, "worker")));
    await untilNodes({ h2: "Ready Active", h3: "Ready Active" });
  });
  afterEach(async ({ task }) => {
    if (task.result?.state === "fail") await tellAll();
  });
  afterAll(() => hosts?.end());

  describe("global", globalServices);
  describe("jobs", jobs);
  describe("a host that loses power", hostsLost);
  describe("placement and health", placement);
  test("every docker tells of each mode when it is done", async () => {
    await Promise.all(clis.map(({ path, version }) => tellsWhenDone(path, version)));
  });
});

function globalServices(): void {
  test("runs one container on each host", async () => {
    await createGlobal("each", ["--update-parallelism", "1", "--update-monitor", "1s", "--update-delay", "0s"]);
    await untilOn("each", ["h1", "h2", "h3"]);
    await untilListed("each", "global 3/3");
  });

  test("follows labels and constraints, and touches nobody else", async () => {
    const before = await idsByHost("each");
    await docker(["service", "update", "-d", "--constraint-add", "node.labels.zone!=off", "each"]);
    await docker(["node", "update", "--label-add", "zone=off", "h3"]);
    await untilOn("each", ["h1", "h2"]);
    await untilListed("each", "global 2/2");
    await docker(["node", "update", "--label-rm", "zone", "h3"]);
    await untilOn("each", ["h1", "h2", "h3"]);
    const after = await idsByHost("each");
    expect([after["h1"], after["h2"]]).toEqual([before["h1"], before["h2"]]);
    expect(after["h3"]).not.toBe(before["h3"]);
  });

  test("leaves a drained node, stays on a paused one, where what ends is followed once it is active", async () => {
    await setAvailability("h2", "drain");
    await untilOn("each", ["h1", "h3"]);
    await setAvailability("h3", "pause");
    await setAvailability("h2", "active");
    await untilOn("each", ["h1", "h2", "h3"]);
    await hosts.host(3).crashContainer((await idsByHost("each"))["h3"] ?? "");
    await createGlobal("later");
    await untilOn("later", ["h1", "h2"]);
    // Longer than the restart delay took: the next step's containers are up, and still nothing new is on h3.
    await docker(["service", "update", "--detach=false", "--env-add", "A=1", "--update-parallelism", "0", "later"]);
    expect(await hostsOf("each")).toEqual(["h1", "h2"]);
    expect(await hostsOf("later")).toEqual(["h1", "h2"]);
    await setAvailability("h3", "active");
    await untilOn("each", ["h1", "h2", "h3"]);
    await untilOn("later", ["h1", "h2", "h3"]);
  });

  test("starts nothing where the engine is dead, and adopts what lived on when it is back", async () => {
    const before = await idsByHost("later");
    await hosts.host(2).killEngine();
    await createGlobal("late");
    await untilOn("late", ["h1", "h3"]);
    await hosts.host(2).startEngine();
    await untilOn("late", ["h1", "h2", "h3"]);
    expect(await idsByHost("later")).toEqual(before);
    await docker(["service", "rm", "later", "late"]);
  });

  test("rolls over the nodes one at a time", async () => {
    await untilListed("each", "global 3/3");
    const sinceMs = Date.now();
    const { stdout } = await docker(["service", "update", "--detach=false", "--image", "web:2", "each"]);
    expect(stdout).toMatch(/verify: Service (\S+ )?converged/);
    const { containers } = await untilOn("each", ["h1", "h2", "h3"]);
    expect(containers.map(({ image }) => image)).toEqual(["web:2", "web:2", "web:2"]);
    expect((await ranSince(hosts, "each", sinceMs, 3)).least).toBe(2);
  });
}

function jobs(): void {
  test("a replicated job never runs more at once than it may, and runs again when it is forced", async () => {
    const sinceMs = Date.now();
    await createJob("five", "replicated-job", ["--replicas", "5", "--max-concurrent", "2"], "sleep 1");
    await untilListed("five", "replicated job 0/2 (5/5 completed)");
    expect(await ranSince(hosts, "five", sinceMs, 0)).toEqual({ least: 0, most: 2, started: 5, completed: 5 });
    await docker(["service", "update", "-d", "--force", "five"]);
    await eventually(async () => (await ranSince(hosts, "five", sinceMs, 0)).completed === 10, {
      what: "it ran again",
      withinMs: waitMs,
    });
    await untilListed("five", "replicated job 0/2 (5/5 completed)");
    expect(await ranSince(hosts, "five", sinceMs, 0)).toEqual({ least: 0, most: 2, started: 10, completed: 10 });
  });

  test("a job that fails is tried as often as it may", async () => {
    const sinceMs = Date.now();
    const attempts = ["--restart-condition", "on-failure", "--restart-max-attempts", "2", "--restart-delay", "100ms"];
    await createJob("fails", "replicated-job", attempts, "exit 3");
    const tasks = ["service", "ps", "fails", "--format", "{{.CurrentState}} {{.Error}}", "--no-trunc"];
    await eventually(
      async () => (await docker(tasks)).stdout.match(/Failed .*"task: non-zero exit \(3\)"/g)?.length === 3,
      { what: "three tasks failed", withinMs: waitMs },
    );
    await createJob("after", "replicated-job", [], "sleep 3");
    await untilListed("after", "replicated job 0/1 (1/1 completed)");
    expect(await ranSince(hosts, "fails", sinceMs, 0)).toMatchObject({ started: 3, completed: 0 });
    await untilListed("fails", "replicated job 0/1 (0/1 completed)");
    await docker(["service", "rm", "five", "fails", "after"]);
  });

  test("a global job runs once on each node, on one that is active or joins later at once", async () => {
    const sinceMs = Date.now();
    await setAvailability("h3", "pause");
    await createJob("sweep", "global-job", [], "true");
    await untilCompleted("sweep", 2);
    expect(await ranSince(hosts, "sweep", sinceMs, 0)).toMatchObject({ started: 2, completed: 2 });
    await setAvailability("h3", "active");
    await untilCompleted("sweep", 3);
    await join(hosts.host(4), hosts.host(1), "worker");
    await untilCompleted("sweep", 4);
    await untilOn("each", ["h1", "h2", "h3", "h4"]);
    expect(await ranSince(hosts, "sweep", sinceMs, 0)).toMatchObject({ started: 4, completed: 4 });
    await docker(["service", "rm", "sweep"]);
  });
}

function hostsLost(): void {
  test("has its run of a job replaced, and runs what is global when it is back", async () => {
    await createJob("pair", "replicated-job", ["--replicas", "2", "--constraint", "node.role==worker"], untilTold);
    const { containers } = await untilRuns("pair", 2);
    const [lost, stays] = containers.map(({ host }) => hosts.all.find(({ name }) => name === host));
    if (lost === undefined || stays === undefined) throw new Error("two hosts run it");
    expect(lost.name).not.toBe(stays.name);
    await lost.cutPower();
    await tell(stays, "pair");
    await untilNodes({ [lost.name]: "Down Active" });
    const { containers: replaced } = await untilRuns("pair", 1);
    const now = hosts.all.find(({ name }) => name === replaced[0]?.host);
    await tell(now, "pair");
    await untilCompleted("pair", 2);
    await lost.startEngine(lost.number === 4 ? gpu : {});
    await lost.startDaemon();
    await untilOn("each", ["h1", "h2", "h3", "h4"]);
    await untilListed("each", "global 4/4");
    await untilCompleted("pair", 2);
    expect(await hostsOf("pair")).toEqual([]);
    await docker(["service", "rm", "pair"]);
  });
}

function placement(): void {
  test("runs once its healthcheck says so, and is replaced when that says no", async () => {
    const often = ["--health-interval", "1s", "--health-retries", "1", "--health-start-period", "50s"];
    const check = ["--health-cmd", "test -e /tmp/told", ...often];
    const create = ["service", "create", "-d", "--name", "well", "--restart-delay", "100ms"];
    await docker([...create, ...check, "--constraint", "node.hostname==h2", "--stop-grace-period", "1s", "web:1"]);
    await untilRuns("well", 1);
    const tasks = ["service", "ps", "well", "--no-trunc", "--format", "{{.CurrentState}} {{.Error}}"];
    expect((await docker(tasks)).stdout).toMatch(/^Starting /);
    await untilListed("well", "replicated 0/1");
    const { h2: ill = "" } = await idsByHost("well");
    await tell(hosts.host(2), "well");
    await untilListed("well", "replicated 1/1");
    await docker(["exec", ill, "rm", "/tmp/told"], { on: hosts.host(2), to: "engine" });
    await eventually(async () => ![undefined, ill].includes((await idsByHost("well"))["h2"]), {
      what: "another container runs",
      withinMs: waitMs,
    });
    expect((await docker(tasks)).stdout).toMatch(/Failed .*unhealthy/);
    await tell(hosts.host(2), "well");
    await untilListed("well", "replicated 1/1");
    await docker(["service", "rm", "well"]);
  });

  test("a generic resource is given by its name, and the next in line waits for it", async () => {
    const wants = ["service", "create", "-d", "--generic-resource", "gpu=1", "--stop-grace-period", "1s"];
    await docker([...wants, "--name", "first", "web:1"]);
    await untilOn("first", ["h4"]);
    const { h4 = "" } = await idsByHost("first");
    const env = (await docker(["exec", h4, "env"], { on: hosts.host(4), to: "engine" })).stdout;
    expect(env).toContain("DOCKER_RESOURCE_GPU=GPU-a\n");
    await docker([...wants, "--name", "second", "web:1"]);
    await untilWaits("second", '"no suitable node (insufficient resources on 4 nodes)"');
    await docker(["service", "rm", "first"]);
    await untilOn("second", ["h4"]);
    await docker(["service", "rm", "second"]);
  });

  test("spreads over a label, and no node has more than it may", async () => {
    await docker(["node", "update", "--label-add", "zone=b", "h4"]);
    const create = ["service", "create", "-d", "--stop-grace-period", "1s"];
    await docker([
      ...create,
      "--name",
      "even",
      "--placement-pref",
      "spread=node.labels.zone",
      "--replicas",
      "4",
      "web:1",
    ]);
    const { containers } = await untilRuns("even", 4);
    expect(containers.filter(({ host }) => host === "h4")).toHaveLength(2);
    await docker([...create, "--name", "few", "--replicas-max-per-node", "1", "--replicas", "5", "web:1"]);
    await untilOn("few", ["h1", "h2", "h3", "h4"]);
    await untilWaits("few", '"no suitable node (max replicas per node limit exceed)"');
    await docker(["service", "rm", "even", "few"]);
  });
}

/** A create that waits says that it is done, and in which words. */
async function tellsWhenDone(cli: string, version: string): Promise<void> {
  const converged = /verify: Service (\S+ )?converged/;
  const ends = {
    replicated: converged,
    global: converged,
    "replicated-job": /job complete/,
    "global-job": /job complete/,
  };
  const names = Object.keys(ends).map((mode) => `${mode}-${version.split(".")[0]}`);
  await Promise.all(
    Object.entries(ends).map(async ([mode, end], index) => {
      const isJob = mode.endsWith("-job");
      const create = ["service", "create", "--detach=false", "--name", names[index] ?? "", "--mode", mode];
      const what = isJob ? ["--restart-condition", "none", "busybox", "true"] : ["--stop-grace-period", "1s", "web:1"];
      const { stdout, stderr } = await docker([...create, ...what], { cli });
      expect(stdout + stderr, mode).toMatch(end);
    }),
  );
  await docker(["service", "rm", ...names], { cli });
}

/** A container's program that ends well once a file is there: see `tell`. */
const untilTold = "until [ -e /tmp/told ]; do sleep 0.1; done";

/** Lays the file that the service's container on the host waits for. */
async function tell(host: Host | undefined, service: string): Promise<void> {
  const [container] = (await host?.containers([`com.docker.swarm.service.name=${service}`])) ?? [];
  if (host === undefined || container === undefined)
    throw new Error(`no container of ${service} runs on ${host?.name}`);
  await docker(["exec", container.id, "touch", "/tmp/told"], { on: host, to: "engine" });
}

interface Asked {
  readonly cli?: string;
  /** h1, which manages, when absent. */
  readonly on?: Host;
  readonly to?: "skep" | "engine";
}

/** The newest docker, at Skep's socket on h1 unless asked otherwise. */
function docker(args: readonly string[], { cli, on = hosts.host(1), to = "skep" }: Asked = {}) {
  return on.docker(args, { to, timeoutMs: waitMs, ...(cli !== undefined && { cli }) });
}

async function createGlobal(name: string, flags: readonly string[] = []): Promise<void> {
  const create = ["service", "create", "-d", "--mode", "global", "--name", name, "--stop-grace-period", "1s"];
  await docker([...create, "--restart-delay", "100ms", ...flags, "web:1"]);
}

async function createJob(name: string, mode: string, flags: readonly string[], script: string): Promise<void> {
  const condition = flags.includes("--restart-condition") ? [] : ["--restart-condition", "on-failure"];
  const create = ["service", "create", "-d", "--mode", mode, "--name", name, ...condition];
  await docker([...create, ...flags, "busybox", "sh", "-c", script]);
}

async function setAvailability(node: string, availability: string): Promise<void> {
  await docker(["node", "update", "--availability", availability, node]);
}

async function untilNodes(wanted: Readonly<Record<string, string>>): Promise<void> {
  await eventually(async () => expect(await nodeStates(hosts.host(1))).toMatchObject(wanted) ?? true, {
    what: `nodes are ${JSON.stringify(wanted)}`,
    withinMs: waitMs,
  });
}

/** Waits until `service ls` shows the service with this mode and count. */
async function untilListed(service: string, wanted: string): Promise<void> {
  const ls = ["service", "ls", "--filter", `name=${service}`, "--format", "{{.Name}} {{.Mode}} {{.Replicas}}"];
  await eventually(async () => expect((await docker(ls)).stdout).toContain(`${service} ${wanted}\n`) ?? true, {
    what: `service ls shows ${service} ${wanted}`,
    withinMs: waitMs,
  });
}

async function untilCompleted(service: string, count: number): Promise<void> {
  const ls = ["service", "ls", "--filter", `name=${service}`, "--format", "{{.Replicas}}"];
  await eventually(async () => expect((await docker(ls)).stdout).toContain(`(${count}/${count} completed)`) ?? true, {
    what: `${count} runs of ${service} completed`,
    withinMs: waitMs,
  });
}

/** Waits until a task of the service waits for a node and says so. */
async function untilWaits(service: string, reason: string): Promise<void> {
  const ps = ["service", "ps", service, "--no-trunc", "--format", "{{.CurrentState}} {{.Error}}"];
  await eventually(async () => expect((await docker(ps)).stdout).toMatch(/^Pending .*$/m) ?? true, {
    what: `a task of ${service} waits`,
    withinMs: waitMs,
  });
  expect((await docker(ps)).stdout).toContain(reason);
}

async function untilRuns(service: string, count: number) {
  const { value: containers } = await eventually(
    async () => {
      const now = await serviceContainers(hosts, service);
      expect(now).toHaveLength(count);
      return now;
    },
    { what: `${count} containers of ${service} run`, withinMs: waitMs },
  );
  return { containers };
}

/** Waits until one container of the service runs on each of these hosts, and none elsewhere. */
async function untilOn(service: string, wanted: readonly string[]) {
  const { value: containers } = await eventually(
    async () => {
      const now = await serviceContainers(hosts, service);
      expect(now.map(({ host }) => host).sort()).toEqual(wanted);
      return now;
    },
    { what: `${service} runs on ${wanted.join(", ")}`, withinMs: waitMs },
  );
  return { containers };
}

async function hostsOf(service: string): Promise<readonly string[]> {
  return (await serviceContainers(hosts, service)).map(({ host }) => host).sort();
}

async function idsByHost(service: string): Promise<Readonly<Record<string, string>>> {
  return Object.fromEntries((await serviceContainers(hosts, service)).map(({ host, id }) => [host, id]));
}

/** What a person would look at after a failure. */
async function tellAll(): Promise<void> {
  for (const args of [
    ["node", "ls"],
    ["service", "ls"],
  ])
    console.log((await hosts.host(1).skep(args, { mayFail: true })).stdout);
  const { stdout } = await hosts.host(1).skep(["service", "ls", "-q"], { mayFail: true });
  const ids = stdout.split("\n").filter((id) => id !== "");
  if (ids.length > 0)
    console.log((await hosts.host(1).skep(["service", "ps", "--no-trunc", ...ids], { mayFail: true })).stdout);
  for (const { name, daemon } of hosts.all) console.log(`== ${name}: daemon\n${daemon.log(40)}`);
}
