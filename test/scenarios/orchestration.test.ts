// The leader's loops together, from `service create` to placed tasks and back to nothing, on virtual time.

import { afterEach, describe, expect, test } from "vitest";
import { TaskState } from "../../src/gen/skep/v1/objects.js";
import { NodeAvailability } from "../../src/gen/skep/v1/specs.js";
import { isWanted, stateOf } from "../../src/model/index.js";
import {
  aCluster,
  aNode,
  aService,
  aServiceSpec,
  type MemoryStore,
  putRevision,
  putService,
} from "../support/memory.js";
import { type Orchestration, orchestration, replicas, spread, tasksOf } from "../support/orchestration.js";

let o: Orchestration;

async function cluster(nodes: number): Promise<Orchestration> {
  o = orchestration();
  await o.writer.update((tx) => {
    tx.put("cluster", aCluster());
    for (let n = 1; n <= nodes; n++) tx.put("node", aNode({ id: `n${n}` }));
  });
  return o;
}

async function create(m: MemoryStore, options: Parameters<typeof aService>[0]): Promise<void> {
  await m.writer.update((tx) => putService(tx, aService({ id: "web", ...options })));
}

async function scaleTo(m: MemoryStore, replicas: number): Promise<void> {
  await m.writer.update((tx) => putRevision(tx, "web", aServiceSpec({ name: "web", replicas })));
}

afterEach(async () => {
  await o.end();
  expect(o.failures).toEqual([]);
});

