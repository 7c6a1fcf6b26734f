import { describe, expect, test } from "vitest";
import { Queue, wallTime } from "../../../src/base/index.js";
import { type AgentMessage, GoodbyeReason } from "../../../src/gen/skep/v1/dispatcher.js";
import { TaskState } from "../../../src/gen/skep/v1/objects.js";
import {
  aNode,
  aService,
  aTask,
  type MemoryStore,
  putService,
  stateName,
  type TaskOptions,
} from "../../support/memory.js";
import { aLeader, aSlowStore, aStatus, aStore, FakeAgent, type Leader, partText } from "./support.js";

/** A leader of nodes that are known and have never been heard of. */
async function leaderOf(...nodeIds: string[]): Promise<Leader> {
  return leaderOn(aStore(), ...nodeIds);
}

async function leaderOn(on: MemoryStore, ...nodeIds: string[]): Promise<Leader> {
  await on.writer.update((tx) => {
    putService(tx, aService({ id: "s", name: "web" }));
    for (const id of nodeIds) tx.put("node", aNode({ id, state: "UNKNOWN" }));
  });
  const leader = aLeader(on);
  await leader.clock.settle();
  return leader;
}

function putTask(leader: Leader, options: TaskOptions): Promise<void> {
  return leader.writer.update((tx) => tx.put("task", aTask({ serviceId: "s", state: "ASSIGNED", ...options })));
}

function taskState(leader: Leader, id: string): string {
  return stateName(leader.store.table("task").get(id)?.status?.state);
}

/** Sessions of all these nodes, beating. */
async function join(leader: Leader, ...nodeIds: string[]): Promise<FakeAgent[]> {
  const agents = nodeIds.map((nodeId) => new FakeAgent(leader, nodeId).keepBeating());
  await leader.clock.settle();
  return agents;
}

function only<T>(items: readonly T[]): T {
  const [item] = items;
  if (item === undefined) throw new Error("there should be one");
  return item;
}

