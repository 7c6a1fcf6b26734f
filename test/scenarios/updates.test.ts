// Updates as the store's own history tells them: commit by commit, how many tasks ran, and what the update itself took down.

import { afterEach, describe, expect, test } from "vitest";
import { type Task, TaskState, UpdateState } from "../../src/gen/skep/v1/objects.js";
import { NodeAvailability, UpdateConfig, UpdateFailureAction, UpdateOrder } from "../../src/gen/skep/v1/specs.js";
import { isWanted, stateOf } from "../../src/model/index.js";
import { SeededRandom } from "../../src/sim/index.js";
import type { Fate } from "../support/agents.js";
import {
  aCluster,
  aNode,
  aService,
  aServiceSpec,
  putRevision,
  putService,
  type ServiceOptions,
} from "../support/memory.js";
import { type Orchestration, orchestration, tasksOf } from "../support/orchestration.js";

const replicas = 25;
let o: Orchestration;
let ended = new AbortController();

afterEach(async () => {
  ended.abort();
  ended = new AbortController();
  await o.end();
  expect(o.failures).toEqual([]);
});

/** What a fold over every commit saw. */
interface History {
  /** The fewest wanted tasks that ran, after any commit. */
  least: number;
  /** The fewest after a commit that told one of them to stop. */
  leastAfterStop: number;
  /** The most tasks of one slot that ran at once, wanted or not. */
  mostInSlot: number;
}

function fold(): History {
  const history: History = { least: replicas, leastAfterStop: replicas, mostInSlot: 1 };
  const rows = new Map(tasksOf(o, "web").map((task) => [task.id, task]));
  void (async () => {
    for await (const { changes } of o.store.watch({ tables: ["task"] }, ended.signal)) {
      const stopped = changes.some(({ id, row }) => countsAs(rows.get(id)) && !isWanted(row as Task));
      for (const { id, row } of changes) {
        if (row === undefined) rows.delete(id);
        else rows.set(id, row as Task);
      }
      const running = [...rows.values()].filter((task) => stateOf(task) === TaskState.RUNNING);
      const wanted = running.filter(isWanted).length;
      history.least = Math.min(history.least, wanted);
      if (stopped) history.leastAfterStop = Math.min(history.leastAfterStop, wanted);
      const slots = new Map<number, number>();
      for (const { slot } of running) slots.set(slot, (slots.get(slot) ?? 0) + 1);
      history.mostInSlot = Math.max(history.mostInSlot, ...slots.values());
    }
  })().catch(() => undefined);
  return history;
}

/** Wanted, and it runs. */
function countsAs(task: Task | undefined): boolean {
  return task !== undefined && isWanted(task) && stateOf(task) === TaskState.RUNNING;
}

const config = (fields: Partial<UpdateConfig>): UpdateConfig => ({
  ...UpdateConfig.fromPartial({ parallelism: 5 }),
  ...fields,
});

async function running(fields: Partial<UpdateConfig>, options: ServiceOptions = {}): Promise<History> {
  o = orchestration();
  await o.writer.update((tx) => {
    tx.put("cluster", aCluster());
    for (let n = 1; n <= 5; n++) tx.put("node", aNode({ id: `n${n}` }));
    putService(tx, aService({ id: "web", replicas, spec: { update: config(fields) }, ...options }));
  });
  await o.clock.advance(200);
  return fold();
}

function update(image: string, fields: Partial<UpdateConfig>, options: ServiceOptions = {}): Promise<unknown> {
  return o.writer.update((tx) =>
    putRevision(
      tx,
      "web",
      aServiceSpec({ name: "web", replicas, image, spec: { update: config(fields) }, ...options }),
    ),
  );
}

const status = () => o.store.table("service").get("web")?.updateStatus;

/** Starts, stops and preparations of unlike length, as on real hosts. */
function unevenly(seed: number, fails: (task: Task, random: SeededRandom) => Fate["ends"] = () => undefined): void {
  const random = new SeededRandom(seed);
  const upTo = (ms: number): number => Math.floor(random.next() * ms);
  o.agents.fateOf = (task) => {
    const ends = fails(task, random);
    return { prepareMs: upTo(2_000), startMs: upTo(1_000), stopMs: upTo(4_000), ...(ends && { ends }) };
  };
}

