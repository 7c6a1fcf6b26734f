import { describe, expect, test } from "vitest";
import { TaskAssignment } from "../../../src/gen/skep/v1/dispatcher.js";
import { Network, type Task, TaskState } from "../../../src/gen/skep/v1/objects.js";
import { taskAssignment } from "../../../src/manager/dispatcher/task-assignment.js";
import { TaskSet, touchedMax } from "../../../src/manager/dispatcher/task-set.js";
import type { Transaction } from "../../../src/store/index.js";
import { aCluster, aService, aTask, memoryStore, putService, type TaskOptions } from "../../support/memory.js";
import { partText } from "./support.js";

const running = TaskState.RUNNING;
const shutdown = TaskState.SHUTDOWN;
const gpu = { kind: "gpu", amount: { $case: "named" as const, value: "gpu0" } };

async function storeWith(tasks: readonly TaskOptions[], label = "") {
  const memory = memoryStore();
  const put = (fn: (tx: Transaction) => void): Promise<void> => memory.writer.update(fn);
  const spec = { annotations: { name: "web", labels: { label } } };
  await put((tx) => {
    tx.put("cluster", aCluster());
    putService(tx, aService({ id: "s", name: "web", spec }));
    for (const task of tasks) tx.put("task", aTask({ serviceId: "s", nodeId: "n", state: "ASSIGNED", ...task }));
  });
  return { ...memory, put };
}

function drain(set: TaskSet, view: Parameters<TaskSet["next"]>[0]): string[] {
  const parts: string[] = [];
  for (let part = set.next(view); part; part = set.next(view)) parts.push(partText(part));
  return parts;
}

describe("the first set", () => {
  const table: readonly { name: string; tasks: TaskOptions[]; held: [string, number][]; parts: string[] }[] = [
    { name: "is empty, and says so", tasks: [], held: [], parts: ["1: complete"] },
    {
      name: "is all there is for an agent that holds nothing",
      tasks: [{ id: "a" }, { id: "b" }],
      held: [],
      parts: ["1: +a@512 +b@512 complete"],
    },
    {
      name: "is nothing for an agent that holds it",
      tasks: [{ id: "a" }],
      held: [["a", running]],
      parts: ["1: complete"],
    },
    {
      name: "has what is newer",
      tasks: [{ id: "a", desired: "SHUTDOWN" }],
      held: [["a", running]],
      parts: ["1: +a@640 complete"],
    },
    { name: "removes what is not there", tasks: [], held: [["a", running]], parts: ["1: -a complete"] },
    {
      name: "removes what is on another node",
      tasks: [{ id: "a", nodeId: "m" }],
      held: [["a", running]],
      parts: ["1: -a complete"],
    },
    {
      name: "has no task that is not assigned yet",
      tasks: [{ id: "a", state: "PENDING" }],
      held: [],
      parts: ["1: complete"],
    },
    {
      name: "has tasks that are over, until they are deleted",
      tasks: [{ id: "a", state: "FAILED", desired: "SHUTDOWN" }],
      held: [],
      parts: ["1: +a@640 complete"],
    },
  ];
  test.each(table)("$name", async ({ tasks, held, parts }) => {
    const { store } = await storeWith(tasks);
    const set = new TaskSet(
      "n",
      held.map(([id, version]) => ({ id, version })),
      store,
    );
    expect(drain(set, store)).toEqual(parts);
    expect(set.hasMore).toBe(false);
  });

  test("comes in parts of at most 64 kB, the last one completes it", async () => {
    const tasks = Array.from({ length: 30 }, (_, index) => ({ id: `task${index}` }));
    const { store } = await storeWith(tasks, "x".repeat(10_000));
    const set = new TaskSet("n", [], store);
    const parts = [];
    for (let part = set.next(store); part; part = set.next(store)) parts.push(part);
    const bytes = parts.map(({ update }) =>
      update.reduce((sum, one) => sum + TaskAssignment.encode(one).finish().length, 0),
    );
    expect(Math.max(...bytes)).toBeLessThanOrEqual(60_000);
    expect(parts.map(({ number, firstSetComplete }) => [number, firstSetComplete])).toEqual(
      parts.map((_, index) => [index + 1, index === parts.length - 1]),
    );
    expect(parts.flatMap(({ update }) => update.map(({ id }) => id)).sort()).toEqual(tasks.map(({ id }) => id).sort());
    expect(parts.length).toBeGreaterThan(4);
  });

  test("sends a task alone that is larger than a part", async () => {
    const { store } = await storeWith([{ id: "a" }, { id: "b" }], "x".repeat(100_000));
    expect(drain(new TaskSet("n", [], store), store)).toEqual(["1: +a@512", "2: +b@512 complete"]);
  });

  test("is complete though tasks change all the while", async () => {
    const { store, put } = await storeWith([{ id: "a" }], "x".repeat(59_900));
    await put((tx) => {
      putService(tx, aService({ id: "small" }));
      tx.put("task", aTask({ id: "b", serviceId: "small", nodeId: "n", state: "ASSIGNED" }));
    });
    const set = new TaskSet("n", [], store);
    expect(partText(set.next(store) ?? fail())).toBe("1: +a@512");
    await put((tx) => tx.put("task", aTask({ id: "c", serviceId: "small", nodeId: "n", state: "ASSIGNED" })));
    set.touch("c");
    expect(drain(set, store)).toEqual(["2: +b@512 complete", "3: +c@512"]);
  });
});

