// docs/behaviour.md R-1001 – R-1012 (swarm-semantics §6.1 – 6.5): what a leader makes of its nodes. The agents' half is in
// agents.test.ts; both together tell the stories in test/scenarios/agents.test.ts.

import { afterEach, describe, expect, test } from "vitest";
import { wallTime } from "../../src/base/index.js";
import { GoodbyeReason, TaskAssignment } from "../../src/gen/skep/v1/dispatcher.js";
import { RootCa, TaskState } from "../../src/gen/skep/v1/objects.js";
import {
  aLeader,
  aSlowStore,
  aStatus,
  aStore,
  FakeAgent,
  type Leader,
  partText,
} from "../manager/dispatcher/support.js";
import {
  aNode,
  aService,
  aTask,
  type MemoryStore,
  putService,
  stateName,
  type TaskOptions,
} from "../support/memory.js";

let leader: Leader;
afterEach(() => leader.stop());

const lost = "DOWN: heartbeat failure";
const hourMs = 3_600_000;

/** A leader of a service and of nodes that joined and were never heard of. */
async function lead(nodeIds: readonly string[], on: MemoryStore = aStore(), labels = {}): Promise<void> {
  await on.writer.update((tx) => {
    putService(tx, aService({ id: "s", spec: { annotations: { name: "web", labels } } }));
    for (const id of nodeIds) tx.put("node", aNode({ id, state: "UNKNOWN" }));
  });
  leader = aLeader(on);
  await leader.clock.settle();
}

async function open(nodeId: string, held: ConstructorParameters<typeof FakeAgent>[2] = {}): Promise<FakeAgent> {
  const agent = new FakeAgent(leader, nodeId, held).keepBeating();
  await leader.clock.settle();
  return agent;
}

async function put(...tasks: readonly TaskOptions[]): Promise<void> {
  await leader.writer.update((tx) => {
    for (const task of tasks) tx.put("task", aTask({ serviceId: "s", nodeId: "n", state: "ASSIGNED", ...task }));
  });
  await leader.clock.settle();
}

function setPeriod(periodMs: number): Promise<void> {
  return leader.writer.update((tx) => {
    const { cluster } = tx;
    const dispatcher = { heartbeatPeriod: wallTime(periodMs) };
    if (cluster?.spec) tx.put("cluster", { ...cluster, spec: { ...cluster.spec, dispatcher } });
  });
}

const states = (...ids: string[]): string[] =>
  ids.map((id) => stateName(leader.store.table("task").get(id)?.status?.state));
const nodes = (...ids: string[]): string[] => ids.map((id) => leader.statusOf(id));

describe("R-1001 a session", () => {
  test.each([
    ["of a node that joined is welcome", "n", undefined],
    ["of one nobody knows is refused", "x", "NODE_UNKNOWN: node x is not a node of this swarm"],
    ["of one that was removed is told so", "gone", "NODE_REMOVED: node gone was removed from swarm"],
  ])("%s", async (_, nodeId, refusal) => {
    await lead(["n", "gone"]);
    await remove("gone");
    expect((await open(nodeId)).lastRefusal).toBe(refusal);
  });

  test("ends when its node is removed", async () => {
    await lead(["n"]);
    const agent = await open("n");
    await remove("n");
    expect(agent.lastRefusal).toBe("NODE_REMOVED: node n was removed from swarm");
  });

  async function remove(nodeId: string): Promise<void> {
    await leader.writer.update((tx) => {
      const { cluster } = tx;
      if (cluster) tx.put("cluster", { ...cluster, removedNodes: [{ nodeId, until: wallTime(1e12) }] });
      tx.delete("node", nodeId);
    });
    await leader.clock.settle();
  }
});

