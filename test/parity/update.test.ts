// docs/behaviour.md R-4xx (swarm-semantics §4). Whole updates over time are in test/scenarios/orchestration.test.ts.

import { describe, expect, test } from "vitest";
import { wallTime } from "../../src/base/index.js";
import {
  type RestartRecord,
  type Task,
  UpdateState,
  type UpdateStatus,
  WaitStage,
} from "../../src/gen/skep/v1/objects.js";
import {
  NodeAvailability,
  type ServiceSpec,
  UpdateConfig,
  UpdateFailureAction,
  UpdateOrder,
} from "../../src/gen/skep/v1/specs.js";
import { slotsOf } from "../../src/manager/orchestrator/replicated/slots.js";
import { freshRecord } from "../../src/manager/orchestrator/restart/policy.js";
import { supervise } from "../../src/manager/orchestrator/restart/supervise.js";
import { seenOf } from "../../src/manager/orchestrator/update/progress.js";
import { update } from "../../src/manager/orchestrator/update/update.js";
import { isDirty } from "../../src/model/index.js";
import { controlled, plain } from "../manager/control/support.js";
import { aNode, aServiceSpec, aTask, type ServiceOptions, type TaskOptions } from "../support/memory.js";
import { aWorld, lines, nowMs, type WorldOptions } from "../support/world.js";

const nodes = [aNode({ id: "n1", labels: { disk: "ssd" } }), aNode({ id: "n2" })];
const old = aServiceSpec({ name: "service", image: "old" });
const startedMs = nowMs - 10_000;

function status(options: Partial<UpdateStatus> = {}): UpdateStatus {
  return {
    state: UpdateState.UPDATING,
    startedAt: wallTime(startedMs),
    completedAt: undefined,
    message: "update in progress",
    total: 3,
    done: 0,
    failed: 0,
    ...options,
  };
}

function task(
  slot: number,
  options: TaskOptions & { readonly restart?: Partial<RestartRecord>; readonly createdMs?: number } = {},
): Task {
  const at = wallTime(options.createdMs ?? startedMs - 60_000);
  const restart = {
    starts: [],
    backoffMs: 0,
    notBefore: undefined,
    replaces: "",
    runningSince: undefined,
    ...options.restart,
  };
  return aTask({
    id: `old${slot}`,
    serviceId: "service",
    slot,
    nodeId: "n1",
    state: "RUNNING",
    atMs: nowMs - 5_000,
    ...options,
    task: { meta: { version: 1, createdAt: at, updatedAt: at }, ...(options.restart ? { restart } : {}) },
  });
}

/** A task the update under way made for a slot; it runs since `sinceMs` ago if that is given. */
function updated(slot: number, sinceMs?: number, options: TaskOptions = {}): Task {
  const isRunning = sinceMs !== undefined;
  return task(slot, {
    id: `new${slot}`,
    revision: 2,
    createdMs: startedMs + 1,
    state: isRunning ? "RUNNING" : "PREPARING",
    ...options,
    restart: { replaces: `old${slot}`, ...(isRunning ? { runningSince: wallTime(nowMs - sinceMs) } : {}) },
  });
}

const replaced = (slot: number): Task => task(slot, { desired: "SHUTDOWN", state: "SHUTDOWN" });

interface UpdateOptions extends WorldOptions {
  readonly config?: Partial<UpdateConfig>;
  readonly rollback?: Partial<UpdateConfig>;
}

function worldOf(options: UpdateOptions) {
  const { config, rollback, ...rest } = options;
  const spec: NonNullable<ServiceOptions["spec"]> = {
    ...(config ? { update: UpdateConfig.fromPartial({ parallelism: 1, ...config }) } : {}),
    ...(rollback ? { rollback: UpdateConfig.fromPartial({ parallelism: 1, ...rollback }) } : {}),
  };
  return aWorld({ nodes, number: 2, image: "new", older: { 1: old }, spec, ...rest });
}

function look(tasks: readonly Task[], options: UpdateOptions = {}) {
  const world = worldOf(options);
  const seen = slotsOf(world, tasks).live.map((slot) => seenOf(world, slot));
  const { steps, dueInMs } = update(world, seen);
  return { lines: lines(steps), dueInMs };
}

