// A leader's dispatcher and the workers of its nodes, together on virtual time: store → session → engine → status → store.

import { afterEach, describe, expect, test } from "vitest";
import { Queue, SwarmError, silentLog, silentMetrics } from "../../src/base/index.js";
import { EmbeddedEngine } from "../../src/engine/index.js";
import type { AgentMessage, ManagerMessage } from "../../src/gen/skep/v1/dispatcher.js";
import { NodeState, TaskState } from "../../src/gen/skep/v1/objects.js";
import { NodeRole } from "../../src/gen/skep/v1/specs.js";
import { Dispatcher } from "../../src/manager/dispatcher/index.js";
import { SeededRandom } from "../../src/sim/index.js";
import { type Connection, type LocalState, MemoryState, Worker } from "../../src/worker/index.js";
import {
  aCluster,
  aNode,
  aService,
  aTask,
  type MemoryStore,
  memoryStore,
  putService,
  stateName,
} from "../support/memory.js";

const ended: (() => void)[] = [];
afterEach(() => {
  for (const end of ended.splice(0)) end();
});

/** One node: its engine and memory outlive its daemon. */
class Host {
  readonly engine: EmbeddedEngine;
  readonly #swarm: Swarm;
  readonly #id: string;
  readonly #state: LocalState = new MemoryState();
  #abort = new AbortController();
  #worker: Worker | undefined;
  /** What was said in each session, in order. */
  readonly sessions: { readonly heard: ManagerMessage[]; cut(): void }[] = [];
  isReachable = true;

  constructor(swarm: Swarm, id: string) {
    this.#swarm = swarm;
    this.#id = id;
    this.engine = new EmbeddedEngine({}, { clock: swarm.m.clock, random: new SeededRandom(id.length) });
    this.engine.addImage("nginx:latest");
  }

