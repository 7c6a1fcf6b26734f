// The demo's hosts: real daemons on loopback addresses, each with a data folder and a socket of its own.

import { type ChildProcess, execFile, spawn } from "node:child_process";
import { mkdtemp, open, readFile, rm } from "node:fs/promises";
import { request } from "node:http";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import process from "node:process";
import type { DemoEngine } from "./engine.js";

const binary = resolve("bin/skep.js");
const startBoundMs = 10_000;
const commandBoundMs = 60_000;

export interface Host {
  readonly name: string;
  /** host:port of its node-to-node port. */
  readonly address: string;
  readonly socket: string;
  /** Runs `skep …` against this host and returns its standard output. */
  skep(...args: string[]): Promise<string>;
}

export class DemoSwarm {
  readonly hosts: readonly Host[];
  readonly #folder: string;
  readonly #engine: DemoEngine;
  readonly #daemons = new Map<string, ChildProcess>();

  private constructor(folder: string, engine: DemoEngine, hosts: readonly Host[]) {
    this.#folder = folder;
    this.#engine = engine;
    this.hosts = hosts;
  }

  static async prepare(engine: DemoEngine, names: readonly string[]): Promise<DemoSwarm> {
    const folder = await mkdtemp(join(tmpdir(), "skep-demo-"));
    const ports = await freePorts(names.length);
    const hosts = names.map((name, at) => aHost(name, join(folder, `${name}.sock`), `127.0.0.1:${ports[at]}`));
    return new DemoSwarm(folder, engine, hosts);
  }

  /** Starts every daemon and waits until each answers. */
  async startDaemons(signal: AbortSignal): Promise<void> {
    await Promise.all(this.hosts.map((host) => this.#start(host, signal)));
  }

  /** What a host's sudden death looks like: its daemon is gone, and so are its containers. */
  async killHost(host: Host): Promise<void> {
    const nodeId = (await host.skep("info", "--format", "{{.Swarm.NodeID}}")).trim();
    await this.#kill(host.name);
    for (const container of await this.containers(`com.docker.swarm.node.id=${nodeId}`)) await this.#remove(container);
  }

  /** Ids of the demo's containers on the shared engine; none when the engine is embedded. */
  async containers(label?: string): Promise<readonly string[]> {
    const socket = this.#engine.socket;
    const cluster = await this.#clusterId;
    if (socket === undefined || cluster === undefined) return [];
    const labels = [`skep.cluster.id=${cluster}`, ...(label === undefined ? [] : [label])];
    const filters = encodeURIComponent(JSON.stringify({ label: labels }));
    const body = await engineCall(socket, "GET", `/containers/json?all=1&filters=${filters}`);
    return (JSON.parse(body) as { Id: string }[]).map((each) => each.Id);
  }

  async cleanUp(): Promise<void> {
    const leftovers = await this.containers().catch(() => []);
    for (const name of [...this.#daemons.keys()]) await this.#kill(name);
    for (const container of leftovers) await this.#remove(container);
    await rm(this.#folder, { recursive: true, force: true });
  }

  #clusterIdOnce: Promise<string | undefined> | undefined;
  get #clusterId(): Promise<string | undefined> {
    this.#clusterIdOnce ??= this.hosts[0]
      ?.skep("info", "--format", "{{.Swarm.Cluster.ID}}")
      .then((id) => id.trim() || undefined)
      .catch(() => undefined);
    return this.#clusterIdOnce ?? Promise.resolve(undefined);
  }

  async #start(host: Host, signal: AbortSignal): Promise<void> {
    const logFile = join(this.#folder, `${host.name}.log`);
    const log = await open(logFile, "a");
    const daemon = spawn(
      process.execPath,
      [
        ...[binary, "daemon", "--name", host.name, "--data-dir", join(this.#folder, host.name)],
        ...["--host", `unix://${host.socket}`, "--engine", this.#engine.address],
      ],
      { stdio: ["ignore", log.fd, log.fd] },
    );
    await log.close();
    this.#daemons.set(host.name, daemon);
    const deadline = performance.now() + startBoundMs;
    while (!(await answers(host.socket))) {
      signal.throwIfAborted();
      if (daemon.exitCode !== null || performance.now() > deadline) {
        throw new Error(`the daemon of ${host.name} did not come up:\n${await readFile(logFile, "utf8")}`);
      }
      await new Promise((done) => setTimeout(done, 25));
    }
  }

  async #kill(name: string): Promise<void> {
    const daemon = this.#daemons.get(name);
    this.#daemons.delete(name);
    if (daemon === undefined || daemon.exitCode !== null) return;
    const gone = new Promise((done) => daemon.once("exit", done));
    daemon.kill("SIGKILL");
    await gone;
  }

  async #remove(container: string): Promise<void> {
    if (this.#engine.socket) await engineCall(this.#engine.socket, "DELETE", `/containers/${container}?force=1&v=1`);
  }
}

function aHost(name: string, socket: string, address: string): Host {
  return {
    name,
    socket,
    address,
    skep: (...args) =>
      new Promise((done, fail) => {
        const all = [binary, "-H", `unix://${socket}`, ...args];
        execFile(process.execPath, all, { timeout: commandBoundMs }, (error, stdout, stderr) => {
          if (error) fail(new Error(`skep ${args.join(" ")}: ${stderr.trim() || error.message}`));
          else done(stdout);
        });
      }),
  };
}

async function freePorts(count: number): Promise<readonly number[]> {
  const servers = await Promise.all(
    Array.from(
      { length: count },
      () =>
        new Promise<ReturnType<typeof createServer>>((done, fail) => {
          const server = createServer();
          server.once("error", fail);
          server.listen(0, "127.0.0.1", () => done(server));
        }),
    ),
  );
  const ports = servers.map((server) => {
    const address = server.address();
    return typeof address === "object" && address !== null ? address.port : 0;
  });
  await Promise.all(servers.map((server) => new Promise((done) => server.close(done))));
  return ports;
}

function answers(socketPath: string): Promise<boolean> {
  return engineCall(socketPath, "GET", "/_ping").then(
    () => true,
    () => false,
  );
}

function engineCall(socketPath: string, method: string, path: string): Promise<string> {
  return new Promise((done, fail) => {
    const outgoing = request({ socketPath, method, path, timeout: 10_000 }, (response) => {
      let body = "";
      response.setEncoding("utf8").on("data", (chunk: string) => {
        body += chunk;
      });
      response.on("end", () => done(body));
      response.on("error", fail);
    });
    outgoing.on("timeout", () => outgoing.destroy(new Error(`${socketPath} does not answer`)));
    outgoing.on("error", fail);
    outgoing.end();
  });
}
