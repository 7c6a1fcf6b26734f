// A daemon that is killed at any moment comes back with everything it acknowledged, and with nothing it was never asked.
// Needs no Docker Engine: a real process with its real disk, on the embedded engine.

import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { SeededRandom } from "../../src/sim/index.js";
import { skepProgram } from "./support/daemon.js";
import { DockerHttp, eventually } from "./support/index.js";

const kills = 100;
const writers = 4;
const names = Array.from({ length: 12 }, (_, at) => `svc-${at}`);

/** What may be true of one name: every value here, until a write of it is acknowledged. Undefined: there is no such service. */
type Possible = Set<number | undefined>;

const random = new SeededRandom(Number(process.env["SKEP_CRASH_SEED"] ?? Date.now() % 1_000_000));
const possible = new Map<string, Possible>(names.map((name) => [name, new Set([undefined])]));
let folder = "";
let http: DockerHttp;
let daemon: ChildProcess | undefined;
let acknowledged = 0;
let isKilling = false;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "skep-crash-"));
  http = new DockerHttp(join(folder, "skep.sock"));
  await start();
  const port = await freePort();
  const init = { ListenAddr: `127.0.0.1:${port}`, AdvertiseAddr: `127.0.0.1:${port}` };
  await http.ok("POST", "/swarm/init", { body: init });
});

afterAll(async () => {
  await kill();
  rmSync(folder, { recursive: true, force: true });
});

test(`killed ${kills} times at random moments, it is right after every restart`, async () => {
  const restarts: number[] = [];
  for (let round = 0; round < kills; round += 1) {
    const stop = new AbortController();
    const load = Promise.all(Array.from({ length: writers }, (_, at) => writeUntil(stop.signal, at)));
    await pause(random.next() * 120);
    await kill();
    stop.abort();
    await load;
    const from = performance.now();
    await start();
    await untilManager();
    restarts.push(performance.now() - from);
    await check(round);
  }
  restarts.sort((a, b) => a - b);
  console.log(
    `${kills} kills, ${acknowledged} acknowledged writes, start to answering as manager: median ${Math.round(restarts[kills / 2] ?? 0)} ms, worst ${Math.round(restarts.at(-1) ?? 0)} ms`,
  );
  expect(acknowledged).toBeGreaterThan(kills);
}, 600_000);

/** Each writer has names of its own, so that it knows what may be true of them. */
async function writeUntil(signal: AbortSignal, writer: number): Promise<void> {
  const own = names.filter((_, at) => at % writers === writer);
  while (!signal.aborted) {
    const name = own[Math.floor(random.next() * own.length)] ?? "";
    const wanted = random.next() < 0.25 ? undefined : Math.floor(random.next() * 1_000);
    await write(name, wanted, signal);
  }
}

/** `wanted` replicas, or no such service. From the request on both the old and the new may be true; the answer decides. */
async function write(name: string, wanted: number | undefined, signal: AbortSignal): Promise<void> {
  const may = possible.get(name) ?? new Set();
  const [current] = may;
  invariantOne(may, name);
  if (current === undefined && wanted === undefined) return;
  may.add(wanted);
  const answer = await request(name, current, wanted).catch((error: unknown) => error);
  if (answer instanceof Error) {
    if (!isKilling) throw answer;
    // Cut off: the write may or may not have happened, and nothing more is asked of this name in this round.
    await new Promise<void>((resolve) => {
      if (signal.aborted) resolve();
      else signal.addEventListener("abort", () => resolve(), { once: true });
    });
    return;
  }
  possible.set(name, new Set([wanted]));
  acknowledged += 1;
}

async function request(name: string, current: number | undefined, wanted: number | undefined): Promise<void> {
  if (wanted === undefined) return void (await http.ok("DELETE", `/services/${name}`));
  if (current === undefined) return void (await http.ok("POST", "/services/create", { body: spec(name, wanted) }));
  const { json } = await http.ok("GET", `/services/${name}`);
  const { Version } = json as { Version: { Index: number } };
  await http.ok("POST", `/services/${name}/update?version=${Version.Index}`, { body: spec(name, wanted) });
}

/** No task is ever placed: the constraint holds none back from being recorded, and the engine has nothing to do. */
function spec(name: string, replicas: number): unknown {
  return {
    Name: name,
    Labels: { replicas: String(replicas) },
    TaskTemplate: { ContainerSpec: { Image: "busybox" } },
    Mode: { Replicated: { Replicas: replicas % 3 } },
  };
}

async function check(round: number): Promise<void> {
  const { json } = await http.ok("GET", "/services");
  const found = new Map(
    (json as { Spec: { Name: string; Labels: { replicas: string } } }[]).map(({ Spec }) => [
      Spec.Name,
      Number(Spec.Labels.replicas),
    ]),
  );
  expect([...found.keys()].filter((name) => !possible.has(name))).toEqual([]);
  for (const [name, may] of possible) {
    const is = found.get(name);
    if (!may.has(is)) {
      throw new Error(`after kill ${round + 1}: ${name} is ${is}, may be ${[...may].join(" or ")}\n${log(30)}`);
    }
    possible.set(name, new Set([is]));
  }
}

async function start(): Promise<void> {
  const command = [...skepProgram.slice(1), "daemon", "--data-dir", join(folder, "data")];
  const flags = ["--host", `unix://${join(folder, "skep.sock")}`, "--engine", "embedded:", "--name", "crash"];
  const shell = spawn(process.execPath, [...command, ...flags], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  daemon = shell;
  isKilling = false;
  for (const stream of [shell.stdout, shell.stderr]) stream?.on("data", (chunk: Buffer) => said.push(String(chunk)));
  await eventually(async () => shell.exitCode !== null || (await http.get("/_ping")).status === 200, {
    what: "the daemon answers",
    withinMs: 5_000,
    everyMs: 5,
  });
  if (shell.exitCode !== null) throw new Error(`the daemon ended with ${shell.exitCode}:\n${log(30)}`);
}

async function untilManager(): Promise<void> {
  await eventually(async () => (await http.get("/services")).status === 200, {
    what: "the manager answers",
    withinMs: 10_000,
    everyMs: 5,
  });
}

async function kill(): Promise<void> {
  const dying = daemon;
  if (dying === undefined || dying.exitCode !== null || dying.signalCode !== null) return;
  const gone = new Promise((resolve) => dying.once("exit", resolve));
  isKilling = true;
  dying.kill("SIGKILL");
  await gone;
}

const said: string[] = [];
function log(lines: number): string {
  return said.join("").split("\n").slice(-lines).join("\n");
}

function invariantOne(may: Possible, name: string): void {
  if (may.size !== 1) throw new Error(`two writes of ${name} at once`);
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0));
    });
  });
}
