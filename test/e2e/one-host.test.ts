// What goes wrong on one host: a second daemon, a socket left behind, a port that is taken, a full disk, and strangers who send
// garbage or nothing at all.

import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { OneMoreDaemon } from "./support/daemons.js";
import { eventually, type Host, type Hosts, startHosts, web } from "./support/index.js";
import { onRealHosts } from "./support/on-real-hosts.js";
import { startSwarm } from "./support/swarm.js";

const brief = ["--stop-grace-period", "1s"];
/** Services that the full disk may be asked for, each of some 100 kB. */
const writesMax = 300;

let hosts: Hosts;
let host: Host;
let other: OneMoreDaemon;

onRealHosts("one host", () => {
  beforeAll(async () => {
    hosts = await startHosts(1, { images: [web("1")] });
    host = hosts.host(1);
    await startSwarm(hosts);
    other = new OneMoreDaemon(host, { name: "other" });
  });
  afterAll(() => hosts?.end());

  test("a second daemon on the same data folder says who holds it, and touches nothing", async () => {
    const second = new OneMoreDaemon(host, { name: "second", dataDir: host.daemon.dataFolder });
    const pidfile = join(host.folder, "skep.pid");
    await host.exec(["sh", "-c", `echo untouched > ${pidfile}`]);
    const before = statSync(host.daemon.socketPath).ino;
    const flags = ["--host", `unix://${host.daemon.socketPath}`, "--pidfile", pidfile];
    const { code, stdout, stderr } = await host.exec(second.command(flags), { mayFail: true });
    const said = stdout + stderr;
    console.log(said.trim());
    expect(code).toBe(1);
    expect(said).toContain(`${host.daemon.dataFolder} is in use by the daemon with process id `);
    expect((await host.exec(["cat", pidfile])).stdout).toBe("untouched\n");
    expect(statSync(host.daemon.socketPath).ino).toBe(before);
    expect(existsSync(second.socketPath)).toBe(false);
    expect((await host.daemon.http.get("/_ping")).status).toBe(200);
  });

  test("a daemon does not take another one's socket; one that a dead daemon left is replaced", async () => {
    const thief = new OneMoreDaemon(host, { name: "thief" });
    const flags = ["--host", `unix://${host.daemon.socketPath}`];
    const { code, stdout, stderr } = await host.exec(thief.command(flags), { mayFail: true, timeoutMs: 10_000 });
    expect(stdout + stderr).toContain("another process serves this socket");
    expect(code).toBe(1);
    expect((await host.daemon.http.get("/_ping")).status).toBe(200);
    await host.killDaemon("SIGKILL");
    expect(existsSync(host.daemon.socketPath)).toBe(true);
    await host.startDaemon();
  });

  test("a port that is taken: init says so and leaves nothing behind", async () => {
    await other.start();
    const { code, stderr } = await other.skep(["swarm", "init", "--advertise-addr", host.address], { mayFail: true });
    console.log(stderr.trim());
    expect(code).toBe(1);
    expect(stderr).toContain("cannot listen on 0.0.0.0:2377: another process uses this address");
    const { json } = await other.http.ok("GET", "/info");
    expect(json).toMatchObject({ Swarm: { LocalNodeState: "inactive" } });
  });

  test("two daemons on one engine leave each other's containers alone", async () => {
    const port = `${host.address}:2477`;
    await other.skep(["swarm", "init", "--advertise-addr", port, "--listen-addr", port]);
    await Promise.all([
      host.skep(["service", "create", "--detach", "--name", "mine", "--replicas", "2", ...brief, "web:1"]),
      other.skep(["service", "create", "--detach", "--name", "yours", "--replicas", "2", ...brief, "web:1"]),
    ]);
    for (const service of ["mine", "yours"])
      await eventually(async () => (await idsOf(service)).length === 2, { what: `${service} runs`, withinMs: 15_000 });
    const before = { mine: await idsOf("mine"), yours: await idsOf("yours") };
    await Promise.all([host.killDaemon("SIGKILL"), other.kill()]);
    await Promise.all([host.startDaemon(), other.start()]);
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    expect({ mine: await idsOf("mine"), yours: await idsOf("yours") }).toEqual(before);
    await other.skep(["swarm", "leave", "--force"]);
    await eventually(async () => (await idsOf("yours")).length === 0, { what: "its own are gone", withinMs: 15_000 });
    expect(await idsOf("mine")).toEqual(before.mine);
  });

  test("garbage, half requests and silence on both its ports do not keep it from working", async () => {
    const { stdout } = await host.exec(["sh", "-c", `setsid "$@" > /run/noise.log 2>&1 & echo $!`, "sh", ...noise()]);
    await eventually(async () => /noise/.test((await host.exec(["cat", "/run/noise.log"])).stdout), {
      what: "there is noise",
      withinMs: 10_000,
    });
    const from = performance.now();
    await host.skep(["service", "create", "--detach", "--name", "calm", "--replicas", "2", ...brief, "web:1"]);
    await eventually(async () => (await idsOf("calm")).length === 2, { what: "it runs", withinMs: 15_000 });
    console.log(`service create under noise until 2 run: ${Math.round(performance.now() - from)} ms`);
    const { json } = await host.daemon.http.ok("GET", "/nodes");
    expect(json).toMatchObject([{ Status: { State: "ready" } }]);
    await host.exec(["kill", "-9", stdout.trim()]);
    expect(host.daemon.isAlive).toBe(true);
    await host.skep(["service", "rm", "mine", "calm"]);
  });

  test("a full disk: nothing is acknowledged that is not kept, it says why, containers run on, and it recovers", async () => {
    await host.exec(["sh", "-c", "mkdir /run/small && mount -t tmpfs -o size=16m tmpfs /run/small"]);
    const small = new OneMoreDaemon(host, { name: "small", dataDir: "/run/small/data" });
    await small.start();
    const port = `${host.address}:2577`;
    await small.skep(["swarm", "init", "--advertise-addr", port, "--listen-addr", port]);
    await small.skep(["service", "create", "--detach", "--name", "runs", ...brief, "web:1"]);
    await eventually(async () => (await idsOf("runs")).length === 1, { what: "it runs", withinMs: 15_000 });
    const before = await idsOf("runs");
    await host.exec(["sh", "-c", "head -c 100M /dev/zero > /run/small/filler; true"], { mayFail: true });
    const { acknowledged, refusal } = await writeUntilRefused(small);
    console.log(`on a full disk: ${acknowledged.length} writes acknowledged, then: ${refusal}`);
    await eventually(() => /no space left|ENOSPC/i.test(small.log()), { what: "its log says why", withinMs: 5_000 });
    expect(await idsOf("runs")).toEqual(before);
    await host.exec(["rm", "/run/small/filler"]);
    if (await small.isAlive()) await small.kill();
    await small.start();
    await eventually(async () => (await small.http.get("/services")).status === 200, {
      what: "it manages again",
      withinMs: 15_000,
    });
    const { json } = await small.http.ok("GET", "/services");
    const names = (json as readonly { Spec: { Name: string } }[]).map(({ Spec }) => Spec.Name);
    expect(names).toEqual(expect.arrayContaining(acknowledged));
    expect(await idsOf("runs")).toEqual(before);
    await small.skep(["service", "create", "--detach", "--name", "again", ...brief, "web:1"]);
    await eventually(async () => (await idsOf("again")).length === 1, { what: "it runs", withinMs: 15_000 });
    await small.kill();
  });
});