describe("R-401 what makes a task dirty", () => {
  const base: ServiceOptions = { name: "service", image: "old" };
  const rows: readonly {
    title: string;
    made?: ServiceSpec;
    current: ServiceSpec;
    task?: TaskOptions;
    node?: string;
    dirty: boolean;
  }[] = [
    { title: "nothing differs", current: aServiceSpec(base), dirty: false },
    { title: "the image", current: aServiceSpec({ ...base, image: "new" }), dirty: true },
    { title: "replicas", current: aServiceSpec({ ...base, replicas: 9 }), dirty: false },
    {
      title: "service labels",
      current: aServiceSpec({ ...base, spec: { annotations: { name: "service", labels: { a: "b" } } } }),
      dirty: false,
    },
    {
      title: "update settings",
      current: aServiceSpec({ ...base, spec: { update: { parallelism: 9 } } }),
      dirty: false,
    },
    { title: "a forced update", current: withTask({ forceUpdate: 1 }), dirty: true },
    { title: "the restart policy", current: aServiceSpec({ ...base, restart: "NONE" }), dirty: true },
    { title: "reservations", current: aServiceSpec({ ...base, memoryBytes: 1 }), dirty: true },
    { title: "a published port", current: aServiceSpec({ ...base, hostPorts: [80] }), dirty: true },
    {
      title: "a constraint the node satisfies",
      current: aServiceSpec({ ...base, constraints: ["node.labels.disk==ssd"] }),
      dirty: false,
    },
    {
      title: "a constraint the node does not satisfy",
      current: aServiceSpec({ ...base, constraints: ["node.labels.disk==hdd"] }),
      dirty: true,
    },
    {
      title: "a constraint, and no node yet",
      current: aServiceSpec({ ...base, constraints: ["node.labels.disk==ssd"] }),
      node: "",
      dirty: true,
    },
    {
      title: "a constraint and the image",
      current: aServiceSpec({ ...base, image: "new", constraints: ["node.labels.disk==ssd"] }),
      dirty: true,
    },
    { title: "max replicas", current: aServiceSpec({ ...base, maxReplicas: 1 }), dirty: false },
    { title: "registry credentials of a running task", current: withAuth("new"), dirty: false },
    {
      title: "registry credentials before it has its image",
      current: withAuth("new"),
      task: { state: "PREPARING" },
      dirty: true,
    },
  ];
  test.each(rows)("$title: $dirty", ({ current, task: options, node = "n1", dirty }) => {
    const found = nodes.find((each) => each.id === node);
    expect(isDirty({ task: task(1, { ...options, nodeId: node }), made: old, revision: 2, current, node: found })).toBe(
      dirty,
    );
  });

  test("the same revision is never dirty", () => {
    expect(
      isDirty({ task: task(1, { revision: 2 }), made: old, revision: 2, current: withAuth("x"), node: undefined }),
    ).toBe(false);
  });
});

describe("an update begins", () => {
  test("R-409 with the number of slots to change", () => {
    expect(look([task(1), task(2), task(3)]).lines).toEqual(["updateStatus update in progress 0/3"]);
  });

  test("not when all tasks are as asked for", () => {
    expect(look([task(1, { revision: 2 })]).lines).toEqual([]);
  });
});