describe("a session", () => {
  test("makes its node READY, tells it the cluster, then what it is to run", async () => {
    const leader = await leaderOf("n");
    await putTask(leader, { id: "t", nodeId: "n" });
    const agent = new FakeAgent(leader, "n", {
      description: { hostname: "h1" },
      advertiseAddr: "192.0.2.7:2377",
    });
    await leader.clock.settle();
    const node = leader.store.table("node").get("n");
    expect(leader.statusOf("n")).toBe("READY");
    expect(node?.status?.addr).toBe("192.0.2.7");
    expect(node?.description?.hostname).toBe("h1");
    expect(agent.kinds()).toEqual(["welcome", "assignments"]);
    expect(agent.heard[0]?.message?.value).toMatchObject({
      clusterId: "cluster-1",
      state: { node, managers: leader.managers, heartbeatPeriod: { seconds: 1, nanos: 0 } },
    });
    expect(agent.assignments.map(partText)).toEqual(["1: +t@512 complete"]);
    await leader.stop();
  });

  test("takes the address it is seen at when the agent says none", async () => {
    const leader = await leaderOf("n");
    await join(leader, "n");
    expect(leader.store.table("node").get("n")?.status?.addr).toBe("10.0.0.1");
    await leader.stop();
  });

  test("that is resumed writes nothing and sends nothing the agent holds", async () => {
    const leader = await leaderOf("n");
    await putTask(leader, { id: "t", nodeId: "n" });
    const description = { hostname: "h1" };
    const first = new FakeAgent(leader, "n", { description });
    await leader.clock.settle();
    first.cut();
    await leader.clock.advance(2_000);
    const revision = leader.store.revision;
    const second = new FakeAgent(leader, "n", { description, tasks: [{ id: "t", version: TaskState.RUNNING }] });
    await leader.clock.settle();
    expect(second.assignments.map(partText)).toEqual(["1: complete"]);
    expect(leader.store.revision).toBe(revision);
    expect(first.over).toBe("connection lost");
    await leader.stop();
  });

  test("is told of changes at once, and of statuses never", async () => {
    const leader = await leaderOf("n", "m");
    const [agent] = await join(leader, "n", "m");
    await putTask(leader, { id: "t", nodeId: "n" });
    await putTask(leader, { id: "elsewhere", nodeId: "m" });
    await putTask(leader, { id: "early", nodeId: "n", state: "PENDING" });
    agent?.report({ number: 1, tasks: [{ taskId: "t", status: aStatus("RUNNING") }] });
    await leader.clock.settle();
    await leader.writer.update((tx) => tx.setStatus("early", aStatus("ASSIGNED")));
    await leader.clock.settle();
    await putTask(leader, { id: "t", nodeId: "n", state: "RUNNING", desired: "SHUTDOWN" });
    await leader.clock.settle();
    await leader.writer.update((tx) => tx.delete("task", "t"));
    await leader.clock.settle();
    expect(agent?.assignments.map(partText)).toEqual([
      "1: complete",
      "2: +t@512",
      "3: +early@512",
      "4: +t@640",
      "5: -t",
    ]);
    await leader.stop();
  });

  test("hears its heartbeats and acknowledgements before a large set", async () => {
    const leader = await leaderOf("n");
    const spec = { annotations: { name: "big", labels: { text: "x".repeat(50_000) } } };
    await leader.writer.update((tx) => putService(tx, aService({ id: "big", spec })));
    for (const id of ["t1", "t2", "t3", "t4"]) await putTask(leader, { id, serviceId: "big", nodeId: "n" });
    const agent = new FakeAgent(leader, "n");
    const go = agent.stopReading();
    await leader.clock.settle();
    agent.keepBeating();
    agent.report({ number: 1, tasks: [{ taskId: "t1", status: aStatus("ACCEPTED") }] });
    await leader.clock.settle();
    go();
    await leader.clock.settle();
    expect(agent.kinds().slice(0, 4)).toEqual(["welcome", "heartbeat", "statuses", "assignments"]);
    expect(agent.assignments.flatMap(({ update }) => update.map(({ id }) => id))).toEqual(["t1", "t2", "t3", "t4"]);
    await leader.stop();
  });

  test("is told the cluster again when that changed, and only then", async () => {
    const leader = await leaderOf("n");
    const agent = only(await join(leader, "n"));
    await leader.clock.advance(5_000);
    expect(agent.kinds().filter((kind) => kind === "state")).toEqual([]);
    leader.managers = [...leader.managers, { nodeId: "m2", addr: "10.0.0.10:2377" }];
    await leader.clock.advance(250);
    await leader.writer.update((tx) => {
      const node = tx.table("node").get("n");
      if (node) tx.put("node", { ...node, role: 1 });
    });
    await leader.clock.settle();
    const states = agent.heard.flatMap(({ message }) => (message?.$case === "state" ? [message.value] : []));
    expect(states.map(({ managers, node }) => [managers.length, node?.role])).toEqual([
      [2, 0],
      [2, 1],
    ]);
    await leader.stop();
  });

  test("ends when a newer one of the same node comes", async () => {
    const leader = await leaderOf("n");
    const first = only(await join(leader, "n"));
    const second = only(await join(leader, "n"));
    await leader.clock.advance(10_000);
    expect(first.lastRefusal).toBe(
      "SUPERSEDED: another session of this node took over: is the same node started twice?",
    );
    expect(second.over).toBeUndefined();
    expect(leader.statusOf("n")).toBe("READY");
    await putTask(leader, { id: "t", nodeId: "n" });
    await leader.clock.settle();
    expect(second.assignments.map(partText)).toEqual(["1: complete", "2: +t@512"]);
    await leader.stop();
  });

  test.each([
    {
      name: "a node of another swarm",
      nodeId: "stranger",
      format: 1,
      refusal: "NODE_UNKNOWN: node stranger is not a node of this swarm",
    },
    { name: "a removed node", nodeId: "gone", format: 1, refusal: "NODE_REMOVED: node gone was removed from swarm" },
    {
      name: "a newer agent",
      nodeId: "n",
      format: 2,
      refusal: "PROTOCOL: the node speaks session format 2, newer than this manager's 1: upgrade the manager",
    },
    {
      name: "an older agent",
      nodeId: "n",
      format: 0,
      refusal: "PROTOCOL: the node speaks session format 0, older than this manager's 1: upgrade the node",
    },
  ])("of $name is refused", async ({ nodeId, format, refusal }) => {
    const leader = await leaderOf("n");
    await removeNode(leader, "gone");
    const agent = new FakeAgent(leader, nodeId, { format });
    await leader.clock.settle();
    expect(agent.lastRefusal).toBe(refusal);
    expect(agent.over).toBe("");
    await leader.stop();
  });

  test("ends at once when its node is removed", async () => {
    const leader = await leaderOf("n");
    const agent = only(await join(leader, "n"));
    await removeNode(leader, "n");
    await leader.clock.settle();
    expect(agent.lastRefusal).toBe("NODE_REMOVED: node n was removed from swarm");
    await leader.stop();
  });

  test("ends for all when this manager does not lead any more", async () => {
    const leader = await leaderOf("n");
    const agent = only(await join(leader, "n"));
    await leader.stop();
    expect(agent.lastRefusal).toBe("NOT_LEADER: this manager does not lead the swarm any more");
    expect(only(await join(leader, "n")).lastRefusal).toBe("NOT_LEADER: this manager does not lead the swarm any more");
  });

  test("that does not begin with an open, or not in time, fails", async () => {
    const leader = await leaderOf("n");
    const { dispatcher, clock } = leader;
    const peer = { nodeId: "n", role: 0 as const, address: "10.0.0.1" };
    const says = new Queue<AgentMessage>("says", 1);
    says.push({ message: { $case: "heartbeat", value: { number: 1 } } });
    const wrong = dispatcher.session(peer, says, new AbortController().signal).next();
    await expect(wrong).rejects.toThrow("a session begins with what the agent holds");
    const waiting = dispatcher.session(peer, new Queue("silence", 1), new AbortController().signal).next();
    await expect(clock.finish(waiting, 6_000)).rejects.toThrow("the agent said nothing for 5 s");
    await leader.stop();
  });
});

