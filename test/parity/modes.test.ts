// docs/behaviour.md R-21x global services, R-22x jobs (swarm-semantics §3.2–3.5).

import { describe, expect, test } from "vitest";
import { Service, type Task, TaskState } from "../../src/gen/skep/v1/objects.js";
import { NodeAvailability, type ServiceSpec, UpdateConfig, UpdateOrder } from "../../src/gen/skep/v1/specs.js";
import { countTasks } from "../../src/manager/control/status.js";
import { updateService } from "../../src/manager/control/update.js";
import { coverNode, coverNodes, mayUpdate } from "../../src/manager/orchestrator/global/nodes.js";
import { type JobLimits, runJob } from "../../src/manager/orchestrator/jobs/replicated.js";
import { surplus } from "../../src/manager/orchestrator/reaper/history.js";
import { slotsOf } from "../../src/manager/orchestrator/replicated/slots.js";
import { supervise } from "../../src/manager/orchestrator/restart/supervise.js";
import { seenOf } from "../../src/manager/orchestrator/update/progress.js";
import { update } from "../../src/manager/orchestrator/update/update.js";
import { placementConstraints, shownSlot, taskName, validateService } from "../../src/model/index.js";
import {
  aNode,
  aService,
  aServiceSpec,
  aTask,
  memoryStore,
  type NodeOptions,
  putService,
  type TaskOptions,
} from "../support/memory.js";
import { aWorld, created, lines, nowMs, type WorldOptions } from "../support/world.js";

const global: ServiceSpec["mode"] = { $case: "global", value: {} };
const globalJob: ServiceSpec["mode"] = { $case: "globalJob", value: {} };
const job = (totalCompletions: number, maxConcurrent = totalCompletions): ServiceSpec["mode"] => ({
  $case: "replicatedJob",
  value: { totalCompletions, maxConcurrent },
});

type Options = Omit<WorldOptions, "nodes"> & { readonly nodes?: readonly NodeOptions[]; readonly iteration?: number };

function world(mode: ServiceSpec["mode"], { nodes = [{ id: "n1" }], iteration, spec, ...options }: Options = {}) {
  const built = aWorld({ nodes: nodes.map(aNode), ...options, spec: { ...spec, mode } as never });
  const jobStatus = iteration === undefined ? built.service.jobStatus : { iteration, lastExecution: undefined };
  return { ...built, service: { ...built.service, jobStatus } };
}

/** A task of a global service: its slot is the node. */
const on = (nodeId: string, options: TaskOptions = {}): Task =>
  aTask({ id: `t-${nodeId}`, slot: 0, nodeId, state: "RUNNING", ...options });

const ofJob = (slot: number, options: TaskOptions & { readonly iteration?: number } = {}): Task => {
  const { iteration = 0, ...rest } = options;
  const base: TaskOptions = { id: `t${slot}`, slot, nodeId: "n1", state: "RUNNING", desired: "COMPLETE", ...rest };
  return aTask({ ...base, task: { ...rest.task, jobIteration: iteration } });
};

function cover(options: Options, ...tasks: readonly Task[]): readonly string[] {
  const seen = world(global, options);
  return lines(coverNodes(seen, slotsOf(seen, tasks)));
}

function coverOne(options: Options, nodeId: string, ...tasks: readonly Task[]): readonly string[] {
  return lines(coverNode(world(global, options), { serviceId: "service", slot: 0, nodeId }, tasks));
}

const drain = NodeAvailability.DRAIN;
const pause = NodeAvailability.PAUSE;
const ssd = ["node.labels.disk==ssd"];