describe("a delta", () => {
  test("tells a task once per version, and only if the agent must know", async () => {
    const { store, put } = await storeWith([{ id: "a" }]);
    const set = new TaskSet("n", [], store);
    drain(set, store);
    set.touch("a");
    expect(drain(set, store)).toEqual([]);
    await put((tx) => tx.put("task", { ...(tx.table("task").get("a") ?? fail()), desiredState: shutdown }));
    set.touch("a");
    expect(drain(set, store)).toEqual(["2: +a@640"]);
    await put((tx) => tx.delete("task", "a"));
    set.touch("a");
    set.touch("never heard of");
    expect(drain(set, store)).toEqual(["3: -a"]);
  });

  test("skips what came and went while the agent was busy", async () => {
    const { store, put } = await storeWith([]);
    const set = new TaskSet("n", [], store);
    drain(set, store);
    await put((tx) => tx.put("task", aTask({ id: "a", serviceId: "s", nodeId: "n", state: "ASSIGNED" })));
    set.touch("a");
    await put((tx) => tx.delete("task", "a"));
    set.touch("a");
    expect(drain(set, store)).toEqual([]);
  });

  test("that grows beyond its bound is refused", async () => {
    const { store } = await storeWith([]);
    const set = new TaskSet("n", [], store);
    drain(set, store);
    const fits = Array.from({ length: touchedMax }, (_, index) => set.touch(`task${index}`));
    expect(fits.every(Boolean)).toBe(true);
    expect(set.touch("one more")).toBe(false);
  });
});

describe("an assignment", () => {
  test("carries all that a task needs to run", async () => {
    const { store, put } = await storeWith([]);
    const logDriver = { name: "json-file", options: { "max-size": "1m" } };
    const spec = {
      annotations: { name: "web", labels: { tier: "front" } },
      task: { container: { image: "nginx:1" }, forceUpdate: 3 },
      endpoint: { ports: [{ targetPort: 80, publishedPort: 8080 }] },
    };
    await put((tx) => {
      tx.put("cluster", { ...aCluster(), spec: { ...(aCluster().spec ?? fail()), taskDefaults: { logDriver } } });
      tx.put("network", Network.fromPartial({ id: "net1", name: "host", predefined: true }));
      putService(tx, aService({ id: "s2", name: "web", spec, number: 4 }));
      tx.put(
        "task",
        withGpu(
          aTask({
            ...{ id: "a", serviceId: "s2", revision: 4, slot: 2, nodeId: "n", state: "ASSIGNED" },
            task: { networkIds: ["net1"] },
          }),
        ),
      );
    });
    const assignment = taskAssignment(store, store.table("task").get("a") ?? fail());
    expect(assignment).toEqual({
      ...{ id: "a", version: running, serviceId: "s2", serviceName: "web", serviceLabels: { tier: "front" }, slot: 2 },
      ...{ desiredState: running, networks: ["host"], logDriver },
      spec: store.table("revision").get("s2.4")?.spec?.task,
      endpoint: store.table("revision").get("s2.4")?.spec?.endpoint,
      assignedGeneric: [gpu],
      status: store.table("task").get("a")?.status,
    });
    expect(assignment.spec?.container?.image).toBe("nginx:1");
  });

  test("prefers the task's own log driver to the cluster's", async () => {
    const { store, put } = await storeWith([]);
    const spec = { task: { logDriver: { name: "none", options: {} } } };
    await put((tx) => {
      putService(tx, aService({ id: "s2", spec }));
      tx.put("task", aTask({ id: "a", serviceId: "s2", nodeId: "n", state: "ASSIGNED" }));
    });
    expect(taskAssignment(store, store.table("task").get("a") ?? fail()).logDriver?.name).toBe("none");
  });
});

function withGpu(task: Task): Task {
  return { ...task, assignedGeneric: [gpu] };
}

function fail(): never {
  throw new Error("there should be one");
}