describe("statuses", () => {
  test("are stored, stamped and acknowledged once committed", async () => {
    const leader = await leaderOf("n");
    await putTask(leader, { id: "t", nodeId: "n" });
    await putTask(leader, { id: "other", nodeId: "m" });
    const agent = only(await join(leader, "n"));
    agent.report({
      number: 7,
      tasks: [
        { taskId: "t", status: aStatus("RUNNING", { container: { containerId: "c1" } }) },
        { taskId: "other", status: aStatus("FAILED") },
        { taskId: "nobody's", status: aStatus("FAILED") },
      ],
    });
    await leader.clock.settle();
    expect(taskState(leader, "t")).toBe("RUNNING");
    expect(leader.store.table("task").get("t")?.status?.appliedAt).toEqual(wallTime(leader.clock.now()));
    expect(taskState(leader, "other")).toBe("ASSIGNED");
    expect(agent.heard.at(-1)?.message).toEqual({ $case: "statuses", value: { number: 7 } });
    agent.report({ number: 8, tasks: [{ taskId: "t", status: aStatus("PREPARING") }] });
    await leader.clock.settle();
    expect(taskState(leader, "t")).toBe("RUNNING");
    expect(agent.heard.at(-1)?.message).toEqual({ $case: "statuses", value: { number: 8 } });
    await leader.stop();
  });

  test("of more tasks than one transaction holds are all stored", async () => {
    const leader = await leaderOf("n", "m");
    const ids = Array.from({ length: 3_000 }, (_, index) => `t${index}`);
    for (const [index, id] of ids.entries()) void putTask(leader, { id, nodeId: index < 1_500 ? "n" : "m" });
    const agents = await join(leader, "n", "m");
    for (const [index, agent] of agents.entries()) {
      const own = ids.slice(index * 1_500, (index + 1) * 1_500);
      agent.report({ number: 1, tasks: own.map((taskId) => ({ taskId, status: aStatus("RUNNING") })) });
    }
    await leader.clock.settle();
    expect(ids.filter((id) => taskState(leader, id) !== "RUNNING")).toEqual([]);
    await leader.stop();
  });

  test("whose entry was lost are stored by the next, and acknowledged then", async () => {
    const on = aSlowStore();
    const leader = await leaderOn(on, "n");
    await putTask(leader, { id: "t", nodeId: "n" });
    const agent = only(await join(leader, "n"));
    on.loseNext();
    agent.report({ number: 1, tasks: [{ taskId: "t", status: aStatus("RUNNING") }] });
    await leader.clock.settle();
    expect(agent.kinds()).not.toContain("statuses");
    await leader.clock.advance(100);
    expect(taskState(leader, "t")).toBe("RUNNING");
    expect(agent.kinds()).toContain("statuses");
    expect(leader.failure).toBeUndefined();
    await leader.stop();
  });

  test("beyond any honest agent's end the session", async () => {
    const leader = await leaderOf("n");
    const agent = only(await join(leader, "n"));
    for (let number = 1; number <= 17; number += 1) agent.report({ number, tasks: [] });
    agent.report({ number: 18, tasks: [{ taskId: "t", status: aStatus("FAILED", { err: "x".repeat(300_000) }) }] });
    await leader.clock.settle();
    expect(agent.over).toBe("too many task statuses at once");
    await leader.stop();
  });
});