describe("one slot after the other", () => {
  const three = [task(1), task(2), task(3)];

  test("R-402 stop-first: the old one is told to stop, the new one is held", () => {
    expect(look(three, { updateStatus: status() }).lines).toEqual(["old1 SHUTDOWN + create 1 READY r2"]);
  });

  test("R-402 stop-first: an old one without container needs no wait", () => {
    expect(look([task(1, { state: "PENDING", nodeId: "" })], { updateStatus: status({ total: 1 }) }).lines).toEqual([
      "old1 SHUTDOWN + create 1 RUNNING r2",
    ]);
  });

  const startFirst = { config: { order: UpdateOrder.START_FIRST }, updateStatus: status() };

  test("R-403 start-first: the new one starts beside the old one", () => {
    expect(look(three, startFirst).lines).toEqual(["create 1 RUNNING r2"]);
  });

  test("R-403 start-first: the old one stays while the new one does not run", () => {
    expect(look([task(1), updated(1), task(2), task(3)], startFirst).lines).toEqual([]);
  });

  test("R-403 start-first: the old one is stopped once the new one runs", () => {
    expect(look([task(1), updated(1, 0), task(2), task(3)], startFirst).lines).toEqual([
      "old1 SHUTDOWN",
      "create 2 RUNNING r2",
      "updateStatus update in progress 1/3",
    ]);
  });

  test("R-403 start-first: one that overtakes another keeps one old task, the one that runs", () => {
    const half = task(1, { id: "half1", revision: 1, state: "STARTING", createdMs: startedMs - 1 });
    expect(look([task(1), half], { ...startFirst, updateStatus: status({ total: 1 }) }).lines).toEqual([
      "half1 SHUTDOWN + create 1 READY r2",
    ]);
  });

  test.each([
    { title: "1", parallelism: 1, tasks: three, slots: ["1"] },
    { title: "2", parallelism: 2, tasks: three, slots: ["1", "2"] },
    { title: "0: all", parallelism: 0, tasks: three, slots: ["1", "2", "3"] },
    { title: "2, one under way", parallelism: 2, tasks: [replaced(1), updated(1), task(2), task(3)], slots: ["2"] },
    { title: "1, one under way", parallelism: 1, tasks: [replaced(1), updated(1), task(2), task(3)], slots: [] },
    { title: "1, one done", parallelism: 1, tasks: [replaced(1), updated(1, 1_000), task(2), task(3)], slots: ["2"] },
  ])("R-404 parallelism $title", ({ parallelism, tasks, slots }) => {
    const made = look(tasks, { config: { parallelism }, updateStatus: status() }).lines.filter((line) =>
      line.includes("create"),
    );
    expect(made.map((line) => line.split("create ")[1]?.[0])).toEqual(slots);
  });

  test.each([
    { title: "not over", sinceMs: 3_000, starts: 0, dueInMs: 1_000 },
    { title: "over", sinceMs: 4_000, starts: 1, dueInMs: 1_000 },
  ])("R-405 the delay of 4 s is $title", ({ sinceMs, starts, dueInMs }) => {
    const seen = look([replaced(1), updated(1, sinceMs), task(2)], {
      config: { delay: wallTime(4_000) },
      updateStatus: status({ total: 2, done: 1 }),
    });
    expect(seen.lines.filter((line) => line.includes("create"))).toHaveLength(starts);
    expect(seen.dueInMs).toBe(starts === 0 ? dueInMs : 1_000);
  });
});

describe("R-406 what counts as a failure", () => {
  const ends = (state: "FAILED" | "COMPLETE", ranMs: number | undefined, options: Partial<RestartRecord> = {}) => {
    const ended = updated(1, undefined, { state, atMs: nowMs });
    const runningSince = ranMs === undefined ? undefined : wallTime(nowMs - ranMs);
    const record: RestartRecord = {
      starts: [],
      backoffMs: 0,
      notBefore: undefined,
      replaces: "old1",
      runningSince,
      ...options,
    };
    return lines(supervise(worldOf({ updateStatus: status() }), [{ ...ended, restart: record }]).steps)[0]?.startsWith(
      "count failure",
    );
  };
  test.each([
    { title: "it never ran", state: "FAILED", ranMs: undefined, counts: true },
    { title: "it ran shorter than the monitor", state: "FAILED", ranMs: 5_000, counts: true },
    { title: "it completed early", state: "COMPLETE", ranMs: 1_000, counts: true },
    { title: "it ran longer", state: "FAILED", ranMs: 5_001, counts: false },
  ] as const)("$title: $counts", ({ state, ranMs, counts }) => {
    expect(ends(state, ranMs)).toBe(counts);
  });

  test("a restart of it does not count again", () => {
    expect(ends("FAILED", undefined, { backoffMs: 10_000 })).toBe(false);
  });

  test.each([
    { ratio: 0, failed: 1, acts: true },
    { ratio: 0.5, failed: 1, acts: false },
    { ratio: 0.5, failed: 2, acts: true },
    { ratio: 1, failed: 3, acts: false },
  ])("$failed of 3 at a ratio of $ratio: $acts", ({ ratio, failed, acts }) => {
    const seen = look([task(1), task(2), task(3)], {
      config: { maxFailureRatio: ratio },
      updateStatus: status({ failed }),
    });
    expect(seen.lines[0]?.includes("paused")).toBe(acts);
  });
});

