// What a change would do, held against what it then does: the same service is planned and updated.

import { describe, expect, test } from "vitest";
import type { Plan } from "../../../src/api/types.js";
import { Scope, silentLog } from "../../../src/base/index.js";
import { TaskState, UpdateState } from "../../../src/gen/skep/v1/objects.js";
import { type ServiceSpec, UpdateFailureAction, UpdateOrder } from "../../../src/gen/skep/v1/specs.js";
import { Allocator } from "../../../src/manager/allocator/index.js";
import { plan } from "../../../src/manager/insight/index.js";
import { Orchestrator } from "../../../src/manager/orchestrator/index.js";
import { isWanted, stateOf } from "../../../src/model/index.js";
import { Scheduler } from "../../../src/scheduler/index.js";
import { aNode, aServiceSpec, type NodeOptions, type ServiceOptions } from "../../support/memory.js";
import { type Controlled, controlled, plain } from "../control/support.js";

const gib = 2 ** 30;
type UpdateOptions = Partial<NonNullable<ServiceSpec["update"]>>;

interface Wish extends ServiceOptions {
  readonly update?: UpdateOptions;
}

function specOf({ update, ...options }: Wish): ServiceSpec {
  const spec = aServiceSpec({ name: "web", replicas: 3, ...options });
  return { ...spec, update: { ...defaults, ...update } };
}

const defaults: NonNullable<ServiceSpec["update"]> = {
  ...{ parallelism: 1, delay: undefined, failureAction: UpdateFailureAction.PAUSE, monitor: undefined },
  ...{ maxFailureRatio: 0, order: UpdateOrder.STOP_FIRST },
};

/** Three workers and the service, its tasks running where the scheduler put them. */
async function running(wish: Wish, nodes: readonly NodeOptions[] = [{}, {}, {}]): Promise<Controlled> {
  const c = await controlled();
  await c.writer.update((tx) => {
    for (const node of [...tx.table("node").all()]) tx.delete("node", node.id);
    for (const [at, node] of nodes.entries()) tx.put("node", aNode({ id: `h${at + 1}`, ...node }));
  });
  await c.control.services.create(c.request(), specOf(wish));
  const scope = new Scope(silentLog, (_, error) => expect.fail(String(error)));
  for (const [name, Part] of Object.entries({ Orchestrator, Allocator, Scheduler })) {
    scope.start(name, (signal) => new Part({}, c).run(signal));
  }
  await c.clock.settle();
  await c.writer.update((tx) => {
    for (const task of tx.table("task").all()) {
      const status = task.status;
      if (status && task.nodeId !== "") tx.setStatus(task.id, { ...status, state: TaskState.RUNNING });
    }
  });
  await c.clock.settle();
  await scope.stop("the test looks at what they left");
  return c;
}

const turn = async (): Promise<void> => undefined;

async function planned(c: Controlled, wish: Wish): Promise<Plan> {
  const before = c.store.revision;
  const { plan: answer } = await plan(
    c.control,
    { service: "web", version: undefined, spec: specOf(wish), options: plain },
    c.clock.now(),
    turn,
  );
  expect(c.store.revision).toBe(before);
  return { ...answer, Changes: [] };
}

test("what others do between its turns disturbs no plan", async () => {
  const c = await running({ replicas: 12 });
  const takeAway = async (): Promise<void> => {
    await c.writer.update((tx) => {
      const [task] = tx.table("task").all();
      if (task) tx.delete("task", task.id);
      else if (tx.table("service").get("web")) tx.delete("service", "web");
    });
  };
  const wish = { service: "web", version: undefined, spec: specOf({ replicas: 12, image: "nginx:2" }), options: plain };
  const { plan: answer } = await plan(c.control, wish, c.clock.now(), takeAway);
  expect(answer.Tasks.After).toBe(12);
  expect([...c.store.table("task").all()].length).toBeLessThan(12);
});