describe("a replicated service", () => {
  test("three replicas are assigned to three nodes without time passing, and run", async () => {
    await cluster(3);
    await create(o, { replicas: 3 });
    await o.clock.settle();
    expect(replicas(o, "web")).toEqual(["1 n1 ASSIGNED", "2 n2 ASSIGNED", "3 n3 ASSIGNED"]);
    await o.clock.advance(100);
    expect(replicas(o, "web")).toEqual(["1 n1 RUNNING", "2 n2 RUNNING", "3 n3 RUNNING"]);
  });

  test("the tasks of a lost node are replaced at once, and the others are left alone", async () => {
    await cluster(3);
    await create(o, { replicas: 3 });
    await o.clock.advance(100);
    await o.agents.kill("n2");
    await o.clock.settle();
    expect(spread(o, "web")).toEqual({ n1: 2, n3: 1 });
    await o.clock.advance(100);
    expect(replicas(o, "web")).toEqual(["1 n1 RUNNING", "2 n1 RUNNING", "3 n3 RUNNING"]);
  });

  test("a drained node is emptied; no slot ever runs twice, and the new task waits for the old to stop", async () => {
    await cluster(2);
    o.agents.fateOf = () => ({ stopMs: 10_000 });
    await create(o, { replicas: 4 });
    await o.clock.advance(100);
    expect(spread(o, "web")).toEqual({ n1: 2, n2: 2 });
    await setAvailability("n1", NodeAvailability.DRAIN);
    await o.clock.advance(9_900);
    expect(spread(o, "web")).toEqual({ n2: 4 });
    expect(o.agents.running.size).toBe(4);
    await o.clock.advance(200);
    expect([...o.agents.running.values()].map((task) => task.nodeId)).toEqual(["n2", "n2", "n2", "n2"]);
    expect(Math.max(...o.agents.most.values())).toBe(1);
  });

  test.each([
    { title: "unset", grace: undefined, waitsMs: 70_000 },
    { title: "5 minutes", grace: { seconds: 300, nanos: 0 }, waitsMs: 360_000 },
  ])("R-308 a replacement waits for one that does not stop: grace $title", async ({ grace, waitsMs }) => {
    await cluster(2);
    o.agents.fateOf = () => ({ stopMs: 3_600_000 });
    await create(o, { replicas: 1, spec: { task: { container: { image: "a", stopGracePeriod: grace } } } });
    await o.clock.advance(100);
    await setAvailability("n1", NodeAvailability.DRAIN);
    await o.clock.advance(waitsMs - 100);
    expect(replicas(o, "web")).toEqual(["1 n2 READY"]);
    await o.clock.advance(200);
    expect(replicas(o, "web")).toEqual(["1 n2 RUNNING"]);
  });

  test("R-308 a new leader whose clock is minutes ahead waits the whole time again", async () => {
    await cluster(2);
    o.agents.fateOf = () => ({ stopMs: 3_600_000 });
    await create(o, { replicas: 1 });
    await o.clock.advance(100);
    await setAvailability("n1", NodeAvailability.DRAIN);
    await o.clock.advance(60_000);
    o.clock.jumpWall(10 * 60_000);
    await o.failOver();
    await o.clock.advance(69_900);
    expect(replicas(o, "web")).toEqual(["1 n2 READY"]);
    await o.clock.advance(200);
    expect(replicas(o, "web")).toEqual(["1 n2 RUNNING"]);
  });

  test("R-308 what was replaced on a lost host is waited for when that is back", async () => {
    await cluster(2);
    o.agents.fateOf = () => ({ stopMs: 30_000, ends: { afterMs: 1_000, as: "FAILED" } });
    await create(o, { replicas: 1, restartDelayMs: 120_000 });
    await o.clock.advance(500);
    await o.agents.cut("n1");
    await o.clock.advance(2_000);
    // The second failed and is restarted in two minutes; the first still runs, and its host is heard of again.
    await o.clock.advance(115_000);
    o.agents.fateOf = () => ({ stopMs: 30_000 });
    await o.agents.mend("n1");
    await o.clock.advance(20_000);
    expect(replicas(o, "web")).toEqual(["1 n2 READY"]);
    await o.clock.advance(15_000);
    expect(replicas(o, "web")).toEqual(["1 n2 RUNNING"]);
  });

  test("scaled 3 → 20 → 2 it stays even", async () => {
    await cluster(4);
    await create(o, { replicas: 3 });
    await o.clock.advance(100);
    await scaleTo(o, 20);
    await o.clock.advance(100);
    expect(spread(o, "web")).toEqual({ n1: 5, n2: 5, n3: 5, n4: 5 });
    await scaleTo(o, 2);
    await o.clock.advance(100);
    expect(replicas(o, "web")).toEqual(["1 n1 RUNNING", "2 n2 RUNNING"]);
    expect(tasksOf(o, "web").length).toBe(2);
  });

  test("removed, it leaves nothing: no task, no revision", async () => {
    await cluster(3);
    await create(o, { replicas: 6 });
    await o.clock.advance(100);
    await scaleTo(o, 7);
    await o.writer.update((tx) => tx.delete("service", "web"));
    await o.clock.advance(1_000);
    expect(tasksOf(o, "web")).toEqual([]);
    expect([...o.store.table("revision").all()]).toEqual([]);
    expect(o.agents.running.size).toBe(0);
  });

  test("a container that ends is replaced after the delay, in its slot", async () => {
    await cluster(1);
    await create(o, { replicas: 2 });
    await o.clock.advance(100);
    const first = tasksOf(o, "web").find((task) => task.slot === 1);
    await o.agents.end(first?.id ?? "");
    await o.clock.advance(4_900);
    expect(replicas(o, "web")).toEqual(["1 n1 READY", "2 n1 RUNNING"]);
    await o.clock.advance(300);
    expect(replicas(o, "web")).toEqual(["1 n1 RUNNING", "2 n1 RUNNING"]);
  });

  test("without a node it says why, and since when; a node that comes takes it", async () => {
    await cluster(0);
    await create(o, { replicas: 1, constraints: ["node.labels.disk==ssd"] });
    await o.writer.update((tx) => tx.put("node", aNode({ id: "n1" })));
    await o.clock.advance(41_000);
    const reason = "no suitable node (scheduling constraints not satisfied on 1 node)";
    expect(tasksOf(o, "web")[0]?.status?.err).toBe(reason);
    expect(tasksOf(o, "web")[0]?.wait).toMatchObject({ reason });
    const { revision } = o.store;
    await o.clock.advance(60_000);
    expect(o.store.revision).toBe(revision);
    await o.writer.update((tx) => tx.put("node", aNode({ id: "n2", labels: { disk: "ssd" } })));
    await o.clock.advance(100);
    expect(replicas(o, "web")).toEqual(["1 n2 RUNNING"]);
    expect(tasksOf(o, "web")[0]?.wait).toBeUndefined();
  });
});

describe("a change of the leader", () => {
  test("in the middle of a scale-up goes on where it was", async () => {
    await cluster(3);
    await create(o, { replicas: 3 });
    await scaleTo(o, 9);
    await o.failOver();
    await o.clock.advance(200);
    expect(spread(o, "web")).toEqual({ n1: 3, n2: 3, n3: 3 });
  });

  test("keeps the restart delay, counted from where it began", async () => {
    await cluster(1);
    await create(o, { replicas: 1, restartDelayMs: 10_000 });
    await o.clock.advance(100);
    await o.agents.end(tasksOf(o, "web")[0]?.id ?? "");
    await o.clock.advance(6_000);
    await o.failOver();
    await o.clock.advance(3_900);
    expect(replicas(o, "web")).toEqual(["1 n1 READY"]);
    await o.clock.advance(300);
    expect(replicas(o, "web")).toEqual(["1 n1 RUNNING"]);
  });

  test("finishes the removal of a service", async () => {
    await cluster(2);
    await create(o, { replicas: 4 });
    await o.clock.advance(100);
    await o.stopLoops();
    await o.writer.update((tx) => tx.delete("service", "web"));
    await o.failOver();
    await o.clock.advance(1_000);
    expect(tasksOf(o, "web")).toEqual([]);
  });
});

