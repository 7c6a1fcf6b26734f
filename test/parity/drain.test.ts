// docs/behaviour.md: what a drain does with each kind of task. Whole drains are in test/scenarios/drain.test.ts.

import { describe, expect, test } from "vitest";
import { wallTime } from "../../src/base/index.js";
import { type Task, UpdateState, UpdateStatus } from "../../src/gen/skep/v1/objects.js";
import { NodeAvailability, UpdateOrder } from "../../src/gen/skep/v1/specs.js";
import { freshRecord } from "../../src/manager/orchestrator/restart/policy.js";
import { supervise } from "../../src/manager/orchestrator/restart/supervise.js";
import { settle } from "../../src/manager/orchestrator/update/progress.js";
import { aNode, aTask, type ServiceOptions, type TaskOptions } from "../support/memory.js";
import { aWorld, lines, nowMs } from "../support/world.js";

const minute = 60_000;
const drainedAgoMs = 4 * minute;

function task(id: string, ageMs: number, options: TaskOptions = {}): Task {
  const at = wallTime(nowMs - ageMs);
  const meta = { version: 1, createdAt: at, updatedAt: at };
  return aTask({
    ...{ id, serviceId: "service", slot: 1, nodeId: "n2", state: "RUNNING", atMs: nowMs },
    ...options,
    task: { meta, restart: { ...freshRecord("t1"), ...options.task?.restart } },
  });
}

const old = task("t1", 60 * minute, { nodeId: "n1" });

interface Options {
  readonly timeoutMs?: number;
  readonly spec?: ServiceOptions["spec"];
  readonly updateStatus?: UpdateStatus;
}

function look(tasks: readonly Task[], options: Options = {}) {
  const drained = aNode({
    id: "n1",
    hostname: "h1",
    node: {
      spec: {
        availability: NodeAvailability.DRAIN,
        ...(options.timeoutMs !== undefined && { drainTimeout: wallTime(options.timeoutMs) }),
      },
      drainingSince: wallTime(nowMs - drainedAgoMs),
    },
  });
  const spec = options.spec ?? { update: { order: UpdateOrder.START_FIRST, parallelism: 1 } };
  const world = aWorld({
    nodes: [drained, aNode({ id: "n2" })],
    spec,
    ...(options.updateStatus && { updateStatus: options.updateStatus }),
  });
  const { steps, dueInMs } = supervise(world, tasks);
  return {
    lines: lines(steps),
    reasons: steps.flat().flatMap((change) => (change.kind === "desire" ? change.reason : [])),
    settled: lines(settle(world, tasks)),
    dueInMs,
  };
}

describe("R-206 makes way at once", () => {
  test.each<[string, Task, ServiceOptions["spec"] | undefined, string]>([
    ["a stop-first task", old, {}, "t1 SHUTDOWN + create 1 READY r1"],
    [
      "a start-first one that does not run",
      task("t1", minute, { nodeId: "n1", state: "PREPARING" }),
      undefined,
      "t1 SHUTDOWN + create 1 READY r1",
    ],
    ["one of a global service, and nothing follows", old, { mode: { $case: "global", value: {} } }, "t1 SHUTDOWN"],
  ])("%s", (_, drained, spec, expected) => {
    expect(look([drained], spec === undefined ? {} : { spec }).lines).toEqual([expected]);
  });
});

describe("R-209 a start-first task that runs", () => {
  test("is replaced first", () => {
    expect(look([old])).toMatchObject({ lines: ["create 1 RUNNING r1"] });
  });

  test("also while a stop-first rollback goes on", () => {
    const rolling = {
      updateStatus: UpdateStatus.fromPartial({ state: UpdateState.ROLLBACK_STARTED, total: 1, done: 1 }),
    };
    const pending = task("t2", minute, { state: "PENDING", nodeId: "" });
    expect(look([old], rolling).lines).toEqual(["create 1 RUNNING r1"]);
    expect(look([old, pending], rolling)).toMatchObject({ lines: [], settled: [] });
  });

  test("stays while its replacement does not run, for the drain timeout", () => {
    const pending = task("t2", 3 * minute, { state: "PENDING", nodeId: "" });
    expect(look([old, pending])).toMatchObject({ lines: [], settled: [], dueInMs: 6 * minute });
    expect(look([old, pending], { timeoutMs: 5 * minute })).toMatchObject({ lines: [], dueInMs: minute });
  });

  test("stops once the replacement runs, without a reason", () => {
    expect(look([old, task("t2", minute)])).toMatchObject({ lines: ["t1 SHUTDOWN"], reasons: [undefined] });
  });

  test("stops when the time is over, and says why", () => {
    const pending = task("t2", 3 * minute, { state: "PENDING", nodeId: "" });
    expect(look([old, pending], { timeoutMs: 3 * minute })).toMatchObject({
      lines: ["t1 SHUTDOWN"],
      reasons: ["node h1 is drained, and no replacement ran within 3m"],
    });
  });

  test("makes way at once where the one it came to replace still runs: a slot never runs three", () => {
    const first = { task: { restart: freshRecord("") } };
    const former = task("t0", 90 * minute, first);
    expect(look([former, old]).lines).toEqual(["t1 SHUTDOWN + create 1 READY r1"]);
    const lost = task("t0", 90 * minute, { nodeId: "gone", ...first });
    expect(look([lost, old]).lines[0]).toBe("create 1 RUNNING r1");
  });

  test("is not waited for at all with a timeout of 0", () => {
    const pending = task("t2", 1, { state: "PENDING", nodeId: "" });
    expect(look([old, pending], { timeoutMs: 0 }).lines).toEqual(["t1 SHUTDOWN"]);
  });

  test("stays when its replacement failed for good, until the time is over", () => {
    const failed = task("t2", minute, { state: "FAILED", desired: "SHUTDOWN" });
    expect(look([old, failed])).toMatchObject({ lines: [], dueInMs: 6 * minute });
    expect(look([old, failed], { timeoutMs: 3 * minute }).lines).toEqual(["t1 SHUTDOWN + create 1 READY r1"]);
  });

  test("is replaced for the drain though an update failed there before", () => {
    const failed = task("t2", 10 * minute, { state: "FAILED", desired: "SHUTDOWN" });
    expect(look([old, failed]).lines).toEqual(["create 1 RUNNING r1"]);
  });
});