  boot(): void {
    this.#abort = new AbortController();
    const { clock } = this.#swarm.m;
    const worker = new Worker(
      { nodeId: this.#id, clusterId: "cluster-1", bootId: "boot1", advertiseAddr: "" },
      {
        engine: this.engine,
        state: this.#state,
        clock,
        random: new SeededRandom(7),
        log: silentLog,
        metrics: silentMetrics,
        connect: () => this.#connect(),
        daemonFacts: () => ({ name: this.#id, skepVersion: "1", level: 1 }),
        stateChanged: () => undefined,
        leaderIs: () => undefined,
        removed: () => undefined,
      },
    );
    this.#worker = worker;
    worker.run(this.#abort.signal).catch(() => undefined);
    ended.push(() => this.#abort.abort(new Error("the test is over")));
  }

  /** SIGTERM. */
  async stop(): Promise<void> {
    await this.#worker?.restarting();
    this.#abort.abort(new Error("stopped"));
  }

  /** kill -9: nobody is told. */
  kill(): void {
    this.isReachable = false;
    this.sessions.at(-1)?.cut();
    this.#abort.abort(new Error("killed"));
  }

  running(): string[] {
    return this.engine.machines.filter(({ phase }) => phase.kind === "running").map(({ name }) => name);
  }

  #connect(): Promise<Connection> {
    if (!this.isReachable) return Promise.reject(new SwarmError("Unavailable", "no route"));
    const up = new Queue<AgentMessage>("up", 10_000);
    const down = new Queue<ManagerMessage>("down", 10_000);
    const link = new AbortController();
    const heard: ManagerMessage[] = [];
    const cut = (): void => {
      const error = new SwarmError("Unavailable", "the link was cut");
      link.abort(error);
      up.end(error);
      down.end(error);
    };
    this.sessions.push({ heard, cut });
    void this.#serve(up, down, heard, link.signal);
    return Promise.resolve({
      send: (message) => {
        if (link.signal.aborted) return Promise.reject(link.signal.reason as Error);
        up.push(message);
        return Promise.resolve();
      },
      messages: down,
      close: cut,
    });
  }

  async #serve(up: Queue<AgentMessage>, down: Queue<ManagerMessage>, heard: ManagerMessage[], signal: AbortSignal) {
    const peer = { nodeId: this.#id, role: NodeRole.WORKER, address: "10.0.0.9" };
    try {
      for await (const message of this.#swarm.dispatcher.session(peer, up, signal)) {
        heard.push(message);
        down.push(message);
      }
      down.end();
    } catch (error) {
      down.end(error as Error);
    }
  }
}

class Swarm {
  readonly m: MemoryStore = memoryStore();
  dispatcher: Dispatcher;
  #leading = new AbortController();
  readonly #hosts = new Map<string, Host>();

  private constructor() {
    this.dispatcher = this.#lead();
  }

  /** A cluster of one service and these nodes, up and READY. */
  static async of(...nodeIds: string[]): Promise<Swarm> {
    const swarm = new Swarm();
    const { writer, clock } = swarm.m;
    await writer.update((tx) => {
      tx.put("cluster", aCluster());
      putService(tx, aService({ id: "web", name: "web" }));
      for (const id of nodeIds) tx.put("node", { ...aNode({ id }), status: undefined, description: undefined });
    });
    for (const id of nodeIds) {
      const host = new Host(swarm, id);
      swarm.#hosts.set(id, host);
      host.boot();
    }
    await clock.runUntil(() => nodeIds.every((id) => swarm.node(id)?.state === NodeState.READY), 5_000, "READY nodes");
    return swarm;
  }

  host(id: string): Host {
    const host = this.#hosts.get(id);
    if (!host) throw new Error(`no host ${id}`);
    return host;
  }

  node(id: string) {
    return this.m.store.table("node").get(id)?.status;
  }

  state(taskId: string): string {
    return stateName(this.m.store.table("task").get(taskId)?.status?.state);
  }

  /** Another manager takes over, with the same store. */
  changeLeader(): void {
    this.m.changeLeader();
    this.#leading.abort(new Error("leadership ended"));
    this.dispatcher = this.#lead();
  }

  async assign(taskId: string, nodeId: string): Promise<void> {
    const task = aTask({ id: taskId, serviceId: "web", nodeId, state: "ASSIGNED" });
    await this.m.writer.update((tx) => tx.put("task", task));
  }

  async desire(taskId: string, desiredState: TaskState): Promise<void> {
    await this.m.writer.update((tx) => {
      const task = tx.table("task").get(taskId);
      if (task) tx.put("task", { ...task, desiredState });
    });
  }

  until(taskId: string, state: keyof typeof TaskState): Promise<void> {
    return this.m.clock.runUntil(() => this.state(taskId) === state, 60_000, `${taskId} ${state}`);
  }

  #lead(): Dispatcher {
    const { store, writer, clock, random, log, metrics } = this.m;
    const dispatcher = new Dispatcher({}, { store, writer, clock, random, log, metrics, managers: () => [] });
    const leading = new AbortController();
    this.#leading = leading;
    dispatcher.run(leading.signal).catch(() => undefined);
    ended.push(() => leading.abort(new Error("the test is over")));
    return dispatcher;
  }
}

describe("a leader and its nodes", () => {
  test("a task placed on a node runs there, and its end is known", async () => {
    const swarm = await Swarm.of("n1", "n2");
    await swarm.assign("t1", "n1");
    await swarm.until("t1", "RUNNING");
    expect(swarm.host("n1").running()).toEqual(["web.1.t1"]);
    expect(swarm.host("n2").running()).toEqual([]);
    expect(swarm.m.store.table("task").get("t1")?.status?.appliedAt).toBeDefined();
    swarm.host("n1").engine.killProcess("web.1.t1");
    await swarm.until("t1", "FAILED");
    expect(swarm.m.store.table("task").get("t1")?.status?.err).toBe("task: non-zero exit (137)");
  });

  test("a task told to stop stops; a deleted one leaves no container", async () => {
    const swarm = await Swarm.of("n1");
    await swarm.assign("t1", "n1");
    await swarm.until("t1", "RUNNING");
    await swarm.desire("t1", TaskState.SHUTDOWN);
    await swarm.until("t1", "SHUTDOWN");
    expect(swarm.host("n1").engine.machines).toHaveLength(1);
    await swarm.m.writer.update((tx) => tx.delete("task", "t1"));
    await swarm.m.clock.advance(1_000);
    expect(swarm.host("n1").engine.machines).toEqual([]);
  });

  test("a link that breaks changes nothing: the next session's first set is empty", async () => {
    const swarm = await Swarm.of("n1");
    const host = swarm.host("n1");
    await swarm.assign("t1", "n1");
    await swarm.until("t1", "RUNNING");
    host.sessions.at(-1)?.cut();
    await swarm.m.clock.advance(2_900);
    expect(host.sessions).toHaveLength(2);
    const sets = host.sessions[1]?.heard.flatMap(({ message }) =>
      message?.$case === "assignments" ? [message.value] : [],
    );
    expect(sets).toEqual([{ number: 1, update: [], remove: [], firstSetComplete: true }]);
    expect(swarm.node("n1")?.state).toBe(NodeState.READY);
    await swarm.assign("t2", "n1");
    await swarm.until("t2", "RUNNING");
  });

  test("a silent node is DOWN after 3 s; when it is back it stops what was replaced", async () => {
    const swarm = await Swarm.of("n1", "n2");
    const host = swarm.host("n1");
    await swarm.assign("t1", "n1");
    await swarm.until("t1", "RUNNING");
    const killedMs = swarm.m.clock.monotonic();
    host.kill();
    await swarm.m.clock.runUntil(() => swarm.node("n1")?.state === NodeState.DOWN, 10_000, "DOWN");
    expect(swarm.m.clock.monotonic() - killedMs).toBeGreaterThan(1_900);
    expect(swarm.m.clock.monotonic() - killedMs).toBeLessThan(3_600);
    expect(swarm.node("n2")?.state).toBe(NodeState.READY);
    await swarm.desire("t1", TaskState.SHUTDOWN);
    host.isReachable = true;
    host.boot();
    await swarm.until("t1", "SHUTDOWN");
    expect(swarm.node("n1")?.state).toBe(NodeState.READY);
    expect(host.running()).toEqual([]);
  });

  test("a daemon that restarts is expected back, and its container is the same", async () => {
    const swarm = await Swarm.of("n1");
    const host = swarm.host("n1");
    await swarm.assign("t1", "n1");
    await swarm.until("t1", "RUNNING");
    const before = host.engine.machines.map(({ id }) => id);
    await swarm.m.clock.finish(host.stop(), 5_000);
    await swarm.m.clock.advance(20_000);
    expect(swarm.node("n1")).toMatchObject({ state: NodeState.READY, suspended: true });
    host.boot();
    await swarm.m.clock.advance(1_000);
    expect(swarm.node("n1")).toMatchObject({ state: NodeState.READY, suspended: false, message: "" });
    expect(host.engine.machines.map(({ id }) => id)).toEqual(before);
    expect(swarm.state("t1")).toBe("RUNNING");
  });

  test("an engine that is silent suspends its node, then takes it down, and nothing of it failed when it is back", async () => {
    const swarm = await Swarm.of("n1");
    const host = swarm.host("n1");
    await swarm.assign("t1", "n1");
    await swarm.until("t1", "RUNNING");
    host.engine.crash();
    await swarm.m.clock.advance(8_000);
    expect(swarm.node("n1")).toMatchObject({ state: NodeState.READY, suspended: true });
    await swarm.m.clock.advance(14_000);
    expect(swarm.node("n1")?.state).toBe(NodeState.DOWN);
    host.engine.recover();
    await swarm.m.clock.advance(3_000);
    expect(swarm.node("n1")).toMatchObject({ state: NodeState.READY, suspended: false });
    expect(swarm.state("t1")).toBe("RUNNING");
    expect(host.running()).toEqual(["web.1.t1"]);
  });

  test("a new leader changes no node and no task", async () => {
    const swarm = await Swarm.of("n1", "n2");
    await swarm.assign("t1", "n1");
    await swarm.until("t1", "RUNNING");
    const before = [swarm.node("n1"), swarm.node("n2"), swarm.m.store.table("task").get("t1")];
    swarm.changeLeader();
    await swarm.m.clock.advance(10_000);
    expect([swarm.node("n1"), swarm.node("n2"), swarm.m.store.table("task").get("t1")]).toEqual(before);
    await swarm.assign("t2", "n2");
    await swarm.until("t2", "RUNNING");
  });
});
