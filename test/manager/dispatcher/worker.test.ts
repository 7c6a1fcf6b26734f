// Both ends of a session for real: a worker on the embedded engine, the dispatcher, and a link between them.

import { describe, expect, test } from "vitest";
import { Queue, silentLog, silentMetrics } from "../../../src/base/index.js";
import { EmbeddedEngine } from "../../../src/engine/index.js";
import type { AgentMessage, ManagerMessage } from "../../../src/gen/skep/v1/dispatcher.js";
import { TaskState } from "../../../src/gen/skep/v1/objects.js";
import { NodeRole } from "../../../src/gen/skep/v1/specs.js";
import { SeededRandom } from "../../../src/sim/index.js";
import { type Connection, MemoryState, Worker } from "../../../src/worker/index.js";
import { aNode, aService, aTask, putService, stateName } from "../../support/memory.js";
import { aLeader, aStore, type Leader, partText } from "./support.js";

const nodeId = "n";

/** One host: its engine and memory outlive the daemon. */
class Host {
  readonly engine: EmbeddedEngine;
  /** What the leader said, over all sessions. */
  readonly heard: ManagerMessage[] = [];
  readonly removed: string[] = [];
  leader: Leader;
  /** No new connections while true. */
  isCut = false;
  readonly #state = new MemoryState();
  readonly #connections = new Set<AbortController>();
  #worker: Worker | undefined;
  #daemon = new AbortController();

  constructor(leader: Leader) {
    this.leader = leader;
    this.engine = new EmbeddedEngine({ hostname: "h1" }, { clock: leader.clock, random: new SeededRandom(7) });
    this.engine.addImage("busybox");
  }

  start(): void {
    const { clock } = this.leader;
    this.#daemon = new AbortController();
    this.#worker = new Worker(
      { nodeId, clusterId: "cluster-1", bootId: "boot1", advertiseAddr: "" },
      {
        ...{ engine: this.engine, state: this.#state, clock, random: new SeededRandom(9) },
        ...{ log: silentLog, metrics: silentMetrics },
        connect: () => this.#connect(),
        daemonFacts: () => ({ skepVersion: "1", level: 1 }),
        stateChanged: () => {},
        leaderIs: () => {},
        removed: (message) => this.removed.push(message),
      },
    );
    this.#worker.run(this.#daemon.signal).catch(() => undefined);
  }