describe("R-211 one task on each node that may hold one", () => {
  const rows: readonly { title: string; node: NodeOptions; constraints?: readonly string[]; made: boolean }[] = [
    { title: "ready and active", node: {}, made: true },
    { title: "never heard of", node: { state: "UNKNOWN" }, made: false },
    { title: "disconnected", node: { state: "DISCONNECTED" }, made: true },
    { title: "its engine is away", node: { suspended: true }, made: true },
    { title: "too small, which the scheduler will say", node: { nanoCpus: 0 }, made: true },
    { title: "down", node: { state: "DOWN" }, made: false },
    { title: "drained", node: { availability: drain }, made: false },
    { title: "paused", node: { availability: pause }, made: false },
    { title: "satisfies the constraints", node: { labels: { disk: "ssd" } }, constraints: ssd, made: true },
    { title: "does not", node: { labels: { disk: "hdd" } }, constraints: ssd, made: false },
  ];
  test.each(rows)("$title", ({ node, constraints = [], made }) => {
    const expected = made ? ["create n1 RUNNING r1"] : [];
    expect(cover({ nodes: [{ id: "n1", ...node }], constraints })).toEqual(expected);
  });

  test("the task has its node from the beginning, and its slot is 0", () => {
    const seen = world(global);
    const [task] = created(coverNodes(seen, slotsOf(seen, [])));
    expect(task).toMatchObject({ slot: 0, nodeId: "n1", desiredState: TaskState.RUNNING });
  });

  test("a node that has one gets no other", () => {
    expect(cover({}, on("n1"))).toEqual([]);
  });

  test("one that finished for good counts", () => {
    expect(cover({ restart: "NONE" }, on("n1", { state: "FAILED", desired: "SHUTDOWN" }))).toEqual([]);
  });
});

test("R-212 a node that may now hold one gets it at once", () => {
  expect(coverOne({}, "n1")).toEqual(["create n1 RUNNING r1"]);
});

describe("R-213 a node that is drained or down", () => {
  const rows: readonly { title: string; node: NodeOptions }[] = [
    { title: "drained", node: { id: "n1", availability: drain } },
    { title: "down", node: { id: "n1", state: "DOWN" } },
  ];
  test.each(rows)("$title: it is shut down, nothing follows", ({ node }) => {
    const seen = world(global, { nodes: [node] });
    expect(lines(supervise(seen, [on("n1")]).steps)).toEqual(["t-n1 SHUTDOWN"]);
    expect(coverOne({ nodes: [node] }, "n1", on("n1", { desired: "SHUTDOWN" }))).toEqual([]);
  });

  test("afterwards it runs again whatever the policy says, once the old one stopped", () => {
    const stopped = on("n1", { state: "SHUTDOWN", desired: "SHUTDOWN" });
    expect(coverOne({ restart: "NONE" }, "n1", stopped)).toEqual(["create n1 RUNNING r1"]);
    expect(coverOne({ restart: "NONE" }, "n1", on("n1", { desired: "SHUTDOWN" }))).toEqual(["create n1 READY r1"]);
  });
});

describe("R-214 a paused node", () => {
  const nodes: readonly NodeOptions[] = [{ id: "n1", availability: pause }];

  test("keeps its task", () => {
    expect(lines(supervise(world(global, { nodes }), [on("n1")]).steps)).toEqual([]);
    expect(cover({ nodes }, on("n1"))).toEqual([]);
  });

  test("keeps it also when its labels do not fit any more, whoever looks", () => {
    expect(cover({ nodes, constraints: ssd }, on("n1"))).toEqual([]);
    expect(coverOne({ nodes, constraints: ssd }, "n1", on("n1"))).toEqual([]);
  });

  test("what ends there is not followed", () => {
    const ended = on("n1", { state: "FAILED" });
    expect(lines(supervise(world(global, { nodes }), [ended]).steps)).toEqual(["t-n1 SHUTDOWN"]);
    expect(cover({ nodes }, on("n1", { state: "FAILED", desired: "SHUTDOWN" }))).toEqual([]);
  });
});

