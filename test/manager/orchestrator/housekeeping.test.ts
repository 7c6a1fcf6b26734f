import { afterEach, describe, expect, test } from "vitest";
import { type Task, TaskState } from "../../../src/gen/skep/v1/objects.js";
import { NodeAvailability } from "../../../src/gen/skep/v1/specs.js";
import { Enforcer, Reaper } from "../../../src/manager/orchestrator/index.js";
import {
  aCluster,
  aNode,
  aService,
  aServiceSpec,
  aTask,
  memoryStore,
  putRevision,
  putService,
} from "../../support/memory.js";

const stop = new AbortController();
const m = memoryStore();

afterEach(async () => {
  await m.writer.update((tx) => {
    for (const table of ["task", "service", "revision", "node"] as const)
      for (const row of [...tx.table(table).all()]) tx.delete(table, row.id);
  });
  await m.clock.settle();
});

new Reaper({}, { ...m, writer: m.writer }).run(stop.signal).catch(() => undefined);
new Enforcer({}, { ...m, writer: m.writer }).run(stop.signal).catch(() => undefined);

const task = (id: string): Task | undefined => m.store.table("task").get(id);
const ids = (): readonly string[] => [...m.store.table("task").all()].map((row) => row.id).sort();

describe("the reaper", () => {
  test("R-604 deletes a task that was to be removed once it stopped", async () => {
    await m.writer.update((tx) => {
      putService(tx, aService({ id: "s" }));
      tx.put("task", aTask({ id: "runs", serviceId: "s", nodeId: "n", state: "RUNNING", desired: "REMOVE" }));
      tx.put("task", aTask({ id: "waits", serviceId: "s", slot: 2, state: "PENDING", desired: "REMOVE" }));
    });
    await m.clock.settle();
    expect(ids()).toEqual(["runs"]);
    await m.writer.update((tx) => tx.setStatus("runs", { ...status(task("runs")), state: TaskState.SHUTDOWN }));
    await m.clock.settle();
    expect(ids()).toEqual([]);
  });

  test("R-601 trims a slot when a successor comes, and when a task ends", async () => {
    await m.writer.update((tx) => {
      tx.put("cluster", aCluster({ historyLimit: 2 }));
      putService(tx, aService({ id: "s" }));
      for (let n = 1; n <= 3; n++)
        tx.put(
          "task",
          aTask({ id: `old${n}`, serviceId: "s", nodeId: "n", state: "FAILED", desired: "SHUTDOWN", atMs: n }),
        );
      tx.put(
        "task",
        aTask({ id: "stops", serviceId: "s", nodeId: "n", state: "RUNNING", desired: "SHUTDOWN", atMs: 0 }),
      );
      tx.put("task", aTask({ id: "live", serviceId: "s", nodeId: "n", state: "RUNNING", atMs: 9 }));
    });
    await m.clock.settle();
    expect(ids()).toEqual(["live", "stops"]);
    await m.writer.update((tx) => {
      tx.put("task", aTask({ id: "newer", serviceId: "s", state: "NEW", atMs: 10 }));
      tx.setStatus("stops", { ...status(task("stops")), state: TaskState.SHUTDOWN });
    });
    await m.clock.settle();
    expect(ids()).toEqual(["live", "newer"]);
  });

  test("R-605 deletes a spec with the last task of a removed service", async () => {
    await m.writer.update((tx) => {
      putService(tx, aService({ id: "s" }));
      tx.put("task", aTask({ id: "t", serviceId: "s", nodeId: "n", state: "RUNNING" }));
      tx.delete("service", "s");
    });
    await m.clock.settle();
    expect(m.store.table("revision").size).toBe(1);
    await m.writer.update((tx) => tx.delete("task", "t"));
    await m.clock.advance(1_000);
    expect(m.store.table("revision").size).toBe(0);
  });

  test("R-605 keeps the ten newest specs of a service", async () => {
    await m.writer.update((tx) => putService(tx, aService({ id: "s" })));
    const before = m.store.revision;
    for (let n = 1; n <= 14; n++)
      await m.writer.update((tx) => putRevision(tx, "s", aServiceSpec({ image: `i:${n}` })));
    await m.clock.advance(999);
    // Not an entry of the log with each update.
    expect(m.store.revision).toBe(before + 14);
    await m.clock.advance(1);
    expect(m.store.revision).toBe(before + 15);
    expect([...m.store.table("revision").all()].map((row) => row.number)).toEqual([6, 7, 8, 9, 10, 11, 12, 13, 14, 15]);
  });
});

describe("the constraint enforcer", () => {
  const labelled = (availability: NodeAvailability = NodeAvailability.ACTIVE, labels: Record<string, string> = {}) =>
    aNode({ id: "n", availability, labels });
  const given = async (): Promise<void> => {
    await m.writer.update((tx) => {
      putService(tx, aService({ id: "s", constraints: ["node.labels.disk==ssd"] }));
      tx.put("node", labelled(NodeAvailability.ACTIVE, { disk: "ssd" }));
      tx.put("task", aTask({ id: "t", serviceId: "s", nodeId: "n", state: "RUNNING" }));
    });
    await m.clock.settle();
    expect(task("t")?.status?.state).toBe(TaskState.RUNNING);
  };

  test("R-606 rejects a task whose node lost the label", async () => {
    await given();
    await m.writer.update((tx) => tx.put("node", labelled()));
    await m.clock.settle();
    expect(task("t")?.status).toMatchObject({
      state: TaskState.REJECTED,
      message: "task rejected by constraint enforcer",
      err: "assigned node no longer meets constraints",
    });
  });

  test.each([NodeAvailability.PAUSE, NodeAvailability.DRAIN])(
    "leaves a node alone that is not active: %i",
    async (availability) => {
      await given();
      await m.writer.update((tx) => tx.put("node", labelled(availability)));
      await m.clock.settle();
      expect(task("t")?.status?.state).toBe(TaskState.RUNNING);
    },
  );
});

function status(row: Task | undefined): NonNullable<Task["status"]> {
  if (row?.status === undefined) throw new Error("the task is there");
  return row.status;
}