async function idsOf(service: string): Promise<readonly string[]> {
  return (await host.containers([`com.docker.swarm.service.name=${service}`])).map(({ id }) => id).sort();
}

/** Services of 100 kB each, of no replicas, until one is refused. */
async function writeUntilRefused(daemon: OneMoreDaemon) {
  const acknowledged: string[] = [];
  for (let at = 0; at < writesMax; at += 1) {
    const body = {
      Name: `big-${at}`,
      Labels: { ballast: "x".repeat(100_000) },
      TaskTemplate: { ContainerSpec: { Image: "web:1" } },
      Mode: { Replicated: { Replicas: 0 } },
    };
    const answer = await daemon.http.post("/services/create", body, { timeoutMs: 30_000 }).catch(String);
    if (typeof answer === "string") return { acknowledged, refusal: answer };
    if (answer.status !== 201) return { acknowledged, refusal: `${answer.status} ${answer.text.trim()}` };
    acknowledged.push(body.Name);
  }
  throw new Error(`${writesMax} services fit on a disk that is full`);
}

/** Connections that send garbage, half a request, or nothing, to the nodes' port and to the API's socket. */
function noise(): readonly string[] {
  const program = `
    const { connect } = require("node:net");
    const { randomBytes } = require("node:crypto");
    const targets = [{ host: "${host.address}", port: 2377 }, { path: "${host.daemon.socketPath}" }];
    const says = [() => randomBytes(4096), () => "", () => "POST /services/create HTTP/1.1\\r\\nHost: x\\r\\nContent-Le",
      () => Buffer.from("1603010200010001fc0303", "hex"), () => "PRI * HTTP/2.0\\r\\n\\r\\nSM\\r\\n\\r\\n" + "x".repeat(2000)];
    let sockets = 0;
    function one(at) {
      const socket = connect(targets[at % 2]);
      sockets += 1;
      socket.on("error", () => {}).on("close", () => setTimeout(() => one(at), 20)).on("data", () => {});
      socket.write(says[at % says.length]());
      const drip = setInterval(() => socket.write("x"), 1000);
      socket.on("close", () => clearInterval(drip));
    }
    for (let at = 0; at < 300; at += 1) one(at);
    setTimeout(() => console.log("noise", sockets), 500);`;
  return [process.execPath, "-e", program];
}