describe("R-1002 the first message", () => {
  test("registers the node; the answer carries what it needs, and again what changed", async () => {
    await lead(["n"]);
    const agent = await open("n", { description: { hostname: "h1" } });
    const node = leader.store.table("node").get("n");
    expect([leader.statusOf("n"), node?.description?.hostname, node?.status?.addr]).toEqual([
      "READY",
      "h1",
      "10.0.0.1",
    ]);
    expect(agent.heard[0]?.message).toMatchObject({
      $case: "welcome",
      value: { state: { node, managers: leader.managers, heartbeatPeriod: { seconds: 1 } } },
    });
    await leader.clock.advance(10_000);
    expect(agent.kinds()).not.toContain("state");
    leader.managers = [...leader.managers, { nodeId: "m2", addr: "10.0.0.10:2377" }];
    await leader.clock.advance(1_000);
    await leader.writer.update((tx) => {
      if (node) tx.put("node", { ...node, role: 1 });
    });
    await leader.clock.settle();
    await leader.writer.update((tx) => {
      if (tx.cluster) tx.put("cluster", { ...tx.cluster, rootCa: RootCa.fromPartial({ certificate: "pem" }) });
    });
    await leader.clock.settle();
    const told = agent.heard.flatMap(({ message }) => (message?.$case === "state" ? [message.value] : []));
    expect(told.map((state) => [state.managers.length, state.node?.role, state.rootCa])).toEqual([
      [2, 0, ""],
      [2, 1, ""],
      [2, 1, "pem"],
    ]);
  });

  test("of a second session ends the first", async () => {
    await lead(["n"]);
    const [first, second] = [await open("n"), await open("n")];
    expect([first.lastRefusal, second.lastRefusal]).toEqual([expect.stringMatching(/^SUPERSEDED/), undefined]);
    await leader.clock.advance(10_000);
    expect(leader.statusOf("n")).toBe("READY");
  });
});

describe("R-1003 three periods after its last beat a node is DOWN", () => {
  test.each([
    ["of 1 s, unset", undefined, 3_000],
    ["of Docker's 5 s, if somebody set that", 5_000, 15_000],
  ])("%s", async (_, periodMs, graceMs) => {
    await lead(["n", "m"]);
    if (periodMs !== undefined) await setPeriod(periodMs);
    const agent = await open("n");
    await open("m");
    await leader.clock.advance(500);
    agent.fallSilent();
    await leader.clock.advance(graceMs - 501);
    expect(leader.statusOf("n")).toBe("READY");
    await leader.clock.advance(1);
    expect(nodes("n", "m")).toEqual([lost, "READY"]);
    await open("n");
    expect(leader.statusOf("n")).toBe("READY");
  });
});

test.each([
  ["R-1004 three of four at once are not believed lost before 15 s", ["b", "c", "d"], 1_000, 15_000],
  ["R-1004 nor before twice the grace", ["b", "c", "d"], 5_000, 30_000],
  ["R-1004 two of four are", ["c", "d"], 1_000, 3_000],
])("%s", async (_, silent, periodMs, downMs) => {
  await lead(["a", "b", "c", "d"]);
  await setPeriod(periodMs);
  for (const nodeId of ["a", "b", "c", "d"]) {
    const agent = await open(nodeId);
    if (silent.includes(nodeId)) agent.fallSilent();
  }
  await leader.clock.advance(downMs - 1);
  expect(nodes("a", "b", "c", "d")).toEqual(Array(4).fill("READY"));
  await leader.clock.advance(1);
  expect(nodes(...silent)).toEqual(silent.map(() => lost));
  expect(leader.statusOf("a")).toBe("READY");
});

test("R-1005 a broken stream means nothing: the next session writes nothing and is sent nothing it holds", async () => {
  await lead(["n"]);
  await put({ id: "t" });
  const description = { hostname: "h1" };
  const first = await open("n", { description });
  expect(first.assignments.map(partText)).toEqual(["1: +t@512 complete"]);
  first.cut();
  const { revision } = leader.store;
  await leader.clock.advance(2_900);
  const second = await open("n", { description, tasks: [{ id: "t", version: TaskState.RUNNING }] });
  await leader.clock.advance(10_000);
  expect(second.assignments.map(partText)).toEqual(["1: complete"]);
  expect([leader.statusOf("n"), leader.store.revision]).toEqual(["READY", revision]);
});