describe("R-215 a node that does not fit", () => {
  const nodes: readonly NodeOptions[] = [{ id: "n1", labels: { disk: "hdd" } }];

  test("after its labels changed the enforcer rejects the task, and nothing follows", () => {
    expect(coverOne({ nodes, constraints: ssd }, "n1", on("n1"))).toEqual([]);
    const rejected = on("n1", { state: "REJECTED" });
    expect(lines(supervise(world(global, { nodes, constraints: ssd }), [rejected]).steps)).toEqual(["t-n1 SHUTDOWN"]);
  });

  test("what waits there without a container is told to stop", () => {
    expect(coverOne({ nodes, constraints: ssd }, "n1", on("n1", { state: "PENDING" }))).toEqual(["t-n1 SHUTDOWN"]);
  });

  test("after the service's constraints changed the task is shut down", () => {
    expect(cover({ nodes, constraints: ssd }, on("n1"))).toEqual(["t-n1 SHUTDOWN"]);
  });
});

test("R-216 with a removed node its tasks go", () => {
  const ended = on("n9", { id: "ended", state: "ORPHANED", desired: "SHUTDOWN" });
  expect(coverOne({}, "n9", ended, on("n9", { id: "waits", state: "PENDING" }))).toEqual([
    "delete ended",
    "delete waits",
  ]);
});

test("R-217 a task that was deleted is made again", () => {
  expect(coverOne({ nodes: [{ id: "n1" }, { id: "n2" }] }, "n1")).toEqual(["create n1 RUNNING r1"]);
});

describe("R-218 an update of a global service", () => {
  const old = aServiceSpec({ name: "service", image: "old", spec: { mode: global } as never });
  const status = { state: 1, startedAt: undefined, completedAt: undefined, message: "", total: 2, done: 0, failed: 0 };
  const options = (order: UpdateOrder): Options => ({
    number: 2,
    image: "new",
    older: { 1: old },
    updateStatus: status as never,
    spec: { update: UpdateConfig.fromPartial({ parallelism: 1, order }) },
    nodes: [{ id: "n1" }, { id: "n2" }],
  });

  test.each([
    { order: UpdateOrder.STOP_FIRST, expected: "t-n1 SHUTDOWN + create n1 READY r2" },
    { order: UpdateOrder.START_FIRST, expected: "create n1 RUNNING r2" },
  ])("takes the first node by id, in order $order", ({ order, expected }) => {
    const seen = world(global, options(order));
    const { live } = slotsOf(seen, [on("n2"), on("n1")]);
    const slots = live.map((slot) => seenOf(seen, slot));
    expect(lines(update(seen, slots).steps)[0]).toBe(expected);
  });

  test("leaves out paused nodes", () => {
    const nodes: readonly NodeOptions[] = [{ id: "n1", availability: pause }, { id: "n2" }];
    const seen = world(global, { ...options(UpdateOrder.STOP_FIRST), nodes });
    const { live } = slotsOf(seen, [on("n2"), on("n1")]);
    expect(live.filter((slot) => mayUpdate(seen, slot)).map(({ nodeId }) => nodeId)).toEqual(["n2"]);
  });

  test.each([
    { title: "over: it follows alone", state: 3, expected: ["t-n1 SHUTDOWN + create n1 READY r2"] },
    { title: "under way: the update will come to it", state: 1, expected: [] },
    { title: "paused: it waits with the others", state: 2, expected: [] },
  ])("a node that is active again, the update $title", ({ state, expected }) => {
    const after = { ...options(UpdateOrder.STOP_FIRST), updateStatus: { ...status, state } as never };
    expect(coverOne(after, "n1", on("n1"))).toEqual(expected);
  });
});

function run(limits: JobLimits, tasks: readonly Task[], options: Options = {}): readonly string[] {
  const mode = job(limits.totalCompletions, limits.maxConcurrent);
  return lines(runJob(world(mode, options), tasks, limits));
}

const done = (slot: number, options: Parameters<typeof ofJob>[1] = {}): Task =>
  ofJob(slot, { state: "COMPLETE", ...options });

