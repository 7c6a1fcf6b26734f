import { afterEach, beforeEach, expect, test } from "vitest";
import { Network, type Task, TaskState, WaitStage } from "../../../src/gen/skep/v1/objects.js";
import { Allocator } from "../../../src/manager/allocator/index.js";
import { aService, aTask, type MemoryStore, memoryStore, putService } from "../../support/memory.js";

let m: MemoryStore;
let stop: AbortController;
let run: Promise<void>;

beforeEach(() => {
  m = memoryStore();
  stop = new AbortController();
  run = new Allocator({}, { ...m, writer: m.writer }).run(stop.signal);
  run.catch(() => undefined);
});

afterEach(async () => {
  stop.abort(new Error("over"));
  await expect(run).rejects.toThrow("over");
});

async function create(networks: readonly string[], count = 1): Promise<void> {
  const spec = { task: { networks: networks.map((target) => ({ target })) } };
  await m.writer.update((tx) => {
    putService(tx, aService({ id: "s", spec }));
    for (let n = 1; n <= count; n++) tx.put("task", aTask({ id: `t${n}`, serviceId: "s", slot: n }));
  });
  await m.clock.settle();
}

const task = (id = "t1"): Task | undefined => m.store.table("task").get(id);

test("a new task becomes PENDING without time passing", async () => {
  await create([]);
  expect(task()?.status).toMatchObject({ state: TaskState.PENDING, message: "pending task scheduling" });
});

test("node-local networks are found by name and by id", async () => {
  await m.writer.update((tx) => {
    tx.put("network", Network.fromPartial({ id: "net1", name: "host", driver: "host", predefined: true }));
    tx.put("network", Network.fromPartial({ id: "net2", name: "bridge", driver: "bridge", predefined: true }));
  });
  await create(["host", "net2"]);
  expect(task()).toMatchObject({ networkIds: ["net1", "net2"], status: { state: TaskState.PENDING } });
});

test("a task waits for its network, says so once, and goes on when it is there", async () => {
  await create(["mine"]);
  expect(task()).toMatchObject({
    status: { state: TaskState.NEW },
    wait: { stage: WaitStage.ALLOCATOR, reason: "network mine not found" },
  });
  const { revision } = m.store;
  await m.writer.update((tx) => tx.put("network", Network.fromPartial({ id: "x", name: "other" })));
  await m.clock.advance(60_000);
  expect(m.store.revision).toBe(revision + 1);
  await m.writer.update((tx) => tx.put("network", Network.fromPartial({ id: "net", name: "mine" })));
  await m.clock.settle();
  expect(task()).toMatchObject({ networkIds: ["net"], wait: undefined, status: { state: TaskState.PENDING } });
});

test("thousands at once go in steps", async () => {
  await m.writer.update((tx) => putService(tx, aService({ id: "s" })));
  for (const half of [0, 1]) {
    await m.writer.update((tx) => {
      for (let n = 1; n <= 1_500; n++) tx.put("task", aTask({ id: `${half}-${n}`, serviceId: "s", slot: n }));
    });
  }
  await m.clock.settle();
  expect([...m.store.table("task").all()].every((row) => row.status?.state === TaskState.PENDING)).toBe(true);
});