describe("a node that falls silent", () => {
  test("is DOWN 3 s after its last heartbeat, and READY again with its next session", async () => {
    const leader = await leaderOf("n", "m");
    const [agent] = await join(leader, "n", "m");
    await leader.clock.advance(4_500);
    agent?.fallSilent();
    await leader.clock.advance(2_499);
    expect(leader.statusOf("n")).toBe("READY");
    await leader.clock.advance(1);
    expect(leader.statusOf("n")).toBe("DOWN: heartbeat failure");
    expect(leader.store.table("node").get("n")?.status?.since).toEqual(wallTime(leader.clock.now()));
    expect(agent?.over).toBe("heartbeat failure");
    expect(leader.statusOf("m")).toBe("READY");
    await join(leader, "n");
    expect(leader.statusOf("n")).toBe("READY");
    await leader.stop();
  });

  test("and comes back while that is being written is READY in the end", async () => {
    const on = aSlowStore();
    const leader = await leaderOn(on, "n");
    only(await join(leader, "n")).fallSilent();
    await leader.clock.advance(2_500);
    const commit = on.hold();
    await leader.clock.advance(500);
    const next = only(await join(leader, "n"));
    expect(next.kinds()).toEqual([]);
    commit();
    await leader.clock.settle();
    expect(leader.statusOf("n")).toBe("READY");
    expect(next.kinds()).toContain("welcome");
    await leader.stop();
  });

  test("whose DOWN was lost on the way to the store is DOWN all the same", async () => {
    const on = aSlowStore();
    const leader = await leaderOn(on, "n");
    only(await join(leader, "n")).fallSilent();
    on.loseNext();
    await leader.clock.advance(3_000);
    expect(leader.statusOf("n")).toBe("READY");
    await leader.clock.advance(100);
    expect(leader.statusOf("n")).toBe("DOWN: heartbeat failure");
    await leader.stop();
  });

  test("keeps its state when only its stream broke, if it is back in time", async () => {
    const leader = await leaderOf("n");
    const first = only(await join(leader, "n"));
    const { revision } = leader.store;
    await leader.clock.advance(1_500);
    first.cut();
    await leader.clock.advance(2_400);
    await join(leader, "n");
    await leader.clock.advance(10_000);
    expect(leader.statusOf("n")).toBe("READY");
    expect(leader.store.revision).toBe(revision);
    await leader.stop();
  });

  test("with most others at once is not believed lost for 15 s", async () => {
    const leader = await leaderOf("a", "b", "c", "d");
    const agents = await join(leader, "a", "b", "c", "d");
    await leader.clock.advance(500);
    for (const agent of agents.slice(1)) agent.fallSilent();
    await leader.clock.advance(14_000);
    expect(["a", "b", "c", "d"].map((id) => leader.statusOf(id))).toEqual(["READY", "READY", "READY", "READY"]);
    await join(leader, "c");
    await leader.clock.advance(1_000);
    expect(["a", "b", "c", "d"].map((id) => leader.statusOf(id))).toEqual([
      "READY",
      "DOWN: heartbeat failure",
      "READY",
      "DOWN: heartbeat failure",
    ]);
    await leader.stop();
  });

  test("has three of the periods a user set", async () => {
    const leader = await leaderOf("n");
    await setPeriod(leader, 5_000);
    const agent = only(await join(leader, "n"));
    agent.fallSilent();
    await leader.clock.advance(14_999);
    expect(leader.statusOf("n")).toBe("READY");
    await leader.clock.advance(1);
    expect(leader.statusOf("n")).toBe("DOWN: heartbeat failure");
    await leader.stop();
  });

  test("is not taken for lost because a shorter period is on its way to it", async () => {
    const leader = await leaderOf("n");
    await setPeriod(leader, 5_000);
    const agent = new FakeAgent(leader, "n");
    await leader.clock.settle();
    const beat = (number: number): void => agent.say({ $case: "heartbeat", value: { number } });
    beat(1);
    await leader.clock.settle();
    await setPeriod(leader, 1_000);
    beat(2);
    await leader.clock.advance(5_000);
    expect(leader.statusOf("n")).toBe("READY");
    beat(3);
    await leader.clock.advance(2_999);
    expect(leader.statusOf("n")).toBe("READY");
    await leader.clock.advance(1);
    expect(leader.statusOf("n")).toBe("DOWN: heartbeat failure");
    await leader.stop();
  });

  test("for a day loses its tasks, whoever leads meanwhile", async () => {
    const leader = await leaderOf("n");
    await putTask(leader, { id: "running", nodeId: "n", state: "RUNNING", desired: "SHUTDOWN" });
    await putTask(leader, { id: "over", nodeId: "n", state: "FAILED", desired: "SHUTDOWN" });
    const agent = only(await join(leader, "n"));
    agent.fallSilent();
    await leader.clock.advance(3_000);
    await leader.stop();
    const hourMs = 3_600_000;
    await leader.clock.advance(20 * hourMs);
    leader.changeLeader();
    const next = aLeader(leader);
    await next.clock.advance(4 * hourMs - 60_000);
    expect(taskState(next, "running")).toBe("RUNNING");
    await next.clock.advance(120_000);
    expect(taskState(next, "running")).toBe("ORPHANED");
    expect(taskState(next, "over")).toBe("FAILED");
    await next.stop();
  });
});