describe("R-221 a replicated job", () => {
  const rows: readonly {
    title: string;
    max: number;
    total: number;
    tasks: readonly Task[];
    made: readonly number[];
  }[] = [
    { title: "begins with as many as it may run", max: 2, total: 5, tasks: [], made: [1, 2] },
    { title: "goes on when one completed", max: 2, total: 5, tasks: [done(1), ofJob(2)], made: [3] },
    { title: "in the lowest free number", max: 3, total: 5, tasks: [done(1), ofJob(3)], made: [2, 4] },
    { title: "never more than are missing", max: 5, total: 3, tasks: [done(1), ofJob(2)], made: [3] },
    { title: "ends", max: 2, total: 2, tasks: [done(1), done(2)], made: [] },
    { title: "counts what is held back", max: 1, total: 2, tasks: [ofJob(1, { desired: "READY" })], made: [] },
    { title: "asks for nothing at once", max: 0, total: 2, tasks: [], made: [] },
  ];
  test.each(rows)("$title", ({ max, total, tasks, made }) => {
    const limits = { maxConcurrent: max, totalCompletions: total };
    expect(run(limits, tasks)).toEqual(made.map((slot) => `create ${slot} COMPLETE r1`));
  });

  test("its slots are shown from 0, and the first by its node's id, as Docker does", () => {
    expect([shownSlot(ofJob(1)), shownSlot(ofJob(3)), shownSlot(aTask({ slot: 1 }))]).toEqual([0, 2, 1]);
    expect([taskName("j", ofJob(1)), taskName("j", ofJob(2))]).toEqual(["j.n1.t1", "j.1.t2"]);
  });
});

describe("R-222 a job's tasks", () => {
  test("are wanted COMPLETE, of the present execution", () => {
    const [task] = created(runJob(world(job(1), { iteration: 3 }), [], { maxConcurrent: 1, totalCompletions: 1 }));
    expect(task).toMatchObject({ desiredState: TaskState.COMPLETE, jobIteration: 3 });
  });

  test("held back, are let go to COMPLETE", () => {
    const held = ofJob(1, { state: "READY", desired: "READY" });
    expect(lines(supervise(world(job(1)), [held]).steps)).toEqual(["t1 COMPLETE"]);
  });

  test.each(["ANY", "ON_FAILURE", "NONE"] as const)("stay as they are when they completed, condition %s", (restart) => {
    expect(lines(supervise(world(job(1), { restart }), [done(1)]).steps)).toEqual([]);
  });

  test.each([
    { restart: "ANY" as const, expected: ["t1 SHUTDOWN + create 1 READY r1"] },
    { restart: "ON_FAILURE" as const, expected: ["t1 SHUTDOWN + create 1 READY r1"] },
    { restart: "NONE" as const, expected: ["t1 SHUTDOWN"] },
  ])("that failed, condition $restart", ({ restart, expected }) => {
    expect(lines(supervise(world(job(1), { restart }), [ofJob(1, { state: "FAILED" })]).steps)).toEqual(expected);
  });
});

describe("R-223 hard stops", () => {
  test("a slot that failed for good is not filled again", () => {
    const failed = ofJob(1, { state: "FAILED", desired: "SHUTDOWN" });
    const limits = { maxConcurrent: 1, totalCompletions: 2 };
    expect(run(limits, [failed], { restart: "NONE" })).toEqual(["create 2 COMPLETE r1"]);
    expect(run(limits, [failed, done(2)], { restart: "NONE" })).toEqual([]);
  });

  test("nor is a node, by no event", () => {
    const seen = world(globalJob, { restart: "NONE" });
    const failed = ofJob(0, { id: "t", nodeId: "n1", state: "FAILED", desired: "SHUTDOWN" });
    expect(lines(coverNode(seen, { serviceId: "service", slot: 0, nodeId: "n1" }, [failed]))).toEqual([]);
  });
});

