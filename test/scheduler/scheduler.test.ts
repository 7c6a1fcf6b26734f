import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { silentMetrics } from "../../src/base/index.js";
import { type Task, TaskState, WaitStage } from "../../src/gen/skep/v1/objects.js";
import { NodeAvailability } from "../../src/gen/skep/v1/specs.js";
import { ClusterState } from "../../src/scheduler/cluster.js";
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

  test("R-513 no service starves: a small one is placed while a large one is worked off", async () => {
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

describe("R-514 a start-first update of a service that fills its nodes", () => {
  test("goes on: each new task stands beside the one it replaces, and takes its place", async () => {
    await given({ tasks: 0, nodes: ["n1", "n2"], maxReplicas: 1 });
    const old = (n: number) => aTask({ id: `old${n}`, serviceId: "s", slot: n, state: "RUNNING", nodeId: `n${n}` });
    const replacing = (n: number) =>
      aTask({ id: `new${n}`, serviceId: "s", slot: n, state: "PENDING", task: { restart: { replaces: `old${n}` } } });
    await m.writer.update((tx) => {
      for (const n of [1, 2]) tx.put("task", old(n));
      tx.put("task", replacing(2));
    });
    start();
    await m.clock.settle();
    expect(task("new2")?.nodeId).toBe("n2");
    await m.writer.update((tx) => tx.put("task", aTask({ id: "more", serviceId: "s", slot: 3, state: "PENDING" })));
    await m.clock.settle();
    expect(task("more")?.status?.err).toBe("no suitable node (max replicas per node limit exceed)");
  });

  test("two of one node go one after the other", async () => {
    await given({ tasks: 0, nodes: ["n1"], maxReplicas: 2 });
    await m.writer.update((tx) => {
      for (const n of [1, 2]) {
        tx.put("task", aTask({ id: `old${n}`, serviceId: "s", slot: n, state: "RUNNING", nodeId: "n1" }));
        const restart = { replaces: `old${n}` };
        tx.put("task", aTask({ id: `new${n}`, serviceId: "s", slot: n, state: "PENDING", task: { restart } }));
      }
    });
    start();
    await m.clock.settle();
    expect([task("new1")?.nodeId, task("new2")?.nodeId]).toEqual(["n1", ""]);
    await change("old1", { desiredState: TaskState.SHUTDOWN });
    await end("old1", TaskState.SHUTDOWN);
    await m.clock.settle();
    expect(task("new2")?.nodeId).toBe("n1");
  });
});

describe("R-517 what waits is tried again", () => {
  test("where a node that changed would take it, however many wait for other things", async () => {
    await given({ tasks: 1, nodes: ["n1"], constraints: ["node.labels.disk==ssd"] });
    await m.writer.update((tx) => {
      for (let n = 0; n < 50; n++) {
        putService(tx, aService({ id: `o${n}`, constraints: [`node.labels.other==${n}`] }));
        tx.put("task", aTask({ id: `o${n}`, serviceId: `o${n}`, state: "PENDING" }));
      }
    });
    start();
    await m.clock.settle();
    expect(task("o7")?.wait?.reason).toBe("no suitable node (scheduling constraints not satisfied on 1 node)");
    await m.writer.update((tx) => tx.put("node", aNode({ id: "n1", labels: { disk: "ssd", other: "7" } })));
    await m.clock.settle();
    expect([task("t1")?.nodeId, task("o7")?.nodeId, task("o8")?.nodeId]).toEqual(["n1", "n1", ""]);
  });

  test("reasons that change with every event are written once a second", async () => {
    await given({ tasks: 1, nodes: ["n1"], nanoCpus: 9e9 });
    start();
    await m.clock.advance(10_000);
    const { revision } = m.store;
    for (let n = 2; n <= 11; n++) {
      await m.writer.update((tx) => tx.put("node", aNode({ id: `n${n}` })));
      await m.clock.advance(50);
    }
    expect(m.store.revision).toBe(revision + 11);
    await m.clock.advance(1_000);
    expect(m.store.revision).toBe(revision + 12);
    expect(task("t1")?.wait?.reason).toBe("no suitable node (insufficient resources on 11 nodes)");
  });
});

describe("R-515 all is looked at again in slices", () => {
  test("and what changes between two of them counts once", async () => {
    const cluster = new ClusterState(m.store);
    await m.writer.update((tx) => {
      putService(tx, aService({ id: "s", nanoCpus: 1 }));
      for (let n = 0; n < 600; n++) tx.put("node", aNode({ id: `n${n}` }));
      for (let n = 0; n < 600; n++)
        tx.put("task", aTask({ id: `t${n}`, serviceId: "s", slot: n + 1, state: "RUNNING", nodeId: `n${n}` }));
    });
    const seen = m.store.watch({ tables: ["task", "node"] }, new AbortController().signal)[Symbol.asyncIterator]();
    const steps = cluster.rebuild(0);
    for (let step = 0; !steps.next().done; step++) {
      if (step !== 3) continue;
      await m.writer.update((tx) => {
        tx.delete("node", "n5");
        tx.put("node", aNode({ id: "late" }));
        tx.delete("task", "t7");
        tx.put("task", aTask({ id: "t599", serviceId: "s", slot: 600, state: "RUNNING", nodeId: "late" }));
      });
      const batch = await seen.next();
      if (!batch.done) cluster.note(batch.value.changes);
    }
    const once = new ClusterState(m.store);
    for (const _ of once.rebuild(0));
    const load = (state: ClusterState) =>
      new Map([...state.nodes.all()].map(({ id, total, freeCpus }) => [id, { total, freeCpus }]));
    expect(load(cluster)).toEqual(load(once));
    expect(cluster.nodes.get("late")?.total).toBe(1);
    start();
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