describe.each([
  { order: UpdateOrder.STOP_FIRST, title: "stop-first", floor: 20, mostInSlot: 1 },
  { order: UpdateOrder.START_FIRST, title: "start-first", floor: 25, mostInSlot: 2 },
])("R-413 $title: by the history of the store", ({ order, floor, mostInSlot }) => {
  test.each([1, 2])("25 tasks at parallelism 5 never run fewer than promised (seed %i)", async (seed) => {
    const history = await running({ order });
    unevenly(seed);
    await update("nginx:2", { order });
    await o.clock.advance(120_000);
    expect(status()).toMatchObject({ state: UpdateState.COMPLETED, done: 25 });
    expect(history.least).toBe(floor);
    expect(history.mostInSlot).toBe(mostInSlot);
  });

  test.each([1, 2])("nor when another spec comes in the middle, and again (seed %i)", async (seed) => {
    const history = await running({ order });
    unevenly(seed);
    for (const image of ["nginx:2", "nginx:3", "nginx:2"]) {
      await update(image, { order });
      await o.clock.advance(4_700);
    }
    await o.clock.advance(120_000);
    expect(status()).toMatchObject({ state: UpdateState.COMPLETED });
    expect(history.least).toBeGreaterThanOrEqual(floor);
    expect(history.mostInSlot).toBeLessThanOrEqual(mostInSlot);
  });

  test.each([1, 2])("nor does it take down more while failed tasks wait for their restart (seed %i)", async (seed) => {
    const failureAction = UpdateFailureAction.CONTINUE;
    const history = await running({ order, failureAction });
    unevenly(seed, (task, random) => {
      if (task.revision === 1 || random.next() > 0.3) return undefined;
      return { afterMs: Math.floor(random.next() * 3_000), as: random.next() < 0.5 ? "FAILED" : "REJECTED" };
    });
    await update("nginx:2", { order, failureAction });
    await o.clock.advance(300_000);
    expect(status()).toMatchObject({ done: 25 });
    expect(status()?.failed).toBeGreaterThan(0);
    expect(history.leastAfterStop).toBeGreaterThanOrEqual(20);
    expect(history.mostInSlot).toBeLessThanOrEqual(mostInSlot);
  });

  test("nor after the leader changed", async () => {
    const history = await running({ order });
    unevenly(4);
    await update("nginx:2", { order });
    for (let change = 0; change < 4; change++) {
      await o.clock.advance(3_000);
      await o.failOver();
    }
    await o.clock.advance(120_000);
    expect(status()).toMatchObject({ state: UpdateState.COMPLETED, done: 25 });
    expect(history.least).toBeGreaterThanOrEqual(floor);
  });
});

test("R-403 start-first: while the new task fails and fails again, the old one runs on", async () => {
  const failureAction = UpdateFailureAction.CONTINUE;
  const fields = { order: UpdateOrder.START_FIRST, failureAction };
  const history = await running(fields);
  o.agents.fateOf = (task) => (task.revision === 1 ? {} : { ends: { afterMs: 0, as: "REJECTED" } });
  await update("missing:1", fields);
  await o.clock.advance(60_000);
  expect(history.least).toBe(25);
  o.agents.fateOf = () => ({});
  await o.clock.advance(600_000);
  expect(tasksOf(o, "web").filter((task) => isWanted(task) && task.revision === 2)).toHaveLength(25);
  expect(history.least).toBe(25);
});

test("R-413 a service of which nothing runs is mended by an update at once", async () => {
  o = orchestration();
  const broken = { constraints: ["node.labels.disk==ssd"] };
  await o.writer.update((tx) => {
    tx.put("cluster", aCluster());
    tx.put("node", aNode({ id: "n1" }));
    putService(tx, aService({ id: "web", replicas: 3, ...broken }));
  });
  await o.clock.advance(60_000);
  await update("nginx:2", { parallelism: 1 }, { replicas: 3 });
  await o.clock.advance(1_000);
  expect(o.agents.running.size).toBe(3);
});

describe("R-413 an image that never runs, under continue", () => {
  const fields = { failureAction: UpdateFailureAction.CONTINUE };
  const rejected: Fate = { ends: { afterMs: 0, as: "REJECTED" } };

  test("takes no more than parallelism down, and goes on with five every ten minutes", async () => {
    const history = await running(fields);
    o.agents.fateOf = (task) => (task.revision === 1 ? {} : rejected);
    await update("missing:1", fields);
    await o.clock.advance(9 * 60_000);
    expect(history.least).toBe(20);
    expect(status()).toMatchObject({ state: UpdateState.UPDATING, done: 5 });
    await o.clock.advance(45 * 60_000);
    expect(status()).toMatchObject({ state: UpdateState.COMPLETED, done: 25 });
  });

  test("goes over a service of which nothing runs as fast as Docker does", async () => {
    await running(fields, { restartDelayMs: 3_600_000 });
    for (const task of tasksOf(o, "web")) await o.agents.end(task.id);
    o.agents.fateOf = () => rejected;
    await update("missing:1", fields, { restartDelayMs: 3_600_000 });
    await o.clock.advance(30_000);
    expect(status()).toMatchObject({ state: UpdateState.COMPLETED, done: 25 });
  });
});