test("R-1006 a new leader waits for a node 5 s, and leaves those alone that are DOWN", async () => {
  const on = aStore();
  await on.writer.update((tx) => {
    for (const id of ["a", "b"]) tx.put("node", aNode({ id }));
    tx.put("node", aNode({ id: "c", state: "DOWN" }));
  });
  await lead([], on);
  const { revision } = leader.store;
  await leader.clock.advance(1_000);
  await open("a");
  await leader.clock.advance(3_999);
  expect([nodes("a", "b", "c"), leader.store.revision]).toEqual([["READY", "READY", "DOWN"], revision]);
  await leader.clock.advance(1);
  expect(nodes("a", "b", "c")).toEqual(["READY", lost, "DOWN"]);
});

test("R-1006 while nodes come to a new leader, it waits for the others, 3 s after the last one", async () => {
  const on = aStore();
  await on.writer.update((tx) => {
    for (const id of ["a", "b", "c"]) tx.put("node", aNode({ id }));
  });
  await lead([], on);
  await leader.clock.advance(4_000);
  await open("a");
  await leader.clock.advance(2_500);
  await open("b");
  await leader.clock.advance(2_999);
  expect(nodes("a", "b", "c")).toEqual(["READY", "READY", "READY"]);
  await leader.clock.advance(1);
  expect(nodes("a", "b", "c")).toEqual(["READY", "READY", lost]);
});

test("R-1007 after 24 h DOWN what had not ended there is orphaned, though the leader changed meanwhile", async () => {
  await lead(["n"]);
  await put({ id: "running", state: "RUNNING" }, { id: "failed", state: "FAILED", desired: "SHUTDOWN" });
  (await open("n")).fallSilent();
  await leader.clock.advance(3_000 + 20 * hourMs);
  expect(leader.statusOf("n")).toBe(lost);
  await leader.stop();
  leader.changeLeader();
  leader = aLeader(leader);
  await leader.clock.advance(4 * hourMs - 60_000);
  expect(states("running", "failed")).toEqual(["RUNNING", "FAILED"]);
  await leader.clock.advance(120_000);
  expect(states("running", "failed")).toEqual(["ORPHANED", "FAILED"]);
});

describe("R-1008 a goodbye", () => {
  test.each([
    ["to restart, and back in time", 29_000, "READY"],
    ["to restart, and not back", 30_000, "DOWN: daemon did not come back within 30 s of its restart"],
  ])("%s", async (_, awayMs, status) => {
    await lead(["n"]);
    (await open("n")).say({ $case: "goodbye", value: { reason: GoodbyeReason.RESTART } });
    await leader.clock.advance(awayMs - 1_000);
    expect(leader.statusOf("n")).toMatch(/^READY suspended: daemon restarting since /);
    await leader.clock.advance(1_000);
    if (status === "READY") await open("n");
    expect(leader.statusOf("n")).toBe(status);
  });

  test("to leave: DOWN at once", async () => {
    await lead(["n"]);
    (await open("n")).say({ $case: "goodbye", value: { reason: GoodbyeReason.LEAVE } });
    await leader.clock.settle();
    expect(leader.statusOf("n")).toBe("DOWN: node is shutting down or leaving the swarm");
  });
});

test("R-1009 a silent engine suspends its node, after 15 s it is DOWN, and back with the engine", async () => {
  await lead(["n"]);
  await put({ id: "t", state: "RUNNING" });
  const agent = await open("n");
  agent.say({ $case: "engine", value: { silentFor: wallTime(1_000), error: "no answer" } });
  await leader.clock.advance(13_999);
  expect(leader.statusOf("n")).toBe("READY suspended: engine does not answer: no answer");
  await leader.clock.advance(1);
  expect(leader.statusOf("n")).toBe("DOWN: engine does not answer: no answer");
  agent.say({ $case: "engine", value: { silentFor: undefined, error: "" } });
  await leader.clock.settle();
  expect([leader.statusOf("n"), agent.over, ...states("t")]).toEqual(["READY", undefined, "RUNNING"]);
});