describe("R-407 the failure action", () => {
  const failed = updated(1, undefined, { state: "FAILED", desired: "SHUTDOWN", atMs: nowMs });
  const tasks = [
    replaced(1),
    failed,
    task(1, { id: "again", revision: 2, restart: { replaces: "new1", backoffMs: 1 } }),
    task(2),
    task(3),
  ];
  const early = "failure or early termination of task new1";
  const rows: readonly { title: string; options: UpdateOptions; expected: string | undefined }[] = [
    { title: "pause", options: {}, expected: `updateStatus update paused due to ${early} 0/3` },
    { title: "continue", options: { config: { failureAction: UpdateFailureAction.CONTINUE } }, expected: undefined },
    {
      title: "rollback",
      options: { config: { failureAction: UpdateFailureAction.ROLLBACK }, previousRevision: 1 },
      expected: `rollback update rolled back due to ${early} 0/0`,
    },
    {
      title: "rollback without a previous spec",
      options: { config: { failureAction: UpdateFailureAction.ROLLBACK } },
      expected: `updateStatus update paused due to ${early} 0/3`,
    },
    {
      title: "a rollback that fails and is to pause: in Docker's words still an update",
      options: { updateStatus: status({ state: UpdateState.ROLLBACK_STARTED, failed: 1 }) },
      expected: `updateStatus update paused due to ${early} 0/3`,
    },
    {
      title: "a rollback that fails",
      options: {
        rollback: { failureAction: UpdateFailureAction.ROLLBACK },
        updateStatus: status({ state: UpdateState.ROLLBACK_STARTED, failed: 1 }),
      },
      expected: `updateStatus rollback paused due to ${early} 0/3`,
    },
  ];
  test.each(rows)("$title", ({ options, expected }) => {
    const first = look(tasks, { updateStatus: status({ failed: 1 }), ...options }).lines[0];
    if (expected === undefined) expect(first).toContain("create");
    else expect(first).toBe(expected);
  });
});