describe("a stall of the leader", () => {
  test("costs no node its state", async () => {
    const on = aStore();
    await on.writer.update((tx) => tx.put("node", aNode({ id: "n", state: "UNKNOWN" })));
    let heldMs = 0;
    const { clock } = on;
    // A process that stood still sees its timers late.
    const stalling = {
      now: () => clock.now(),
      monotonic: () => clock.monotonic(),
      after: (delayMs: number, fn: () => void) => clock.after(Math.max(delayMs, heldMs), fn),
    };
    const leader = aLeader(Object.assign(Object.create(on) as typeof on, { clock: stalling as typeof clock }));
    const agent = new FakeAgent(Object.assign(Object.create(leader) as Leader, { clock }), "n").keepBeating();
    await clock.advance(1_000);
    agent.fallSilent();
    heldMs = 10_000;
    await clock.advance(250);
    heldMs = 0;
    await clock.advance(10_500);
    agent.keepBeating();
    await clock.advance(5_000);
    expect(leader.statusOf("n")).toBe("READY");
    expect(agent.over).toBeUndefined();
    await clock.settle();
  });
});

describe("a new leader", () => {
  test("changes no node, and gives each 5 s to come", async () => {
    const on = aStore();
    await on.writer.update((tx) => {
      for (const id of ["a", "b"]) tx.put("node", aNode({ id, state: "READY" }));
      tx.put("node", aNode({ id: "c", state: "DOWN" }));
      tx.put("node", aNode({ id: "d", state: "UNKNOWN" }));
    });
    const { revision } = on.store;
    const leader = aLeader(on);
    await leader.clock.advance(1_000);
    const a = only(await join(leader, "a"));
    a.keepBeating();
    await leader.clock.advance(3_999);
    expect(leader.statusOf("b")).toBe("READY");
    expect(leader.store.revision).toBe(revision);
    await leader.clock.advance(1);
    expect(["a", "b", "c", "d"].map((id) => leader.statusOf(id))).toEqual([
      "READY",
      "DOWN: heartbeat failure",
      "DOWN",
      "UNKNOWN",
    ]);
    await leader.stop();
  });
});

