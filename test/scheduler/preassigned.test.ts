// Tasks that are made for one node: confirmed there, told why not, asked again only when their node changed.

import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Scope, silentLog, wallTime } from "../../src/base/index.js";
import { type Task, TaskState, TaskStatus } from "../../src/gen/skep/v1/objects.js";
import { NodeAvailability } from "../../src/gen/skep/v1/specs.js";
import { needsOf } from "../../src/scheduler/decide/needs.js";
import { NodeSet } from "../../src/scheduler/decide/node-set.js";
import { Scheduler } from "../../src/scheduler/index.js";
import { assign } from "../../src/scheduler/write.js";
import { aNode, aService, aTask, type MemoryStore, memoryStore, putService } from "../support/memory.js";

let m: MemoryStore;
let scope: Scope;

beforeEach(async () => {
  m = memoryStore();
  scope = new Scope(silentLog, (_, error) => expect.unreachable(error.message));
  const built = aService({ id: "agent", hostPorts: [8080] });
  await m.writer.update((tx) => putService(tx, built));
  scope.start("scheduler", (signal) => new Scheduler({}, m).run(signal));
});

afterEach(() => scope.stop("the test is over"));

const get = (id: string): Task | undefined => m.store.table("task").get(id);
const preassigned = (id: string, nodeId: string): Task =>
  aTask({ id, serviceId: "agent", slot: 0, nodeId, state: "PENDING" });

async function put(...rows: readonly Task[]): Promise<void> {
  await m.writer.update((tx) => {
    for (const row of rows) tx.put("task", row);
  });
  await m.clock.advance(10);
}

describe("R-516 a task that is made for one node", () => {
  it("is confirmed where it fits", async () => {
    await m.writer.update((tx) => tx.put("node", aNode({ id: "n1" })));
    await put(preassigned("t", "n1"));
    expect(get("t")?.status).toMatchObject({
      state: TaskState.ASSIGNED,
      message: "scheduler confirmed task can run on preassigned node",
    });
  });

  it("waits with a reason where it does not, and goes nowhere else", async () => {
    await m.writer.update((tx) => {
      tx.put("node", aNode({ id: "n1", availability: NodeAvailability.PAUSE }));
      tx.put("node", aNode({ id: "n2" }));
    });
    await put(preassigned("t", "n1"));
    expect(get("t")?.nodeId).toBe("n1");
    expect(get("t")?.status).toMatchObject({
      state: TaskState.PENDING,
      err: "1 node not available for new tasks",
    });
  });

  it("is asked for again when its node changed", async () => {
    await m.writer.update((tx) => tx.put("node", aNode({ id: "n1", availability: NodeAvailability.PAUSE })));
    await put(preassigned("t", "n1"));
    await m.writer.update((tx) => tx.put("node", aNode({ id: "n1" })));
    await m.clock.advance(10);
    expect(get("t")?.status?.state).toBe(TaskState.ASSIGNED);
  });

  it("is asked for again when a task of its node made room", async () => {
    await m.writer.update((tx) => tx.put("node", aNode({ id: "n1" })));
    await put(preassigned("first", "n1"), preassigned("second", "n1"));
    expect([get("first")?.status?.state, get("second")?.status?.state]).toEqual([
      TaskState.ASSIGNED,
      TaskState.PENDING,
    ]);
    await m.writer.update((tx) => tx.delete("task", "first"));
    await m.clock.advance(10);
    expect(get("second")?.status?.state).toBe(TaskState.ASSIGNED);
  });

  it("waits for a node that is not there, and is over once nobody wants it", async () => {
    await put(preassigned("t", "n1"));
    expect(get("t")?.status?.state).toBe(TaskState.PENDING);
    await put({ ...preassigned("t", "n1"), desiredState: TaskState.SHUTDOWN });
    expect(get("t")?.status?.state).toBe(TaskState.SHUTDOWN);
  });
});

// Simulation seed 2340: the node's new row was known before the placement decided on the old one was written.
it("a node that lost its label between decision and write takes nothing", async () => {
  const { spec } = aService({ constraints: ["node.labels.zone==a"] });
  const set = new NodeSet();
  const hear = async (labels: Readonly<Record<string, string>>) => {
    await m.writer.update((tx) => tx.put("node", aNode({ id: "n1", labels })));
    return set.put(m.store.table("node").get("n1") ?? aNode());
  };
  const info = await hear({ zone: "a" });
  await hear({});
  await m.writer.update((tx) => {
    tx.put("task", { ...preassigned("t", ""), status: TaskStatus.fromPartial({ state: TaskState.PENDING }) });
    expect(assign(tx, { taskId: "t", info, generic: [], needs: needsOf(spec) }, wallTime(0))).toBe(false);
    tx.delete("task", "t");
  });
});