test("R-407 a rollback that fails is told as failed, and stays so", async () => {
  const fields = { failureAction: UpdateFailureAction.ROLLBACK, parallelism: 1 };
  await running(fields);
  o.agents.fateOf = () => ({ ends: { afterMs: 0, as: "REJECTED" } });
  await update("broken:1", fields);
  await o.clock.advance(20_000);
  const paused = status();
  expect(paused).toMatchObject({ state: UpdateState.ROLLBACK_PAUSED, failed: 1 });
  expect(paused?.message).toMatch(/^update paused due to failure or early termination of task /);
  o.agents.fateOf = () => ({});
  await o.clock.advance(30 * 60_000);
  expect(status()).toEqual(paused);
  expect(tasksOf(o, "web").filter(countsAs)).toHaveLength(25);
});

test("R-410 a paused update goes on with the next one, from where it was", async () => {
  await running({});
  o.agents.fateOf = (task) => (task.slot === 7 ? { ends: { afterMs: 0, as: "REJECTED" } } : {});
  await update("nginx:2", {});
  await o.clock.advance(60_000);
  expect(status()).toMatchObject({ state: UpdateState.PAUSED, failed: 1 });
  const changed = tasksOf(o, "web").filter((task) => countsAs(task) && task.revision === 2).length;
  expect(changed).toBeLessThan(12);
  o.agents.fateOf = () => ({});
  await o.writer.update((tx) => {
    const service = tx.table("service").get("web");
    if (service) tx.put("service", { ...service, updateStatus: undefined });
  });
  await o.clock.advance(100);
  // Slot 7 has the new spec, and is restarted.
  expect(status()?.total).toBe(replicas - changed - 1);
  await o.clock.advance(120_000);
  expect(status()).toMatchObject({ state: UpdateState.COMPLETED, failed: 0 });
});

describe("R-412 an update that gets no further", () => {
  test("pauses after ten minutes, and names the task and its reason", async () => {
    await running({});
    await update("nginx:2", {}, { constraints: ["node.labels.disk==ssd"] });
    await o.clock.advance(9 * 60_000);
    expect(status()).toMatchObject({ state: UpdateState.UPDATING, failed: 0 });
    await o.clock.advance(61_000);
    expect(status()).toMatchObject({ state: UpdateState.PAUSED });
    expect(status()?.message).toMatch(
      /^update paused: task web\.\d made no progress for 10m: no suitable node \(scheduling constraints not satisfied on 5 nodes\)$/,
    );
  });

  test("a pull that moves is waited for", async () => {
    await running({});
    o.agents.fateOf = (task) => (task.revision === 1 ? {} : { prepareMs: 3_600_000 });
    await update("large:1", {});
    for (let minute = 0; minute < 30; minute++) {
      await o.clock.advance(60_000);
      await o.writer.update((tx) => {
        for (const task of tasksOf(o, "web")) {
          const isPulling = stateOf(task) === TaskState.ASSIGNED && task.revision === 2;
          if (isPulling && task.status)
            tx.setStatus(task.id, { ...task.status, appliedAt: wall(), message: `${minute} %` });
        }
      });
    }
    expect(status()).toMatchObject({ state: UpdateState.UPDATING, failed: 0 });
  });
});

function wall() {
  const ms = o.clock.now();
  return { seconds: Math.floor(ms / 1000), nanos: (ms % 1000) * 1e6 };
}

describe("R-416 the order becomes stop-first in the middle", () => {
  const slow = { prepareMs: 3_000, stopMs: 5_000 };
  const startFirst = { order: UpdateOrder.START_FIRST };
  const inSlots = () => Math.max(...o.agents.most.values());

  test("of an update: no slot runs two, and none falls below its floor", async () => {
    const history = await running(startFirst);
    o.agents.fateOf = () => slow;
    await update("image:2", startFirst);
    await o.clock.advance(1_000);
    expect(tasksOf(o, "web").filter(isWanted).length).toBe(30);
    await update("image:2", {});
    await o.clock.advance(10 * 60_000);
    expect(status()?.state).toBe(UpdateState.COMPLETED);
    expect(inSlots()).toBe(1);
    expect(history.least).toBeGreaterThanOrEqual(20);
  });

  test("of a drain: the second waits for the first", async () => {
    await running(startFirst);
    o.agents.fateOf = () => slow;
    await setAvailability("n1", NodeAvailability.DRAIN);
    await o.clock.advance(1_000);
    expect(tasksOf(o, "web").filter(isWanted).length).toBe(30);
    await update("nginx:latest", {});
    await o.clock.advance(60_000);
    expect(tasksOf(o, "web").filter((task) => countsAs(task) && task.nodeId !== "n1").length).toBe(25);
    expect(inSlots()).toBe(1);
  });
});

async function setAvailability(id: string, availability: NodeAvailability): Promise<void> {
  await o.writer.update((tx) => {
    const node = tx.table("node").get(id);
    if (node?.spec) tx.put("node", { ...node, spec: { ...node.spec, availability } });
  });
}