describe("how many tasks", () => {
  const counts = { Running: 3, Before: 3, After: 3, Added: 0, Removed: 0, Replaced: 0, Kept: 3 };
  test.each([
    ["nothing changes", {}, counts],
    ["another image", { image: "nginx:2" }, { ...counts, Replaced: 3, Kept: 0 }],
    ["more of them", { replicas: 5 }, { ...counts, After: 5, Added: 2 }],
    ["far more than are placed on trial", { replicas: 50_000 }, { ...counts, After: 50_000, Added: 49_997 }],
    ["fewer of them", { replicas: 1 }, { ...counts, After: 1, Removed: 2, Kept: 1 }],
    [
      "more, and another image",
      { replicas: 4, image: "nginx:2" },
      { ...counts, After: 4, Added: 1, Replaced: 3, Kept: 0 },
    ],
    [
      "fewer, and another image",
      { replicas: 2, image: "nginx:2" },
      { ...counts, After: 2, Removed: 1, Replaced: 2, Kept: 0 },
    ],
    ["a constraint they all satisfy", { constraints: ["node.labels.x!=y"] }, counts],
    ["a label of the service", { spec: { annotations: { name: "web", labels: { a: "b" } } } }, counts],
    ["update settings alone", { update: { parallelism: 2 } }, counts],
  ] as const)("%s", async (_, wish, expected) => {
    expect((await planned(await running({}), wish as Wish)).Tasks).toEqual(expected);
  });
});

describe("how they are replaced", () => {
  const startFirst = { order: UpdateOrder.START_FIRST };
  test.each([
    ["one at a time", {}, { Order: "stop-first", Parallelism: 1, Delay: 0, KeepsRunning: 2, Slots: 3 }],
    ["two at a time", { parallelism: 2 }, { Parallelism: 2, KeepsRunning: 1 }],
    ["all at once", { parallelism: 0 }, { Parallelism: 3, KeepsRunning: 0 }],
    ["more at a time than there are", { parallelism: 10 }, { KeepsRunning: 0 }],
    ["start-first", startFirst, { Order: "start-first", KeepsRunning: 3 }],
    ["some time apart", { delay: { seconds: 10, nanos: 0 } }, { Delay: 10e9 }],
    ["with a rollback", { failureAction: UpdateFailureAction.ROLLBACK }, { FailureAction: "rollback", Monitor: 5e9 }],
    ["whatever fails", { failureAction: UpdateFailureAction.CONTINUE }, { FailureAction: "continue" }],
  ])("%s", async (_, update, expected) => {
    expect((await planned(await running({}), { image: "nginx:2", update })).Rollout).toMatchObject(expected);
  });

  test("start-first names the nodes that have room beside what runs", async () => {
    const c = await running({ memoryBytes: 3 * gib }, [{}, { memoryBytes: 4 * gib }, {}]);
    const { Rollout } = await planned(c, { memoryBytes: 3 * gib, image: "nginx:2", update: startFirst });
    expect(Rollout?.Room?.map(({ Hostname, Says }) => `${Hostname}: ${Says}`)).toEqual([
      "h1: memory 5.0 of 8.0 GiB free, 4 of 4 CPUs free",
      "h3: memory 5.0 of 8.0 GiB free, 4 of 4 CPUs free",
    ]);
  });

  test("start-first without room is told", async () => {
    const c = await running({ memoryBytes: 6 * gib });
    const answer = await planned(c, { memoryBytes: 6 * gib, image: "nginx:2", update: startFirst });
    expect(answer).toMatchObject({ Unplaced: 0, Rollout: { Room: [] } });
    expect(answer.Warnings).toEqual([
      "There is no room for a new task beside the old ones: the update would wait for it. With --update-order stop-first it would not.",
    ]);
  });
});

describe("where they go", () => {
  test("spread over the nodes, as they will be", async () => {
    const c = await running({});
    expect((await planned(c, { replicas: 9 })).Placed.map(({ Hostname, Tasks }) => `${Hostname} ${Tasks}`)).toEqual([
      "h1 2",
      "h2 2",
      "h3 2",
    ]);
  });

  test("stop-first counts with the room the old ones leave", async () => {
    const answer = await planned(await running({ memoryBytes: 6 * gib }), { memoryBytes: 7 * gib });
    expect(answer).toMatchObject({ Unplaced: 0, Warnings: [] });
  });

  test("what fits nowhere says why, and what would help", async () => {
    const c = await running({}, [{ labels: { disk: "ssd" } }, {}, {}]);
    const answer = await planned(c, { constraints: ["node.labels.disk==ssd"], maxReplicas: 1, image: "nginx:2" });
    expect(answer.Unplaced).toBe(2);
    expect(answer.UnplacedWhy?.Reason).toBe(
      "no suitable node (scheduling constraints not satisfied on 2 nodes; max replicas per node limit exceed)",
    );
    expect(answer.Warnings[0]).toBe("2 new tasks would find no node and wait.");
    expect(answer.WouldHelp[0]).toContain("skep node update --label-add disk=ssd");
  });
});