describe("a goodbye", () => {
  test("of a daemon that restarts suspends its node until it is back", async () => {
    const leader = await leaderOf("n");
    const agent = only(await join(leader, "n"));
    agent.say({ $case: "goodbye", value: { reason: GoodbyeReason.RESTART } });
    await leader.clock.settle();
    expect(leader.statusOf("n")).toBe("READY suspended: daemon restarting since 2026-01-01T00:00:00.000Z");
    expect(agent.over).toBe("");
    await leader.clock.advance(29_000);
    expect(leader.statusOf("n")).toMatch(/^READY suspended/);
    await join(leader, "n");
    expect(leader.statusOf("n")).toBe("READY");
    await leader.stop();
  });

  test("of a daemon that does not come back counts for 30 s", async () => {
    const leader = await leaderOf("n");
    const agent = only(await join(leader, "n"));
    agent.say({ $case: "goodbye", value: { reason: GoodbyeReason.RESTART } });
    await leader.clock.advance(30_000);
    expect(leader.statusOf("n")).toBe("DOWN: daemon did not come back within 30 s of its restart");
    await leader.stop();
  });

  test("of a node that leaves makes it DOWN at once", async () => {
    const leader = await leaderOf("n");
    const agent = only(await join(leader, "n"));
    agent.say({ $case: "goodbye", value: { reason: GoodbyeReason.LEAVE } });
    await leader.clock.settle();
    expect(leader.statusOf("n")).toBe("DOWN: node is shutting down or leaving the swarm");
    expect(agent.over).toBe("");
    await leader.stop();
  });
});

describe("an engine that does not answer", () => {
  test("suspends its node, is lost after 15 s, and is back when it answers", async () => {
    const leader = await leaderOf("n");
    const agent = only(await join(leader, "n"));
    const silent = { silentFor: wallTime(1_000), error: "connection refused" };
    agent.say({ $case: "engine", value: silent });
    await leader.clock.settle();
    expect(leader.statusOf("n")).toBe("READY suspended: engine does not answer: connection refused");
    await leader.clock.advance(13_999);
    expect(leader.statusOf("n")).toMatch(/^READY suspended/);
    await leader.clock.advance(1);
    expect(leader.statusOf("n")).toBe("DOWN: engine does not answer: connection refused");
    const { revision } = leader.store;
    await leader.clock.advance(5_000);
    expect(leader.store.revision).toBe(revision);
    agent.say({ $case: "engine", value: { silentFor: undefined, error: "" } });
    await leader.clock.settle();
    expect(leader.statusOf("n")).toBe("READY");
    expect(agent.over).toBeUndefined();
    await leader.stop();
  });
});

describe("losing leadership", () => {
  test("ends the dispatcher, and the sessions hear why", async () => {
    const leader = await leaderOf("n");
    await putTask(leader, { id: "t", nodeId: "n" });
    const agent = only(await join(leader, "n"));
    leader.changeLeader();
    agent.report({ number: 1, tasks: [{ taskId: "t", status: aStatus("RUNNING") }] });
    await leader.clock.settle();
    expect(leader.failure).toBe("this node does not lead the swarm");
    expect(agent.lastRefusal).toMatch(/^NOT_LEADER/);
    expect(agent.kinds()).not.toContain("statuses");
    await leader.stop();
  });
});

async function removeNode(leader: Leader, nodeId: string): Promise<void> {
  await leader.writer.update((tx) => {
    const { cluster } = tx;
    if (cluster) tx.put("cluster", { ...cluster, removedNodes: [{ nodeId, until: wallTime(1e12) }] });
    tx.delete("node", nodeId);
  });
}

async function setPeriod(leader: Leader, periodMs: number): Promise<void> {
  await leader.writer.update((tx) => {
    const { cluster } = tx;
    if (!cluster?.spec) throw new Error("no cluster");
    tx.put("cluster", { ...cluster, spec: { ...cluster.spec, dispatcher: { heartbeatPeriod: wallTime(periodMs) } } });
  });
}