describe("R-412 a task without progress", () => {
  const minutes = 60_000;
  const late = (options: TaskOptions & { readonly idleMs: number; readonly restart?: Partial<RestartRecord> }) => {
    const made = updated(1, undefined, { nodeId: "", state: "PENDING", ...options });
    const restart = { ...freshRecord("old1"), ...options.restart };
    const updatedAt = wallTime(nowMs - options.idleMs);
    return {
      ...made,
      restart,
      meta: { version: 1, createdAt: wallTime(startedMs + 1), updatedAt },
      ...options.task,
    } as Task;
  };
  const longAgo = { updateStatus: status({ startedAt: wallTime(startedMs) }), atMs: nowMs };
  const judged = (task: Task) => {
    const { steps, dueInMs } = supervise(worldOf(longAgo), [task]);
    return { lines: lines(steps), dueInMs };
  };

  test.each([
    { title: "not yet", idleMs: 9 * minutes, lines: [], dueInMs: minutes },
    { title: "counts as a failure, once", idleMs: 10 * minutes, lines: ["count failure + record new1"] },
  ])("preparing: $title", ({ idleMs, lines: expected, dueInMs }) => {
    expect(judged(late({ nodeId: "n1", state: "PREPARING", idleMs }))).toEqual({ lines: expected, dueInMs });
  });

  test("a start period is waited for, too", () => {
    const healthcheck = { test: ["CMD", "true"], startPeriod: { seconds: 300, nanos: 0 } };
    const spec = { task: { container: { image: "new", healthcheck } } };
    const look = (idleMs: number) =>
      lines(supervise(worldOf({ ...longAgo, spec }), [late({ nodeId: "n1", state: "STARTING", idleMs })]).steps);
    expect([look(14 * minutes), look(15 * minutes)]).toEqual([[], ["count failure + record new1"]]);
  });

  test("one that was counted is not counted again, nor when it ends", () => {
    const overdueAt = wallTime(nowMs - 1);
    expect(
      judged(late({ nodeId: "n1", state: "PREPARING", idleMs: 20 * minutes, restart: { overdueAt } })).lines,
    ).toEqual([]);
    const ended = judged(late({ nodeId: "n1", state: "FAILED", idleMs: 0, restart: { overdueAt } }));
    expect(ended.lines[0]).not.toContain("count failure");
  });

  test("without a node it counts from when it began to wait, however often the reason changes", () => {
    const wait = { stage: WaitStage.SCHEDULER, reason: "no suitable node", since: wallTime(nowMs - 10 * minutes) };
    const meta = { createdAt: wallTime(startedMs - 20 * minutes) };
    const waiting = late({ idleMs: 1, task: { wait } });
    const world = worldOf({ updateStatus: status({ startedAt: wallTime(nowMs - 21 * minutes) }) });
    const task = { ...waiting, meta: { version: 1, updatedAt: wallTime(nowMs), createdAt: meta.createdAt } };
    expect(lines(supervise(world, [task]).steps)).toEqual(["count failure + record new1"]);
  });

  test("one that is held, or of no update, is not judged", () => {
    expect(judged(late({ nodeId: "n1", state: "READY", desired: "READY", idleMs: 20 * minutes })).lines).toEqual([
      "new1 RUNNING",
    ]);
    const restarted = { backoffMs: 1 };
    expect(judged(late({ nodeId: "n1", state: "PREPARING", idleMs: 20 * minutes, restart: restarted })).lines).toEqual(
      [],
    );
  });

  const overdue = late({
    ...{ idleMs: 1, restart: { overdueAt: wallTime(nowMs - 1) } },
    task: { wait: { stage: WaitStage.SCHEDULER, reason: "no suitable node (max replicas per node limit exceed)" } },
  });
  const reason = "task service.1 made no progress for 10m: no suitable node (max replicas per node limit exceed)";
  test.each<[string, UpdateOptions, string]>([
    ["pause", {}, `updateStatus update paused: ${reason} 0/3`],
    [
      "rollback",
      { config: { failureAction: UpdateFailureAction.ROLLBACK }, previousRevision: 1 },
      `rollback update rolled back: ${reason} 0/0`,
    ],
  ])("the status names it and why: %s", (_, options, expected) => {
    const tasks = [replaced(1), overdue, task(2), task(3)];
    expect(look(tasks, { updateStatus: status({ failed: 1 }), ...options }).lines[0]).toBe(expected);
  });

  test("where failures are tolerated the update goes on after it", () => {
    const options = { config: { parallelism: 2, maxFailureRatio: 1 }, updateStatus: status({ failed: 1 }) };
    expect(look([replaced(1), overdue, task(2), task(3)], options).lines[0]).toContain("create 2");
  });
});

