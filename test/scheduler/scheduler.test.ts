import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { silentMetrics } from "../../src/base/index.js";
import { type Task, TaskState, WaitStage } from "../../src/gen/skep/v1/objects.js";
import { NodeAvailability } from "../../src/gen/skep/v1/specs.js";
import { needsOf } from "../../src/scheduler/decide/needs.js";
import { NodeInfo } from "../../src/scheduler/decide/node-info.js";
import { Scheduler } from "../../src/scheduler/index.js";
import { assign } from "../../src/scheduler/write.js";
import {
  aNode,
  aService,
  aServiceSpec,
  aTask,
  type MemoryStore,
  memoryStore,
  putService,
  type ServiceOptions,
} from "../support/memory.js";

let m: MemoryStore;
let stop: AbortController;
let run: Promise<void>;

beforeEach(() => {
  m = memoryStore();
});

afterEach(async () => {
  stop.abort(new Error("over"));
  await expect(run).rejects.toThrow("over");
});

function start(): void {
  stop = new AbortController();
  run = new Scheduler({}, { ...m, writer: m.writer, metrics: silentMetrics }).run(stop.signal);
  run.catch(() => undefined);
}

async function given(options: ServiceOptions & { tasks?: number; nodes?: readonly string[] }): Promise<void> {
  const { tasks = 1, nodes = ["n1"], ...service } = options;
  await m.writer.update((tx) => {
    putService(tx, aService({ id: "s", ...service }));
    for (const id of nodes) tx.put("node", aNode({ id }));
    for (let n = 1; n <= tasks; n++) tx.put("task", aTask({ id: `t${n}`, serviceId: "s", slot: n, state: "PENDING" }));
  });
}

function task(id: string): Task | undefined {
  return m.store.table("task").get(id);
}

async function change(id: string, fields: Partial<Task>): Promise<void> {
  await m.writer.update((tx) => {
    const row = tx.table("task").get(id);
    if (row) tx.put("task", { ...row, ...fields });
  });
  await m.clock.settle();
}

async function end(id: string, state: TaskState = TaskState.FAILED): Promise<void> {
  const status = task(id)?.status;
  if (status) await change(id, { status: { ...status, state } });
}

