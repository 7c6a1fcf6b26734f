// What becomes of a replicated service's tasks when something becomes of their node: on virtual time, the loops together.

import { afterEach, describe, expect, test } from "vitest";
import { wallTime } from "../../src/base/index.js";
import { type Node, type Task, TaskState } from "../../src/gen/skep/v1/objects.js";
import { NodeAvailability, UpdateOrder } from "../../src/gen/skep/v1/specs.js";
import { isWanted, stateOf } from "../../src/model/index.js";
import { aCluster, aNode, aService, putService, type ServiceOptions } from "../support/memory.js";
import { type Orchestration, orchestration, replicas, spread, tasksOf } from "../support/orchestration.js";

let o: Orchestration;

afterEach(async () => {
  await o.end();
  expect(o.failures).toEqual([]);
});

async function running(nodes: number, options: ServiceOptions): Promise<void> {
  o = orchestration();
  await o.writer.update((tx) => {
    tx.put("cluster", aCluster());
    for (let n = 1; n <= nodes; n++) tx.put("node", aNode({ id: `n${n}`, labels: { disk: "ssd" } }));
    putService(tx, aService({ id: "web", ...options }));
  });
  await o.clock.advance(200);
}

function change(nodeId: string, to: (node: Node) => Node): Promise<void> {
  return o.writer.update((tx) => {
    const node = tx.table("node").get(nodeId);
    if (node) tx.put("node", to(node));
  });
}

const available = (nodeId: string, availability: NodeAvailability, drainTimeoutMs?: number) =>
  change(nodeId, ({ spec, ...node }) => ({
    ...node,
    spec: {
      ...{ annotations: undefined, desiredRole: 0, ...spec, availability },
      ...(drainTimeoutMs !== undefined && { drainTimeout: wallTime(drainTimeoutMs) }),
    },
    ...(availability === NodeAvailability.DRAIN && { drainingSince: node.drainingSince ?? wallTime(o.clock.now()) }),
  }));

const add = (id: string) => o.writer.update((tx) => putService(tx, aService({ id, replicas: 2 })));
const startFirst = { spec: { update: { order: UpdateOrder.START_FIRST, parallelism: 1 } } };
const minute = 60_000;
const wanted = (): readonly Task[] => tasksOf(o, "web").filter(isWanted);

describe("drained", () => {
  test("R-209 a start-first service never runs less than it should", async () => {
    await running(3, { replicas: 6, ...startFirst });
    o.agents.fateOf = () => ({ prepareMs: 5_000, stopMs: 3_000 });
    await available("n1", NodeAvailability.DRAIN);
    for (let step = 0; step < 200; step++) {
      await o.clock.advance(100);
      expect(wanted().filter((task) => stateOf(task) === TaskState.RUNNING).length).toBeGreaterThanOrEqual(6);
    }
    expect(spread(o, "web")).toEqual({ n2: 3, n3: 3 });
    expect(o.agents.running.size).toBe(6);
  });

  test("R-209 what cannot run elsewhere runs on until the time is over, and then says why it stopped", async () => {
    await running(1, { replicas: 2, ...startFirst });
    await available("n1", NodeAvailability.DRAIN, 5 * minute);
    await o.clock.advance(5 * minute - 1_000);
    expect(o.agents.running.size).toBe(2);
    await o.clock.advance(2_000);
    expect(o.agents.running.size).toBe(0);
    expect(replicas(o, "web")).toEqual(["1 - PENDING", "2 - PENDING"]);
    const reasons = tasksOf(o, "web").flatMap(({ stopReason }) => stopReason ?? []);
    expect(reasons).toEqual(Array(2).fill("node n1 is drained, and no replacement ran within 5m"));
  });

  test("R-209 a shorter timeout counts at once", async () => {
    await running(1, { replicas: 1, ...startFirst });
    await available("n1", NodeAvailability.DRAIN);
    await o.clock.advance(2 * minute);
    expect(o.agents.running.size).toBe(1);
    await available("n1", NodeAvailability.DRAIN, minute);
    await o.clock.advance(1_000);
    expect(o.agents.running.size).toBe(0);
  });

  test("R-209 while replacements fail and fail again the old ones run on", async () => {
    await running(2, { replicas: 2, ...startFirst });
    o.agents.fateOf = ({ nodeId }) => (nodeId === "n2" ? { ends: { afterMs: 0, as: "REJECTED" } } : {});
    const [before] = [spread(o, "web")];
    expect(before).toEqual({ n1: 1, n2: 1 });
    await available("n1", NodeAvailability.DRAIN);
    await o.clock.advance(9 * minute);
    expect([...o.agents.running.values()].map(({ nodeId }) => nodeId).sort()).toEqual(["n1", "n2"]);
    o.agents.fateOf = () => ({});
    await o.clock.advance(10 * minute);
    expect(spread(o, "web")).toEqual({ n2: 2 });
  });

  test("and active again before that, it keeps what it has", async () => {
    await running(1, { replicas: 2, ...startFirst });
    await available("n1", NodeAvailability.DRAIN);
    await o.clock.advance(minute);
    await available("n1", NodeAvailability.ACTIVE);
    await o.clock.advance(20 * minute);
    expect(spread(o, "web")).toEqual({ n1: 2 });
    expect(o.agents.running.size).toBe(2);
  });
});