describe("R-413 the running tasks", () => {
  const again = task(1, {
    id: "again",
    revision: 2,
    state: "READY",
    desired: "READY",
    restart: { replaces: "new1", backoffMs: 1 },
  });
  const failed = (agoMs: number) =>
    updated(1, undefined, { state: "FAILED", desired: "SHUTDOWN", atMs: nowMs - agoMs });
  const tolerant = { config: { failureAction: UpdateFailureAction.CONTINUE }, updateStatus: status({ failed: 1 }) };
  const starts = (tasks: readonly Task[], options: UpdateOptions) =>
    look(tasks, options).lines.flatMap((line) => /create (\d)/.exec(line)?.[1] ?? []);

  test.each([
    { title: "a failed slot takes a place while it waits for its restart", parallelism: 1, agoMs: 1_000, slots: [] },
    { title: "one of two", parallelism: 2, agoMs: 1_000, slots: ["2"] },
    { title: "for ten minutes at most", parallelism: 1, agoMs: 10 * 60_000, slots: ["2"] },
  ])("$title", ({ parallelism, agoMs, slots }) => {
    const options = { ...tolerant, config: { ...tolerant.config, parallelism } };
    const begun = status({ failed: 1, startedAt: wallTime(nowMs - 11 * 60_000) });
    const made = { createdAt: wallTime(nowMs - 10.5 * 60_000), updatedAt: wallTime(nowMs), version: 1 };
    const tasks = [replaced(1), { ...failed(agoMs), meta: made }, again, task(2), task(3)];
    expect(starts(tasks, { ...options, updateStatus: begun })).toEqual(slots);
  });

  test("what does not run is replaced all the same", () => {
    const made = { createdAt: wallTime(startedMs + 1), updatedAt: wallTime(nowMs), version: 1 };
    const tasks = [replaced(1), { ...failed(1_000), meta: made }, again, task(2), task(3, { state: "PREPARING" })];
    expect(starts(tasks, tolerant)).toEqual(["3"]);
    expect(starts(tasks, { ...tolerant, config: { ...tolerant.config, parallelism: 2 } })).toEqual(["3"]);
  });

  test("R-405 but it waits for the delay", () => {
    const made = { createdAt: wallTime(startedMs + 1), updatedAt: wallTime(nowMs), version: 1 };
    const tasks = [replaced(1), { ...failed(1_000), meta: made }, again, task(3, { state: "PREPARING" })];
    const seen = look(tasks, { ...tolerant, config: { ...tolerant.config, delay: wallTime(4_000) } });
    expect(seen.lines.filter((line) => line.includes("create"))).toEqual([]);
    expect(seen.dueInMs).toBe(3_000);
  });

  test("R-404 R-413 slots where nothing runs come first", () => {
    const broken = task(3, { state: "PREPARING" });
    expect(starts([task(1), task(2), broken], { updateStatus: status() })).toEqual(["3"]);
  });

  test("R-414 a newer spec moves first what the one before it has stopped already", () => {
    const half = task(2, { id: "half2", revision: 1, state: "READY", desired: "READY", restart: { replaces: "old2" } });
    const tasks = [task(1), task(2, { desired: "SHUTDOWN" }), half, task(3)];
    expect(look(tasks, { updateStatus: status() }).lines).toEqual(["half2 SHUTDOWN + create 2 READY r2"]);
  });

  test("a new slot that a larger count brought is not waited for", () => {
    const added = task(4, { revision: 2, state: "PENDING", nodeId: "" });
    expect(starts([task(1), task(2), task(3), added], { updateStatus: status() })).toEqual(["1"]);
  });

  test("one that finished for good is not missing", () => {
    const finished = updated(1, undefined, { state: "COMPLETE", desired: "SHUTDOWN", atMs: nowMs - 60_000 });
    const options = { restart: "NONE" as const, updateStatus: status({ failed: 0 }) };
    expect(starts([replaced(1), finished, task(2)], options)).toEqual(["2"]);
  });
});

describe("R-416 the order becomes stop-first while two tasks of a slot are wanted", () => {
  const supervised = (tasks: readonly Task[], options: UpdateOptions = {}) =>
    lines(supervise(worldOf({ updateStatus: status(), ...options }), tasks).steps);
  const beside = (options: TaskOptions) => updated(1, undefined, options);

  test.each([
    { title: "the one that runs stays", tasks: [task(1), beside({})], expected: ["new1 SHUTDOWN"] },
    { title: "also one that waits for a node goes", tasks: [task(1), beside({ state: "PENDING", nodeId: "" })] },
    { title: "and one that is held", tasks: [task(1), beside({ state: "READY", desired: "READY" })] },
    { title: "the one that got further", tasks: [task(1, { state: "STARTING" }), beside({ state: "READY" })] },
    {
      title: "of equals the one that is as asked for",
      tasks: [task(1), updated(1, 0)],
      expected: ["old1 SHUTDOWN"],
    },
    {
      title: "not one on a lost node",
      tasks: [task(1, { nodeId: "n9" }), beside({})],
      expected: ["old1 SHUTDOWN"],
    },
    {
      title: "one that ended is no second",
      tasks: [task(1, { state: "FAILED" }), beside({})],
      expected: ["old1 SHUTDOWN"],
    },
  ])("$title", ({ tasks, expected = ["new1 SHUTDOWN"] }) => {
    expect(supervised(tasks)).toEqual(expected);
  });

  test("start-first keeps both", () => {
    expect(supervised([task(1), beside({})], { config: { order: UpdateOrder.START_FIRST } })).toEqual([]);
  });

  test("a rollback asks for its own order", () => {
    const goesBack = status({ state: UpdateState.ROLLBACK_STARTED });
    const options = { updateStatus: goesBack, rollback: { order: UpdateOrder.START_FIRST } };
    expect(supervised([task(1), beside({})], options)).toEqual([]);
  });

  test("on a drained node what runs makes way, and the next waits for both", () => {
    const n1 = aNode({ id: "n1", node: { spec: { availability: NodeAvailability.DRAIN } } });
    const tasks = [task(1), beside({ nodeId: "n2" })];
    expect(supervised(tasks, { nodes: [n1, aNode({ id: "n2" })] })).toEqual([
      "new1 SHUTDOWN",
      "old1 SHUTDOWN + create 1 READY r2",
    ]);
  });
});

