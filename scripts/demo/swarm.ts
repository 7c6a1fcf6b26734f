// The demo's hosts together: managers and workers; all use one Docker Engine, or each the one in its memory.

import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { containersOf, type DemoContainer, removeAll } from "./containers.js";
import type { DemoEngine } from "./engine.js";
import { Host } from "./host.js";
import { ask } from "./http.js";

export class DemoSwarm {
  readonly folder: string;
  readonly managers: readonly Host[];
  readonly workers: readonly Host[];
  readonly #engine: DemoEngine;
  /** Known from init on; before, no container can be there. */
  #clusterId: string | undefined;
  readonly #hostOfNode = new Map<string, Host>();

  private constructor(folder: string, engine: DemoEngine, managers: readonly Host[], workers: readonly Host[]) {
    this.folder = folder;
    this.#engine = engine;
    this.managers = managers;
    this.workers = workers;
  }

  static async prepare(
    engine: DemoEngine,
    names: { readonly managers: readonly string[]; readonly workers: readonly string[] },
    signal: AbortSignal,
  ): Promise<DemoSwarm> {
    const folder = await mkdtemp(join(tmpdir(), "skep-demo-"));
    const all = [...names.managers, ...names.workers];
    const ports = await freePorts(all.length);
    const hosts = all.map(
      (name, at) => new Host({ name, address: `127.0.0.1:${ports[at]}`, folder, engine: engine.address, signal }),
    );
    return new DemoSwarm(folder, engine, hosts.slice(0, names.managers.length), hosts.slice(names.managers.length));
  }

  /** The one that is asked, unless another is named. */
  get manager(): Host {
    const [first] = this.managers;
    if (first === undefined) throw new Error("a swarm needs a manager");
    return first;
  }

  get hosts(): readonly Host[] {
    return [...this.managers, ...this.workers];
  }

  /** Answers how long the slowest took, in ms. */
  async startDaemons(): Promise<number> {
    return Math.max(...(await Promise.all(this.hosts.map((host) => host.start()))));
  }

  /** Runs `skep swarm init`, and answers with the command. */
  async init(): Promise<readonly string[]> {
    const { manager } = this;
    const command = ["swarm", "init", "--advertise-addr", manager.address, "--listen-addr", manager.address];
    await manager.skep(...command);
    const { ID } = (await ask(manager.socket, "GET", "/swarm")) as { readonly ID: string };
    this.#clusterId = ID;
    await this.#remember(manager);
    return command;
  }

  /** Runs `skep swarm join` on a host, and answers with the command. */
  async join(host: Host, token: string): Promise<readonly string[]> {
    const command = ["swarm", "join", "--listen-addr", host.address, "--token", token, this.manager.address];
    await host.skep(...command);
    await this.#remember(host);
    return command;
  }

  /** The manager that leads, as one that is up says. */
  async leader(): Promise<Host> {
    const asked = this.managers.find(({ isUp }) => isUp) ?? this.manager;
    const nodes = (await ask(asked.socket, "GET", "/nodes")) as readonly ListedNode[];
    const leads = nodes.find(({ ManagerStatus }) => ManagerStatus?.Leader === true);
    const leader = leads && this.#hostOfNode.get(leads.ID);
    if (leader === undefined) throw new Error("nobody leads");
    return leader;
  }

  /** The command that creates a service which runs on this engine. */
  createService(name: string, replicas: number): readonly string[] {
    return [
      ...["service", "create", "--quiet", "--name", name, "--replicas", String(replicas)],
      ...["--stop-grace-period", "1s", "--restart-delay", "500ms", "--constraint", "node.role==worker"],
      ...[this.#engine.image, ...this.#engine.command],
    ];
  }

  /** The swarm's containers on all hosts that are up. */
  async containers(status?: "running"): Promise<readonly DemoContainer[]> {
    const clusterId = this.#clusterId;
    if (clusterId === undefined) return [];
    const up = this.hosts.filter(({ isUp }) => isUp).map(({ socket }) => socket);
    const sockets = this.#engine.socket === undefined ? up : [this.#engine.socket];
    return (await Promise.all(sockets.map((socket) => containersOf(socket, clusterId, status)))).flat();
  }

  /** Kills one running container from outside, through the Docker API of its host; answers where it was. */
  async killContainer(): Promise<{ readonly host: Host; readonly container: string }> {
    const [first] = await this.containers("running");
    const host = first && this.#hostOfNode.get(first.nodeId);
    if (host === undefined) throw new Error("no container runs");
    await ask(host.socket, "POST", `/containers/${first?.id}/kill`);
    return { host, container: first?.id ?? "" };
  }

  /** What a host's sudden death looks like: its daemon is gone, and so are its containers. */
  async killHost(host: Host): Promise<void> {
    await host.kill();
    const { socket } = this.#engine;
    if (socket === undefined) return;
    await removeAll(socket, async () =>
      (await this.containers()).filter(({ nodeId }) => this.#hostOfNode.get(nodeId) === host),
    );
  }

  /** Ends every process, removes every container and the folder; says so. Needs no daemon to be alive. */
  async cleanUp(): Promise<string> {
    const daemons = this.hosts.filter(({ isUp }) => isUp).length;
    await Promise.all(this.hosts.map((host) => host.kill()));
    const { socket } = this.#engine;
    const isClean = socket === undefined || this.#clusterId === undefined;
    const containers = isClean ? 0 : await removeAll(socket, () => this.containers());
    await rm(this.folder, { recursive: true, force: true });
    return `${daemons} daemons ended, ${containers} containers removed, ${this.folder} removed`;
  }

  /** The end of the manager's log. */
  lastWords(): Promise<string> {
    return this.manager.logTail();
  }

  async #remember(host: Host): Promise<void> {
    const { Swarm } = (await ask(host.socket, "GET", "/info")) as { readonly Swarm: { readonly NodeID: string } };
    this.#hostOfNode.set(Swarm.NodeID, host);
  }
}

interface ListedNode {
  readonly ID: string;
  readonly ManagerStatus?: { readonly Leader?: boolean };
}

/** Free a moment ago. */
async function freePorts(count: number): Promise<readonly number[]> {
  const servers = await Promise.all(Array.from({ length: count }, listening));
  const ports = servers.map((server) => {
    const address = server.address();
    return typeof address === "object" && address !== null ? address.port : 0;
  });
  await Promise.all(servers.map((server) => new Promise((done) => server.close(done))));
  return ports;
}

function listening(): Promise<ReturnType<typeof createServer>> {
  return new Promise((done, fail) => {
    const server = createServer();
    server.once("error", fail);
    server.listen(0, "127.0.0.1", () => done(server));
  });
}