  /** The connections break and none can be made. */
  cut(): void {
    this.isCut = true;
    for (const connection of this.#connections) connection.abort(new Error("connection lost"));
  }

  /** SIGTERM. */
  async restarting(): Promise<void> {
    await this.leader.clock.finish(this.#worker?.restarting() ?? Promise.resolve(), 1_000);
    this.kill();
  }

  async leaving(): Promise<void> {
    await this.leader.clock.finish(this.#worker?.leaving() ?? Promise.resolve(), 1_000);
    this.kill();
  }

  kill(): void {
    this.#daemon.abort(new Error("killed"));
    for (const connection of this.#connections) connection.abort(new Error("killed"));
  }

  get assignments(): string[] {
    return this.heard.flatMap(({ message }) => (message?.$case === "assignments" ? [partText(message.value)] : []));
  }

  async #connect(): Promise<Connection> {
    if (this.isCut) throw new Error("no route to host");
    const says = new Queue<AgentMessage>("to the manager", 1_000);
    const over = new AbortController();
    const { signal } = over;
    signal.addEventListener("abort", () => says.end(signal.reason as Error), { once: true });
    this.#connections.add(over);
    return {
      send: (message) => {
        if (signal.aborted) return Promise.reject(signal.reason as Error);
        says.push(message);
        return Promise.resolve();
      },
      messages: this.#messages(says, signal),
      close: () => {
        this.#connections.delete(over);
        over.abort(new Error("closed"));
      },
    };
  }

  async *#messages(says: Queue<AgentMessage>, signal: AbortSignal): AsyncGenerator<ManagerMessage> {
    const peer = { nodeId, role: NodeRole.WORKER, address: "10.0.0.1" };
    for await (const message of this.leader.dispatcher.session(peer, says, signal)) {
      this.heard.push(message);
      yield message;
    }
  }
}

async function aHostWithTask(): Promise<{ leader: Leader; host: Host }> {
  const on = aStore();
  await on.writer.update((tx) => {
    putService(tx, aService({ id: "s", name: "web", image: "busybox", spec: withCommand() }));
    tx.put("node", aNode({ id: nodeId, state: "UNKNOWN" }));
  });
  const leader = aLeader(on);
  const host = new Host(leader);
  host.start();
  await leader.clock.advance(100);
  await leader.writer.update((tx) => tx.put("task", aTask({ id: "t", serviceId: "s", nodeId, state: "ASSIGNED" })));
  await leader.clock.advance(1_000);
  return { leader, host };
}

function withCommand() {
  return { task: { container: { image: "busybox", command: ["sleep", "100000"] } } };
}

function taskState(leader: Leader): string {
  return stateName(leader.store.table("task").get("t")?.status?.state);
}

async function containers(host: Host): Promise<string[]> {
  const list = await host.engine.list({}, new AbortController().signal);
  return list.map(({ name, state }) => `${name} ${state}`);
}

describe("a task on a worker", () => {
  test("goes from ASSIGNED to RUNNING, and to SHUTDOWN when asked, and its container goes with it", async () => {
    const { leader, host } = await aHostWithTask();
    expect(leader.statusOf(nodeId)).toBe("READY");
    expect(leader.store.table("node").get(nodeId)?.description?.hostname).toBe("h1");
    expect(taskState(leader)).toBe("RUNNING");
    expect(await containers(host)).toEqual(["web.1.t running"]);
    await leader.writer.update((tx) => {
      const task = tx.table("task").get("t");
      if (task) tx.put("task", { ...task, desiredState: TaskState.SHUTDOWN });
    });
    await leader.clock.advance(15_000);
    expect(taskState(leader)).toBe("SHUTDOWN");
    await leader.writer.update((tx) => tx.delete("task", "t"));
    await leader.clock.advance(1_000);
    expect(await containers(host)).toEqual([]);
    expect(host.assignments).toEqual(["1: complete", "2: +t@512", "3: +t@640", "4: -t"]);
    host.kill();
    await leader.stop();
  });

  test("runs on while the link is cut; the next session has nothing to say", async () => {
    const { leader, host } = await aHostWithTask();
    const { revision } = leader.store;
    host.cut();
    await leader.clock.advance(500);
    host.isCut = false;
    await leader.clock.advance(2_000);
    expect(host.assignments.at(-1)).toBe("1: complete");
    expect(leader.store.revision).toBe(revision);
    expect(leader.statusOf(nodeId)).toBe("READY");
    host.kill();
    await leader.stop();
  });

  test("is heard of by the next leader, which is told what happened meanwhile", async () => {
    const { leader, host } = await aHostWithTask();
    await leader.stop();
    host.cut();
    leader.changeLeader();
    const next = aLeader(leader);
    const [name] = await containers(host);
    expect(name).toBe("web.1.t running");
    const [container] = await host.engine.list({}, new AbortController().signal);
    await leader.clock.finish(host.engine.kill(container?.id ?? "", "SIGKILL", new AbortController().signal), 1_000);
    await leader.clock.advance(500);
    host.leader = next;
    host.isCut = false;
    await leader.clock.advance(4_000);
    expect(taskState(next)).toBe("FAILED");
    expect(next.statusOf(nodeId)).toBe("READY");
    host.kill();
    await next.stop();
  });

  test("is kept while its daemon restarts, and adopted after", async () => {
    const { leader, host } = await aHostWithTask();
    const before = await host.engine.list({}, new AbortController().signal);
    await host.restarting();
    expect(leader.statusOf(nodeId)).toMatch(/^READY suspended: daemon restarting since /);
    await leader.clock.advance(10_000);
    host.start();
    await leader.clock.advance(1_000);
    expect(leader.statusOf(nodeId)).toBe("READY");
    expect(taskState(leader)).toBe("RUNNING");
    expect(host.assignments.at(-1)).toBe("1: complete");
    expect((await host.engine.list({}, new AbortController().signal)).map(({ id }) => id)).toEqual(
      before.map(({ id }) => id),
    );
    host.kill();
    await leader.stop();
  });
});

describe("a worker", () => {
  test("that is killed is DOWN 3 s after its last heartbeat", async () => {
    const { leader, host } = await aHostWithTask();
    host.kill();
    await leader.clock.advance(1_900);
    expect(leader.statusOf(nodeId)).toBe("READY");
    await leader.clock.advance(1_100);
    expect(leader.statusOf(nodeId)).toBe("DOWN: heartbeat failure");
    await leader.stop();
  });

  test("that leaves is DOWN at once", async () => {
    const { leader, host } = await aHostWithTask();
    await host.leaving();
    expect(leader.statusOf(nodeId)).toBe("DOWN: node is shutting down or leaving the swarm");
    await leader.stop();
  });

  test("whose engine dies is suspended, then DOWN, then back with its tasks", async () => {
    const { leader, host } = await aHostWithTask();
    host.engine.crash();
    await leader.clock.advance(6_000);
    expect(leader.statusOf(nodeId)).toMatch(/^READY suspended: engine does not answer: /);
    await leader.clock.advance(15_000);
    expect(leader.statusOf(nodeId)).toMatch(/^DOWN: engine does not answer: /);
    host.engine.recover();
    await leader.clock.advance(2_000);
    expect(leader.statusOf(nodeId)).toBe("READY");
    host.kill();
    await leader.stop();
  });

  test("that is removed stops its containers and says why", async () => {
    const { leader, host } = await aHostWithTask();
    await leader.writer.update((tx) => {
      const { cluster } = tx;
      if (cluster) tx.put("cluster", { ...cluster, removedNodes: [{ nodeId, until: { seconds: 2e9, nanos: 0 } }] });
      tx.delete("node", nodeId);
    });
    await leader.clock.advance(30_000);
    expect(host.removed).toEqual(["node n was removed from swarm"]);
    expect(await containers(host)).toEqual([]);
    host.kill();
    await leader.stop();
  });
});