describe("the scheduler", () => {
  test("assigns what waits at the start and what comes later, with Docker's words", async () => {
    await given({ tasks: 1 });
    start();
    await m.clock.settle();
    expect(task("t1")).toMatchObject({
      nodeId: "n1",
      status: { state: TaskState.ASSIGNED, message: "scheduler assigned task to node", err: "" },
    });
    await m.writer.update((tx) => tx.put("task", aTask({ id: "t2", serviceId: "s", slot: 2, state: "PENDING" })));
    await m.clock.settle();
    expect(task("t2")?.nodeId).toBe("n1");
  });

  test("a task that is held at READY is placed too; one that is not PENDING is left alone", async () => {
    await given({ tasks: 1 });
    await m.writer.update((tx) => {
      tx.put("task", aTask({ id: "held", serviceId: "s", slot: 2, state: "PENDING", desired: "READY" }));
      tx.put("task", aTask({ id: "new", serviceId: "s", slot: 3, state: "NEW" }));
    });
    start();
    await m.clock.settle();
    expect([task("held")?.nodeId, task("new")?.nodeId]).toEqual(["n1", ""]);
  });

  test("R-508 a task told to stop before it had a node is SHUTDOWN; one to be removed is left to the reaper", async () => {
    await given({ tasks: 2, nodes: [] });
    start();
    await change("t1", { desiredState: TaskState.SHUTDOWN });
    await change("t2", { desiredState: TaskState.REMOVE });
    expect(task("t1")?.status).toMatchObject({ state: TaskState.SHUTDOWN, err: "" });
    expect(task("t1")?.wait).toBeUndefined();
    expect(task("t2")?.status?.state).toBe(TaskState.PENDING);
  });

  test("R-502 a reason is written once, and again only when it changes; since when stays", async () => {
    await given({ tasks: 1, nodes: ["n1"], nanoCpus: 9e9 });
    start();
    await m.clock.advance(1_000);
    const first = task("t1");
    expect(first?.wait).toMatchObject({
      stage: WaitStage.SCHEDULER,
      reason: "no suitable node (insufficient resources on 1 node)",
    });
    const { revision } = m.store;
    await m.writer.update((tx) => tx.put("node", { ...aNode({ id: "n1" }), specVersion: 7 }));
    await m.clock.advance(1_000);
    expect(m.store.revision).toBe(revision + 1);
    await m.writer.update((tx) => tx.put("node", aNode({ id: "n2" })));
    await m.clock.advance(1_000);
    expect(task("t1")?.wait).toEqual({
      ...first?.wait,
      reason: "no suitable node (insufficient resources on 2 nodes)",
    });
  });

  test("a task that ends makes room for one that waits, one that is only told to stop does not", async () => {
    await given({ tasks: 2, hostPorts: [80] });
    start();
    await m.clock.settle();
    const [placed, waits] = task("t1")?.nodeId ? ["t1", "t2"] : ["t2", "t1"];
    expect(task(waits)?.status?.err).toBe("no suitable node (host-mode port already in use on 1 node)");
    await change(placed, { desiredState: TaskState.SHUTDOWN });
    expect(task(waits)?.nodeId).toBe("");
    await end(placed, TaskState.SHUTDOWN);
    expect(task(waits)).toMatchObject({ nodeId: "n1", wait: undefined });
  });

  test("R-507 a deleted task makes room too", async () => {
    await given({ tasks: 2, nanoCpus: 3e9 });
    start();
    await m.clock.settle();
    await m.writer.update((tx) => tx.delete("task", "t1"));
    await m.clock.settle();
    expect(task("t2")?.nodeId).toBe("n1");
  });

  test("R-504 remembers failures over a change of the leader", async () => {
    await given({ tasks: 0, nodes: ["n1", "n2"] });
    await m.writer.update((tx) => {
      const nodeId = "n1";
      for (let n = 1; n <= 5; n++)
        tx.put(
          "task",
          aTask({
            id: `f${n}`,
            serviceId: "s",
            slot: 9,
            nodeId,
            state: "FAILED",
            desired: "SHUTDOWN",
            atMs: m.clock.now(),
          }),
        );
      tx.put("task", aTask({ id: "x", serviceId: "s", slot: 8, nodeId: "n2", state: "RUNNING" }));
      tx.put("task", aTask({ id: "t1", serviceId: "s", slot: 1, state: "PENDING" }));
    });
    start();
    await m.clock.settle();
    expect(task("t1")?.nodeId).toBe("n2");
  });

  test("no group starves: a small one is placed while a large one is worked off", async () => {
    await given({ tasks: 0 });
    await m.writer.update((tx) => {
      for (let n = 1; n <= 1_500; n++)
        tx.put("task", aTask({ id: `big${n}`, serviceId: "s", slot: n, state: "PENDING" }));
    });
    await m.writer.update((tx) => {
      putService(tx, aService({ id: "small" }));
      tx.put("task", aTask({ id: "small", serviceId: "small", state: "PENDING" }));
    });
    const order: string[] = [];
    const watch = m.store.watch({ tables: ["task"] }, new AbortController().signal)[Symbol.asyncIterator]();
    start();
    await m.clock.settle();
    const batch = await watch.next();
    if (!batch.done) for (const { id } of batch.value.changes) order.push(id);
    expect(order).toHaveLength(1_501);
    expect(order.indexOf("small")).toBe(100);
  });
});

describe("C1 what is true when the placement is written decides", () => {
  const spec = aServiceSpec();
  const rows = [
    { title: "all as it was", node: aNode({ id: "n1" }), task: {}, expected: true },
    { title: "the node went down", node: aNode({ id: "n1", state: "DOWN" }), task: {}, expected: false },
    {
      title: "the node was drained",
      node: aNode({ id: "n1", availability: NodeAvailability.DRAIN }),
      task: {},
      expected: false,
    },
    { title: "the node's engine is away", node: aNode({ id: "n1", suspended: true }), task: {}, expected: false },
    { title: "the node is gone", node: aNode({ id: "n2" }), task: {}, expected: false },
    {
      title: "the node lost the label asked for",
      node: aNode({ id: "n1" }),
      task: {},
      constraints: ["node.labels.a==b"],
      expected: false,
    },
    { title: "the task was told to stop", node: aNode({ id: "n1" }), task: { desired: "SHUTDOWN" }, expected: false },
    {
      title: "the task has a node",
      node: aNode({ id: "n1" }),
      task: { state: "ASSIGNED", nodeId: "n2" },
      expected: false,
    },
  ] as const;
  test.each(rows)("$title", async ({ node, task: options, expected, ...rest }) => {
    start();
    const needs = needsOf({ ...spec, ...aServiceSpec({ constraints: "constraints" in rest ? rest.constraints : [] }) });
    const seen = aNode({ id: "n1", labels: { a: "b" } });
    await m.writer.update((tx) => {
      putService(tx, aService({ id: "s" }));
      tx.put("node", node);
      tx.put("task", aTask({ id: "t", serviceId: "s", state: "PENDING", ...options }));
      const info = new NodeInfo(seen);
      expect(assign(tx, { taskId: "t", info, generic: [], needs }, { seconds: 1, nanos: 0 })).toBe(expected);
    });
  });
});