describe("what is refused", () => {
  test.each([
    [
      "create",
      { service: undefined, spec: specOf({}) },
      "name conflicts with an existing object: service web already exists",
    ],
    ["update of one that is not there", { service: "nope", spec: specOf({}) }, "service nope not found"],
    ["another name", { service: "web", spec: specOf({ name: "other" }) }, "renaming services is not supported"],
    [
      "a bad constraint",
      { service: "web", spec: specOf({ constraints: ["bad"] }) },
      "constraint expected one operator from ==, !=",
    ],
    ["an old version", { service: "web", version: 1, spec: specOf({}) }, "update out of sequence"],
    [
      "a rollback without history",
      { service: "web", spec: specOf({}), options: { ...plain, rollback: true } },
      /does not have a previous spec/,
    ],
  ])("%s: in the words of the call itself", async (_, wish, message) => {
    const c = await running({});
    const asked = plan(c.control, { version: undefined, options: plain, ...wish }, c.clock.now(), turn);
    await expect(asked).rejects.toThrow(message);
  });
});

describe("a new service", () => {
  test("is planned from nothing, and nothing comes to be", async () => {
    const c = await running({});
    const wish = { service: undefined, version: undefined, spec: specOf({ name: "new", replicas: 2 }), options: plain };
    const { plan: answer, before } = await plan(c.control, wish, c.clock.now(), turn);
    expect(before).toBeUndefined();
    expect(answer).toMatchObject({
      Action: "create",
      Name: "new",
      Tasks: { Added: 2, After: 2, Before: 0 },
      Unplaced: 0,
    });
    expect(answer).not.toHaveProperty("Rollout");
    expect([...c.store.table("service").all()].map(({ name }) => name)).toEqual(["web"]);
  });
});

test("a rollback is planned with the rollback's settings, to the spec before", async () => {
  const c = await running({});
  const update = { service: "web", version: undefined, spec: specOf({ image: "nginx:2" }), options: plain };
  const { id, meta } = [...c.store.table("service").all()][0] ?? {};
  await c.control.services.update(c.request(), "web", meta?.version ?? 0, update.spec, plain);
  const { plan: answer, after } = await plan(
    c.control,
    { ...update, options: { ...plain, rollback: true } },
    c.clock.now(),
    turn,
  );
  expect(answer).toMatchObject({ Action: "rollback", Tasks: { Kept: 3 } });
  expect(after.task?.container?.image).toBe("nginx:latest");
  expect(c.store.table("service").get(id ?? "")?.updateStatus?.state).not.toBe(UpdateState.ROLLBACK_STARTED);
});

test("the plan and what then happens are the same", async () => {
  const c = await running({});
  const answer = await planned(c, { image: "nginx:2", replicas: 4 });
  const { meta } = [...c.store.table("service").all()][0] ?? {};
  await c.control.services.update(
    c.request(),
    "web",
    meta?.version ?? 0,
    specOf({ image: "nginx:2", replicas: 4 }),
    plain,
  );
  const scope = new Scope(silentLog, () => undefined);
  for (const [name, Part] of Object.entries({ Orchestrator, Allocator, Scheduler })) {
    scope.start(name, (signal) => new Part({}, c).run(signal));
  }
  let least = Number.POSITIVE_INFINITY;
  const old = new Set([...c.store.table("task").all()].map(({ id }) => id));
  for (let turn = 0; turn < 60; turn++) {
    await c.clock.advance(1_000);
    await c.writer.update((tx) => {
      for (const task of tx.table("task").all()) {
        const state = stateOf(task);
        if (!task.status || task.nodeId === "" || state > TaskState.RUNNING) continue;
        const next = !isWanted(task)
          ? TaskState.SHUTDOWN
          : task.desiredState === TaskState.RUNNING
            ? TaskState.RUNNING
            : state;
        if (next !== state) tx.setStatus(task.id, { ...task.status, state: next });
      }
    });
    const tasks = [...c.store.table("task").all()];
    least = Math.min(least, tasks.filter((task) => isWanted(task) && stateOf(task) === TaskState.RUNNING).length);
  }
  await scope.stop("enough");
  const now = [...c.store.table("task").all()].filter(isWanted);
  expect(now).toHaveLength(answer.Tasks.After);
  expect(now.filter(({ id }) => old.has(id))).toHaveLength(answer.Tasks.Kept);
  expect(least).toBeGreaterThanOrEqual(answer.Rollout?.KeepsRunning ?? Number.NaN);
});
