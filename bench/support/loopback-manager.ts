// A manager as a process of its own on this machine's loopback, on an embedded engine: the daemon that is shipped.

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, openSync, readFileSync } from "node:fs";
import { createServer } from "node:net";
import { join, resolve } from "node:path";
import { skepProgram } from "../../test/e2e/support/daemon.js";
import { eventually } from "../../test/e2e/support/eventually.js";
import { DockerHttp } from "../../test/e2e/support/http.js";
import { type ProcessUse, useOf } from "./process-use.js";

const startMs = 60_000;

export interface LoopbackManagerOptions {
  readonly name: string;
  readonly folder: string;
  /** Further arguments of node, before the program's. */
  readonly nodeFlags: readonly string[];
}

/** The longest the loop was late, in milliseconds. */
export interface LoopLag {
  readonly byTheClock: number;
  readonly itsOwn: number;
}

export class LoopbackManager {
  readonly name: string;
  readonly addr: string;
  readonly http: DockerHttp;
  readonly #lagPath: string;
  readonly #logPath: string;
  readonly #process: ChildProcess;

  private constructor({ name, folder, nodeFlags }: LoopbackManagerOptions, port: number) {
    this.name = name;
    this.addr = `127.0.0.1:${port}`;
    mkdirSync(folder, { recursive: true });
    this.#lagPath = join(folder, "lag");
    this.http = new DockerHttp(join(folder, "skep.sock"));
    const preload = `file://${resolve("bench/support/loop-turns.mjs")}?out=${encodeURIComponent(this.#lagPath)}`;
    const [node = "node", ...program] = skepProgram;
    this.#logPath = join(folder, "skep.log");
    const log = openSync(this.#logPath, "w");
    const data = ["--data-dir", join(folder, "data"), "--host", `unix://${this.http.socketPath}`];
    // Nothing outlives the bench, however it ends.
    process.once("exit", () => this.#process.kill("SIGKILL"));
    this.#process = spawn(
      node,
      [...nodeFlags, "--import", preload, ...program, "daemon", ...data, "--engine", "embedded:", "--name", name],
      { stdio: ["ignore", log, log] },
    );
  }

  /** Runs, in no swarm, when this resolves. */
  static async start(options: LoopbackManagerOptions): Promise<LoopbackManager> {
    const manager = new LoopbackManager(options, await freePort());
    await eventually(async () => (await manager.http.get("/_ping")).status === 200, {
      what: `${options.name} answers`,
      withinMs: startMs,
      everyMs: 50,
    });
    return manager;
  }

  get use(): ProcessUse {
    return useOf(this.#process.pid ?? 0);
  }

  /** Since a wall time. */
  lagSince(sinceMs: number): LoopLag {
    const lines = readFileSync(this.#lagPath, "latin1").trim().split("\n");
    const rows = lines.map((line) => line.split(" ").map(Number)).filter(([at = 0]) => at >= sinceMs);
    const most = (column: number): number => Math.max(0, ...rows.map((row) => row[column] ?? 0));
    return { byTheClock: most(1), itsOwn: most(2) };
  }

  /** What it complained of. */
  get complaints(): readonly string[] {
    return readFileSync(this.#logPath, "utf8")
      .split("\n")
      .filter((line) => /\b(WARN|ERROR|warn|error)\b/.test(line));
  }

  /** Of its log, so far. */
  linesWith(text: string): readonly string[] {
    return readFileSync(this.#logPath, "utf8")
      .split("\n")
      .filter((line) => line.includes(text));
  }

  /** kill -9: resolves once it is gone. */
  async kill(): Promise<void> {
    this.http.close();
    const exited = once(this.#process, "exit");
    this.#process.kill("SIGKILL");
    await exited;
  }

  /** In good order, so that a profile is written. */
  async end(): Promise<void> {
    this.http.close();
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    const exited = once(this.#process, "exit");
    this.#process.kill("SIGTERM");
    await exited;
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const bound = server.address();
  server.close();
  return bound !== null && typeof bound === "object" ? bound.port : 0;
}

/** One init, the others join as managers; nothing runs on their own engines. Resolves with the first, which leads. */
export async function formManagers(managers: readonly LoopbackManager[]): Promise<LoopbackManager> {
  const [first, ...others] = managers;
  if (first === undefined) return missing();
  const drained = { Availability: "drain" };
  const own = { ListenAddr: first.addr, AdvertiseAddr: first.addr, ...drained };
  await first.http.ok("POST", "/swarm/init", { body: own });
  const JoinToken = (await joinTokens(first)).Manager;
  for (const { http, addr } of others) {
    const body = { ListenAddr: addr, AdvertiseAddr: addr, RemoteAddrs: [first.addr], JoinToken, ...drained };
    await http.ok("POST", "/swarm/join", { body });
  }
  return first;
}

/** Who leads, as it says itself. */
export async function leaderOf(managers: readonly LoopbackManager[]): Promise<LoopbackManager> {
  const { value } = await eventually(
    async () => {
      const { json } = await (managers[0] ?? missing()).http.ok("GET", "/nodes");
      const nodes = json as readonly {
        readonly ManagerStatus?: { readonly Leader?: boolean; readonly Addr: string };
      }[];
      const addr = nodes.find(({ ManagerStatus }) => ManagerStatus?.Leader === true)?.ManagerStatus?.Addr;
      return managers.find((each) => each.addr === addr);
    },
    { what: "a manager leads", withinMs: startMs },
  );
  return value;
}

function missing(): never {
  throw new Error("a swarm needs a manager");
}

export async function joinTokens({ http }: LoopbackManager): Promise<{ Manager: string; Worker: string }> {
  const { json } = await http.ok("GET", "/swarm");
  return (json as { JoinTokens: { Manager: string; Worker: string } }).JoinTokens;
}