describe("paused", () => {
  test("R-206 it keeps its tasks and gets no new ones until it is active again", async () => {
    await running(2, { replicas: 2 });
    await available("n1", NodeAvailability.PAUSE);
    await add("api");
    await o.clock.advance(minute);
    expect(spread(o, "web")).toEqual({ n1: 1, n2: 1 });
    expect(spread(o, "api")).toEqual({ n2: 2 });
    await available("n1", NodeAvailability.ACTIVE);
    await add("db");
    await o.clock.advance(1_000);
    expect(spread(o, "db")).toEqual({ n1: 1, n2: 1 });
  });
});

describe("lost", () => {
  test("R-207 R-208 it is replaced; back again it gets nothing back, and what was replaced stops there", async () => {
    await running(2, { replicas: 2 });
    await o.agents.cut("n1");
    await o.clock.advance(1_000);
    expect(spread(o, "web")).toEqual({ n2: 2 });
    expect(o.agents.running.size).toBe(3);
    await o.agents.mend("n1");
    await o.clock.advance(1_000);
    expect(spread(o, "web")).toEqual({ n2: 2 });
    expect([...o.agents.running.values()].map(({ nodeId }) => nodeId)).toEqual(["n2", "n2"]);
  });

  test("R-207 removed for good it is replaced as well, also under condition none", async () => {
    await running(2, { replicas: 2, restart: "NONE" });
    await o.agents.cut("n1");
    await o.writer.update((tx) => tx.delete("node", "n1"));
    await o.clock.advance(1_000);
    expect(replicas(o, "web").map((line) => line.slice(2))).toEqual(["n2 RUNNING", "n2 RUNNING"]);
  });

  test("R-208 back before anything could take its place, only its old task stops", async () => {
    await running(1, { replicas: 1 });
    await o.agents.cut("n1");
    await o.clock.advance(1_000);
    expect(replicas(o, "web")).toEqual(["1 - PENDING"]);
    await o.agents.mend("n1");
    await o.clock.advance(1_000);
    expect(replicas(o, "web")).toEqual(["1 n1 RUNNING"]);
    expect(o.agents.running.size).toBe(1);
    expect(o.agents.most.get("web/1")).toBe(1);
  });
});

test("R-512 with its engine gone it keeps its tasks and gets none until the engine is back", async () => {
  await running(2, { replicas: 2 });
  const suspended = (to: boolean) =>
    change("n1", (node) => ({ ...node, status: node.status && { ...node.status, suspended: to } }));
  await suspended(true);
  await add("api");
  await o.clock.advance(minute);
  expect(spread(o, "web")).toEqual({ n1: 1, n2: 1 });
  expect(spread(o, "api")).toEqual({ n2: 2 });
  await suspended(false);
  await add("db");
  await o.clock.advance(1_000);
  expect(spread(o, "db")).toEqual({ n1: 1, n2: 1 });
});

test("R-606 re-labelled, what no longer fits is rejected there and runs elsewhere", async () => {
  await running(2, { replicas: 2, constraints: ["node.labels.disk==ssd"] });
  await change("n1", (node) => aNode({ ...node, id: "n1", labels: { disk: "hdd" } }));
  await o.clock.advance(10_000);
  expect(spread(o, "web")).toEqual({ n2: 2 });
  const rejected = tasksOf(o, "web").find((task) => stateOf(task) === TaskState.REJECTED);
  expect(rejected?.status?.err).toBe("assigned node no longer meets constraints");
});