describe("R-1010 a status", () => {
  test("is stored if it moves the node's own task forward; all others are skipped, one by one", async () => {
    await lead(["n"]);
    await put({ id: "own" }, { id: "ahead", state: "RUNNING" }, { id: "other", nodeId: "m" });
    const agent = await open("n");
    const tasks = ["other", "gone", "ahead", "own"].map((taskId) => ({ taskId, status: aStatus("STARTING") }));
    agent.report({ number: 7, tasks });
    await leader.clock.settle();
    expect(states("own", "ahead", "other")).toEqual(["STARTING", "RUNNING", "ASSIGNED"]);
    expect(leader.store.table("task").get("own")?.status?.appliedAt).toEqual(wallTime(leader.clock.now()));
    expect(agent.heard.at(-1)?.message).toEqual({ $case: "statuses", value: { number: 7 } });
    const { revision } = leader.store;
    agent.report({ number: 8, tasks });
    await leader.clock.settle();
    expect(agent.heard.at(-1)?.message).toEqual({ $case: "statuses", value: { number: 8 } });
    expect(leader.store.revision).toBe(revision);
  });

  test("is acknowledged once it is committed", async () => {
    const on = aSlowStore();
    await lead(["n"], on);
    await put({ id: "t" });
    const agent = await open("n");
    const commit = on.hold();
    agent.report({ number: 1, tasks: [{ taskId: "t", status: aStatus("RUNNING") }] });
    await leader.clock.advance(1_000);
    expect([agent.kinds().includes("statuses"), ...states("t")]).toEqual([false, "ASSIGNED"]);
    commit();
    await leader.clock.settle();
    expect([agent.kinds().includes("statuses"), ...states("t")]).toEqual([true, "RUNNING"]);
  });
});

test("R-1011 the whole set first, then differences, numbered; nothing for a status", async () => {
  await lead(["n"]);
  await put({ id: "a" }, { id: "early", state: "PENDING" }, { id: "elsewhere", nodeId: "m" });
  await put({ id: "over", state: "FAILED", desired: "SHUTDOWN" });
  const agent = await open("n");
  await put({ id: "b" });
  agent.report({ number: 1, tasks: [{ taskId: "b", status: aStatus("RUNNING") }] });
  await leader.clock.settle();
  expect(states("b")).toEqual(["RUNNING"]);
  await put({ id: "early" });
  await put({ id: "b", state: "RUNNING", desired: "SHUTDOWN" });
  await leader.writer.update((tx) => tx.delete("task", "b"));
  await leader.clock.settle();
  const said = ["1: +a@512 +over@640 complete", "2: +b@512", "3: +early@512", "4: +b@640", "5: -b"];
  expect(agent.assignments.map(partText)).toEqual(said);
});

test("R-1012 assignments go at once, in parts of 64 kB at most, after heartbeats and acknowledgements", async () => {
  await lead(["n"], aStore(), { text: "x".repeat(10_000) });
  const ids = Array.from({ length: 20 }, (_, index) => `t${index}`);
  await put(...ids.map((id) => ({ id })));
  const agent = new FakeAgent(leader, "n");
  const go = agent.stopReading();
  await leader.clock.settle();
  agent.keepBeating();
  agent.report({ number: 1, tasks: [{ taskId: "t1", status: aStatus("ACCEPTED") }] });
  await leader.clock.settle();
  go();
  await leader.clock.settle();
  expect(agent.kinds().slice(0, 4)).toEqual(["welcome", "heartbeat", "statuses", "assignments"]);
  expect(agent.assignments.flatMap(({ update }) => update.map(({ id }) => id)).sort()).toEqual([...ids].sort());
  expect(agent.assignments.length).toBeGreaterThan(3);
  for (const { update } of agent.assignments) {
    const bytes = update.reduce((sum, task) => sum + TaskAssignment.encode(task).finish().length, 0);
    expect(bytes).toBeLessThanOrEqual(64_000);
  }
  expect(leader.clock.monotonic()).toBe(0);
});