describe("R-224 executions", () => {
  test("what runs of an earlier one is removed, what completed or failed stays", () => {
    const seen = world(job(3), { iteration: 1 });
    const tasks = [ofJob(1), done(2), ofJob(3, { state: "FAILED", desired: "SHUTDOWN" })];
    expect(tasks.flatMap((task) => lines(supervise(seen, [task]).steps))).toEqual(["t1 REMOVE"]);
  });

  test("every update is one, and leaves nothing to roll back to", async () => {
    const m = memoryStore();
    const built = aService({ id: "j", name: "j", spec: { mode: job(2) } as never });
    await m.writer.update((tx) => putService(tx, built));
    const options = { rollback: false, registryAuthFrom: "spec", nowMs: 5_000 } as const;
    const again = (): Promise<void> =>
      m.writer.update((tx) => updateService(tx, "j", tx.revision, built.spec, options));
    await again();
    await again();
    expect(m.store.table("service").get("j")?.jobStatus).toEqual({
      iteration: 2,
      lastExecution: { seconds: 5, nanos: 0 },
    });
    const rollback = m.writer.update((tx) =>
      updateService(tx, "j", tx.revision, built.spec, { ...options, rollback: true }),
    );
    await expect(rollback).rejects.toThrow("does not have a previous spec");
  });

  test("there is no update config", () => {
    const spec = aServiceSpec({ name: "j", spec: { mode: globalJob, update: UpdateConfig.fromPartial({}) } as never });
    expect(() => validateService(spec)).toThrow("Jobs may not have an update config");
  });
});

test("R-225 what still stops counts as running", () => {
  const stops = ofJob(2, { desired: "REMOVE" });
  const limits = { maxConcurrent: 2, totalCompletions: 4 };
  expect(run(limits, [stops], { iteration: 1 })).toEqual(["create 1 COMPLETE r1"]);
  expect(run(limits, [stops], { iteration: 1, nodes: [{ id: "n1", state: "DOWN" }] })).toEqual([
    "create 1 COMPLETE r1",
    "create 2 COMPLETE r1",
  ]);
});

describe("R-226 with less to do than runs", () => {
  test.each([
    { title: "fewer at a time", limits: { maxConcurrent: 1, totalCompletions: 3 }, gone: ["t2 REMOVE", "t3 REMOVE"] },
    { title: "fewer in all", limits: { maxConcurrent: 3, totalCompletions: 2 }, gone: ["t3 REMOVE"] },
    { title: "none", limits: { maxConcurrent: 0, totalCompletions: 0 }, gone: ["t1 REMOVE", "t2 REMOVE", "t3 REMOVE"] },
  ])("$title", ({ limits, gone }) => {
    expect([...run(limits, [ofJob(3), ofJob(1), ofJob(2)])].sort()).toEqual(gone);
  });

  test("what does not run yet goes first", () => {
    const limits = { maxConcurrent: 1, totalCompletions: 2 };
    expect(run(limits, [ofJob(1, { state: "PREPARING" }), ofJob(2)])).toEqual(["t1 REMOVE"]);
  });
});

describe("R-227 the history of jobs", () => {
  const run0 = done(1, { id: "run0", iteration: 0, atMs: nowMs, task: { meta: { createdAt: { seconds: 1 } } } });
  const run1 = done(1, { id: "run1", iteration: 1, atMs: nowMs + 1, task: { meta: { createdAt: { seconds: 2 } } } });

  test.each([
    { limit: 5, gone: [] },
    { limit: 1, gone: ["run0"] },
    { limit: 0, gone: ["run0"] },
    { limit: -1, gone: [] },
  ])("limit $limit", ({ limit, gone }) => {
    expect(surplus([run0, run1], limit).map(({ id }) => id)).toEqual(gone);
  });

  test("slots the present execution does not have go", () => {
    const limits = { maxConcurrent: 1, totalCompletions: 1 };
    const tasks = [ofJob(1, { iteration: 1 }), done(1, { id: "kept" }), done(2, { id: "gone" })];
    expect(run(limits, tasks, { iteration: 1 })).toEqual(["delete gone"]);
  });
});

