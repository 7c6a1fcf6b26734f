// A cluster of one side on the given hosts, and what is measured on it: each operation answers with milliseconds.

import { eventually, type Host } from "../../test/e2e/support/index.js";
import type { Side } from "./side.js";

/** Bounds of the waits; a side that needs longer has failed, it is not merely slow. */
const CREATE_MS = 180_000;
const REMOVE_MS = 120_000;
const LOSS_MS = 120_000;
const UPDATE_MS = 180_000;

export interface Formation {
  readonly initMs: number;
  /** Median over the hosts that joined: from the call to its answer. */
  readonly joinMs: number;
}

export class BenchCluster {
  readonly #side: Side;
  readonly #hosts: readonly Host[];

  constructor(side: Side, hosts: readonly Host[]) {
    this.#side = side;
    this.#hosts = hosts;
  }

  /** One init and joins one after another, until all nodes are ready. */
  async form(managers: number): Promise<Formation> {
    await Promise.all(this.#hosts.map((host) => this.#side.prepare(host)));
    const [first, ...others] = this.#hosts;
    if (first === undefined) throw new Error("a cluster needs a host");
    const initMs = await timed(() =>
      this.#ok("POST", "/swarm/init", { ListenAddr: "0.0.0.0:2377", AdvertiseAddr: first.address }),
    );
    const { JoinTokens } = (await this.#ok("GET", "/swarm")) as { JoinTokens: { Worker: string; Manager: string } };
    const joins: number[] = [];
    for (const [index, host] of others.entries()) {
      const JoinToken = index + 1 < managers ? JoinTokens.Manager : JoinTokens.Worker;
      joins.push(await timed(() => this.#join(host, first, JoinToken)));
    }
    await eventually(async () => (await this.#readyNodes()) === this.#hosts.length, {
      what: `${this.#side.name}: all nodes ready`,
      withinMs: 60_000,
    });
    return { initMs, joinMs: median(joins) };
  }

  async clear(): Promise<void> {
    // Workers first: a manager that leaves first leaves them searching for it.
    for (const host of this.#hosts.toReversed()) await this.#side.clear(host);
  }

  /** From the request until the cluster shows all replicas running. */
  async create(name: string, replicas: number): Promise<{ readonly id: string; readonly tookMs: number }> {
    const from = performance.now();
    const { ID: id } = (await this.#ok("POST", "/services/create", serviceSpec(name, replicas))) as { ID: string };
    await eventually(async () => (await this.#running(id)).length >= replicas, {
      what: `${this.#side.name}: ${replicas} tasks of ${name} run`,
      withinMs: CREATE_MS,
      everyMs: pollMs(replicas),
    });
    const tookMs = performance.now() - from;
    const containers = await this.#containers(id);
    if (containers !== replicas)
      throw new Error(`${this.#side.name} says ${replicas} run, the engines have ${containers}`);
    return { id, tookMs };
  }

  /** A rolling update by a new environment: until as many tasks as before run with it, and until it is called complete. */
  async update(id: string, replicas: number, config: UpdateConfig): Promise<Rolled> {
    const { Version, Spec } = (await this.#ok("GET", `/services/${id}`)) as ServiceRow;
    const { TaskTemplate } = Spec;
    const Env = [`ROUND=${Version.Index}`];
    const body = {
      ...Spec,
      TaskTemplate: { ...TaskTemplate, ContainerSpec: { ...TaskTemplate.ContainerSpec, Env } },
      UpdateConfig: config,
    };
    const from = performance.now();
    await this.#ok("POST", `/services/${id}/update?version=${Version.Index}`, body);
    const isNew = ({ Spec: spec }: Task): boolean => spec.ContainerSpec.Env?.[0] === Env[0];
    await eventually(async () => (await this.#running(id)).filter(isNew).length >= replicas, {
      what: `${this.#side.name}: ${replicas} tasks run with the new spec`,
      withinMs: UPDATE_MS,
      everyMs: pollMs(replicas),
    });
    const tookMs = performance.now() - from;
    await eventually(async () => (await this.#updateState(id)) === "completed", {
      what: `${this.#side.name}: the update is complete`,
      withinMs: UPDATE_MS,
      everyMs: pollMs(replicas),
    });
    const all = encodeURIComponent(JSON.stringify({ service: [id] }));
    const tasks = (await this.#ok("GET", `/tasks?filters=${all}`)) as readonly Task[];
    return { tookMs, completeMs: performance.now() - from, leastRunning: leastRunning(tasks, isNew) };
  }

  async #updateState(id: string): Promise<string | undefined> {
    return ((await this.#ok("GET", `/services/${id}`)) as ServiceRow).UpdateStatus?.State;
  }

  /** From the request until no engine has a container of the service. */
  async remove(id: string, replicas: number): Promise<number> {
    const from = performance.now();
    await this.#ok("DELETE", `/services/${id}`);
    await eventually(async () => (await this.#containers(id)) === 0, {
      what: `${this.#side.name}: no container of the removed service is left`,
      withinMs: REMOVE_MS,
      everyMs: pollMs(replicas),
    });
    return performance.now() - from;
  }

  /** A worker falls silent: until as many tasks as before run on the others. The worker is back when this returns. */
  async loseWorker(id: string, replicas: number): Promise<number> {
    const lost = this.#hosts.at(-1);
    if (lost === undefined) throw new Error("no host to lose");
    const lostId = await this.#nodeId(lost);
    if ((await this.#running(id)).every(({ NodeID }) => NodeID !== lostId))
      throw new Error("the worker to lose runs nothing");
    const from = performance.now();
    await lost.linkDown();
    await eventually(
      async () => (await this.#running(id)).filter(({ NodeID }) => NodeID !== lostId).length >= replicas,
      { what: `${this.#side.name}: the lost worker's tasks run elsewhere`, withinMs: LOSS_MS, everyMs: 20 },
    );
    const tookMs = performance.now() - from;
    await lost.linkUp();
    await eventually(async () => (await this.#readyNodes()) === this.#hosts.length, {
      what: `${this.#side.name}: the lost worker is back`,
      withinMs: 120_000,
    });
    return tookMs;
  }

  /** `GET /services` a second, by `clients` that each ask again as soon as they have their answer. */
  async listsPerSecond(clients: number, forMs: number): Promise<number> {
    const until = performance.now() + forMs;
    let answers = 0;
    const ask = async (): Promise<void> => {
      while (performance.now() < until) {
        await this.#ok("GET", "/services");
        answers += 1;
      }
    };
    await Promise.all(Array.from({ length: clients }, ask));
    return (answers * 1000) / forMs;
  }

  async #join(host: Host, first: Host, JoinToken: string): Promise<void> {
    const RemoteAddrs = [`${first.address}:2377`];
    await this.#side.http(host).ok("POST", "/swarm/join", {
      body: { ListenAddr: "0.0.0.0:2377", AdvertiseAddr: host.address, RemoteAddrs, JoinToken },
    });
  }

  async #running(serviceId: string): Promise<readonly Task[]> {
    const filters = encodeURIComponent(JSON.stringify({ service: [serviceId], "desired-state": ["running"] }));
    const tasks = (await this.#ok("GET", `/tasks?filters=${filters}`)) as readonly Task[];
    return tasks.filter(({ Status }) => Status.State === "running");
  }

  async #readyNodes(): Promise<number> {
    const nodes = (await this.#ok("GET", "/nodes")) as readonly { Status: { State: string } }[];
    return nodes.filter(({ Status }) => Status.State === "ready").length;
  }

  async #nodeId(host: Host): Promise<string> {
    const { json } = await this.#side.http(host).ok("GET", "/info");
    return (json as { Swarm: { NodeID: string } }).Swarm.NodeID;
  }

  /** Containers of a service in all engines, running or not. */
  async #containers(serviceId: string): Promise<number> {
    const filters = encodeURIComponent(JSON.stringify({ label: [`com.docker.swarm.service.id=${serviceId}`] }));
    const lists = await Promise.all(
      this.#hosts.map((host) => host.engine.http.ok("GET", `/containers/json?all=1&filters=${filters}`)),
    );
    return lists.reduce((total, { json }) => total + (json as readonly unknown[]).length, 0);
  }

  /** Asks the first host, a manager. */
  async #ok(method: string, path: string, body?: unknown): Promise<unknown> {
    const [first] = this.#hosts;
    if (first === undefined) throw new Error("a cluster needs a host");
    const { json } = await this.#side.http(first).ok(method, path, body === undefined ? {} : { body });
    return json;
  }
}

export interface UpdateConfig {
  readonly Parallelism: number;
  readonly Order: "stop-first" | "start-first";
}

interface Rolled {
  readonly tookMs: number;
  readonly completeMs: number;
  /** The fewest tasks that ran at one time, by the states in the store. */
  readonly leastRunning: number;
}

interface ServiceRow {
  readonly Version: { readonly Index: number };
  readonly Spec: { readonly TaskTemplate: { readonly ContainerSpec: Readonly<Record<string, unknown>> } };
  readonly UpdateStatus?: { readonly State?: string };
}

interface Task {
  readonly NodeID: string;
  readonly Status: { readonly State: string; readonly Timestamp: string };
  readonly Spec: { readonly ContainerSpec: { readonly Env?: readonly string[] } };
}

/** Each new task runs from its timestamp on, each old one ran until its: one clock, for all hosts are one machine. */
function leastRunning(tasks: readonly Task[], isNew: (task: Task) => boolean): number {
  const changes = tasks
    .filter(({ Status }) => Status.State === "running" || Status.State === "shutdown")
    .map((task) => ({ at: task.Status.Timestamp, by: isNew(task) ? 1 : -1 }))
    // Timestamps drop their last zeros, so they are compared as times, then as text.
    .sort((a, b) => Date.parse(a.at) - Date.parse(b.at) || (a.at.padEnd(30, "0") < b.at.padEnd(30, "0") ? -1 : 1));
  let running = changes.filter(({ by }) => by < 0).length;
  let least = running;
  for (const { by } of changes) {
    running += by;
    least = Math.min(least, running);
  }
  return least;
}

/** `sleep` as process 1 ignores SIGTERM, so a stop takes the whole grace of 1 s. */
function serviceSpec(Name: string, Replicas: number): unknown {
  return {
    Name,
    TaskTemplate: {
      ContainerSpec: { Image: "busybox:latest", Command: ["sleep", "1000000"], StopGracePeriod: 1_000_000_000 },
    },
    Mode: { Replicated: { Replicas } },
  };
}

/** Often enough to be exact to a percent or two, seldom enough not to weigh on what is measured. */
function pollMs(replicas: number): number {
  return Math.max(10, replicas);
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const from = performance.now();
  await work();
  return performance.now() - from;
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? upper) + upper) / 2;
}