describe("R-408 the end", () => {
  const done = (sinceMs: number) => [replaced(1), updated(1, sinceMs)];
  const almost = { updateStatus: status({ total: 1, done: 1 }) };

  test("the last task is still watched", () => {
    expect(look(done(3_000), almost)).toEqual({ lines: [], dueInMs: 2_000 });
  });

  test("complete", () => {
    expect(look(done(5_000), almost).lines).toEqual(["updateStatus update completed 1/1"]);
  });

  test("complete also while a failed task waits for its restart", () => {
    const failed = updated(1, undefined, { state: "FAILED", desired: "SHUTDOWN", atMs: nowMs - 5_000 });
    const restart = { replaces: "new1", backoffMs: 1 };
    const again = task(1, { id: "again", revision: 2, state: "READY", desired: "READY", restart });
    const options = {
      config: { failureAction: UpdateFailureAction.CONTINUE },
      updateStatus: status({ total: 1, done: 1 }),
    };
    expect(look([replaced(1), failed, again], options).lines).toEqual(["updateStatus update completed 1/1"]);
  });

  test("R-409 a rollback has its own words", () => {
    const rollback = { updateStatus: status({ state: UpdateState.ROLLBACK_STARTED, total: 1, done: 1 }) };
    expect(look(done(5_000), rollback).lines).toEqual(["updateStatus rollback completed 1/1"]);
  });
});

describe("R-410 a paused update", () => {
  test.each([UpdateState.PAUSED, UpdateState.ROLLBACK_PAUSED])("starts nothing: %i", (state) => {
    expect(look([task(1), task(2)], { updateStatus: status({ state }) }).lines).toEqual([]);
  });

  test("still ends a start-first slot it had begun", () => {
    const config = { order: UpdateOrder.START_FIRST };
    expect(
      look([task(1), updated(1, 0)], { config, updateStatus: status({ state: UpdateState.PAUSED }) }).lines,
    ).toEqual(["old1 SHUTDOWN"]);
  });
});

test("R-415 any kept revision comes back, as the last one does", async () => {
  const c = await controlled();
  const version = () => c.store.table("service").get(id)?.meta?.version ?? 0;
  const id = await c.control.services.create(c.request(), aServiceSpec({ image: "a" }));
  for (const image of ["b", "c"]) {
    await c.control.services.update(c.request(), id, version(), aServiceSpec({ image }), plain);
  }
  await c.control.history.rollBackTo(c.request(), "web", 1, version());
  expect(c.store.table("service").get(id)).toMatchObject({
    ...{ revision: 1, previousRevision: 3 },
    updateStatus: { state: UpdateState.ROLLBACK_STARTED, message: "manually requested rollback" },
  });
  await expect(c.control.history.rollBackTo(c.request(), "web", 9, version())).rejects.toThrow(
    "no revision 9 of service web is kept; kept: 1, 2, 3",
  );
});

test("R-411 slots changed are counted; a rollback counts from its first look", () => {
  const rollback = status({ state: UpdateState.ROLLBACK_STARTED, message: "x", total: 0 });
  expect(look([task(1), task(2)], { updateStatus: rollback }).lines).toContain("updateStatus x 0/2");
});

function withTask(fields: Partial<NonNullable<ServiceSpec["task"]>>): ServiceSpec {
  return { ...old, ...(old.task ? { task: { ...old.task, ...fields } } : {}) };
}

function withAuth(registryAuth: string): ServiceSpec {
  const container = old.task?.container;
  return withTask(container ? { container: { ...container, registryAuth } } : {});
}