describe("R-228 a global job", () => {
  const rows: readonly { title: string; node: NodeOptions; task?: Task; expected: readonly string[] }[] = [
    { title: "a node that is ready and active", node: {}, expected: ["create n1 COMPLETE r1"] },
    { title: "paused", node: { availability: pause }, expected: [] },
    { title: "not ready", node: { state: "DISCONNECTED" }, expected: [] },
    { title: "drained", node: { availability: drain }, expected: [] },
    { title: "it completed there", node: {}, task: ofJob(0, { state: "COMPLETE" }), expected: [] },
    { title: "it works there", node: {}, task: ofJob(0), expected: [] },
    {
      title: "it was interrupted there",
      node: {},
      task: ofJob(0, { state: "SHUTDOWN", desired: "SHUTDOWN" }),
      expected: ["create n1 COMPLETE r1"],
    },
    {
      title: "it completed there in an earlier execution",
      node: {},
      task: ofJob(0, { state: "COMPLETE", iteration: 7 }),
      expected: ["create n1 COMPLETE r1"],
    },
  ];
  test.each(rows)("$title", ({ node, task, expected }) => {
    const seen = world(globalJob, { nodes: [{ id: "n1", ...node }] });
    const ref = { serviceId: "service", slot: 0, nodeId: "n1" };
    expect(lines(coverNode(seen, ref, task ? [task] : []))).toEqual(expected);
  });

  test("on a node that is drained it stops, and nothing follows", () => {
    const seen = world(globalJob, { nodes: [{ id: "n1", availability: drain }] });
    expect(lines(supervise(seen, [ofJob(0)]).steps)).toEqual(["t0 SHUTDOWN"]);
  });
});

describe("R-229 counts", () => {
  const rows: readonly { title: string; mode: ServiceSpec["mode"]; tasks: readonly Task[]; expected: object }[] = [
    {
      title: "replicated",
      mode: { $case: "replicated", value: { replicas: 3 } },
      tasks: [aTask({ id: "a", state: "RUNNING" })],
      expected: { running: 1, desired: 3, completed: 0 },
    },
    {
      title: "replicated, one more on a node that is lost, as Docker counts",
      mode: { $case: "replicated", value: { replicas: 1 } },
      tasks: [on("n1"), on("gone", { desired: "SHUTDOWN" })],
      expected: { running: 2, desired: 1, completed: 0 },
    },
    {
      title: "global",
      mode: global,
      tasks: [on("n1"), on("n2", { state: "PENDING" }), on("n3", { desired: "SHUTDOWN" })],
      expected: { running: 2, desired: 2, completed: 0 },
    },
    {
      title: "replicated job",
      mode: job(5, 2),
      tasks: [ofJob(1, { iteration: 1 }), done(2, { iteration: 1 }), done(3, { iteration: 0 })],
      expected: { running: 1, desired: 2, completed: 1 },
    },
    {
      title: "global job",
      mode: globalJob,
      tasks: [
        ofJob(0, { id: "a", iteration: 1, nodeId: "n1" }),
        done(0, { id: "b", iteration: 1, nodeId: "n2" }),
        ofJob(0, { id: "c", iteration: 0, nodeId: "n3" }),
      ],
      expected: { running: 1, desired: 1, completed: 1 },
    },
  ];
  test.each(rows)("$title", async ({ mode, tasks, expected }) => {
    const m = memoryStore();
    const { service, revision } = aService({ id: "service", spec: { mode } as never });
    await m.writer.update((tx) => {
      tx.put("revision", revision);
      tx.put("service", Service.fromPartial({ ...service, ...(service.jobStatus && { jobStatus: { iteration: 1 } }) }));
      for (const task of tasks) tx.put("task", task);
    });
    const row = m.store.table("service").get("service");
    expect(row && countTasks(m.store, row)).toEqual(expected);
  });
});

test("constraints that do not parse keep nobody away", () => {
  expect(placementConstraints(aServiceSpec({ constraints: ["what?"] }))).toEqual([]);
});