describe("an update of the image", () => {
  const update = async (options: Parameters<typeof aServiceSpec>[0]): Promise<void> => {
    await o.writer.update((tx) =>
      putRevision(tx, "web", aServiceSpec({ name: "web", replicas: 3, image: "nginx:2", ...options })),
    );
  };
  const status = () => o.store.table("service").get("web")?.updateStatus;
  const onNewest = () => {
    const revision = o.store.table("service").get("web")?.revision;
    return tasksOf(o, "web").filter(
      (task) => isWanted(task) && task.revision === revision && stateOf(task) === TaskState.RUNNING,
    ).length;
  };

  test("goes slot by slot, stop first, and is complete after the monitor", async () => {
    await cluster(3);
    o.agents.fateOf = () => ({ stopMs: 500 });
    await create(o, { replicas: 3 });
    await o.clock.advance(100);
    await update({});
    await o.clock.settle();
    expect(status()).toMatchObject({ state: 1, message: "update in progress", total: 3, done: 0 });
    await o.clock.advance(600);
    expect(onNewest()).toBe(1);
    await o.clock.advance(1_300);
    expect(onNewest()).toBe(3);
    expect(status()).toMatchObject({ state: 1, done: 3 });
    await o.clock.advance(5_000);
    expect(status()).toMatchObject({ state: 3, message: "update completed", done: 3, failed: 0 });
    expect(Math.max(...o.agents.most.values())).toBe(1);
  });

  test("start-first never has fewer running than replicas", async () => {
    await cluster(3);
    await create(o, { replicas: 3 });
    await o.clock.advance(100);
    await update({
      spec: {
        update: { order: 1, parallelism: 2, delay: { seconds: 1, nanos: 0 }, monitor: { seconds: 5, nanos: 0 } },
      },
    });
    for (let step = 0; step < 300; step++) {
      await o.clock.advance(10);
      expect(o.agents.running.size).toBeGreaterThanOrEqual(3);
    }
    expect(onNewest()).toBe(3);
    expect(o.agents.running.size).toBe(3);
    await o.clock.advance(5_000);
    expect(status()).toMatchObject({ state: 3 });
  });

  test("the delay is kept between slots", async () => {
    await cluster(3);
    await create(o, { replicas: 3 });
    await o.clock.advance(100);
    await update({ spec: { update: { parallelism: 1, delay: { seconds: 10, nanos: 0 } } } });
    await o.clock.advance(9_000);
    expect(onNewest()).toBe(1);
    await o.clock.advance(10_000);
    expect(onNewest()).toBe(2);
  });

  test("pauses at the first task that fails within the monitor, and names it", async () => {
    await cluster(3);
    await create(o, { replicas: 3 });
    await o.clock.advance(100);
    o.agents.fateOf = (task) => (task.revision === 2 ? { ends: { afterMs: 1_000, as: "FAILED" } } : {});
    await update({ spec: { update: { parallelism: 1, delay: { seconds: 3, nanos: 0 } } } });
    await o.clock.advance(2_000);
    const failed = tasksOf(o, "web").find((task) => stateOf(task) === TaskState.FAILED);
    expect(status()).toMatchObject({
      state: 2,
      failed: 1,
      message: `update paused due to failure or early termination of task ${failed?.id}`,
    });
    await o.clock.advance(60_000);
    expect(replicas(o, "web").slice(1)).toEqual(["2 n2 RUNNING", "3 n3 RUNNING"]);
    expect(onNewest()).toBe(0);
  });

  test("rolls back by itself when asked to, and ends with the old image everywhere", async () => {
    await cluster(3);
    await create(o, { replicas: 3 });
    await o.clock.advance(100);
    o.agents.fateOf = (task) => (task.revision === 2 ? { ends: { afterMs: 0, as: "REJECTED" } } : {});
    await update({ spec: { update: { failureAction: 2, parallelism: 1, monitor: { seconds: 5, nanos: 0 } } } });
    await o.clock.advance(1_000);
    expect(status()).toMatchObject({ state: 4 });
    await o.clock.advance(30_000);
    expect(status()).toMatchObject({ state: 6, message: "rollback completed" });
    expect(o.store.table("service").get("web")).toMatchObject({ revision: 1 });
    expect(onNewest()).toBe(3);
  });

  test("a new leader goes on with it", async () => {
    await cluster(3);
    await create(o, { replicas: 3 });
    await o.clock.advance(100);
    await update({ spec: { update: { parallelism: 1, delay: { seconds: 2, nanos: 0 } } } });
    await o.clock.advance(3_000);
    await o.failOver();
    await o.clock.advance(20_000);
    expect(onNewest()).toBe(3);
    expect(status()).toMatchObject({ state: 3, done: 3 });
  });
});

async function setAvailability(nodeId: string, availability: NodeAvailability): Promise<void> {
  await o.writer.update((tx) => {
    const node = tx.table("node").get(nodeId);
    if (node?.spec) tx.put("node", { ...node, spec: { ...node.spec, availability } });
  });
}
