// docs/behaviour.md R-3xx (swarm-semantics §3.6).

import { describe, expect, test } from "vitest";
import { millis, wallTime } from "../../src/base/index.js";
import type { RestartRecord, Task } from "../../src/gen/skep/v1/objects.js";
import { RestartCondition } from "../../src/gen/skep/v1/specs.js";
import { supervise } from "../../src/manager/orchestrator/restart/supervise.js";
import { aNode, aTask, type TaskOptions } from "../support/memory.js";
import { aWorld, created, lines, nowMs, type WorldOptions } from "../support/world.js";

const nodes = [aNode({ id: "n1" }), aNode({ id: "n2" })];
const second = 1_000;
const minute = 60 * second;

function record(options: Partial<RestartRecord> = {}): RestartRecord {
  return { starts: [], backoffMs: 0, notBefore: undefined, replaces: "before", runningSince: undefined, ...options };
}

/** A task of slot 1 on n1 whose status was stored now, created just before. */
function task(options: TaskOptions & { readonly restart?: RestartRecord; readonly createdMs?: number } = {}): Task {
  const at = wallTime(options.createdMs ?? nowMs - second);
  return aTask({
    id: "t1",
    serviceId: "service",
    nodeId: "n1",
    atMs: nowMs,
    ...options,
    task: {
      meta: { version: 1, createdAt: at, updatedAt: at },
      ...(options.restart ? { restart: options.restart } : {}),
    },
  });
}

function look(
  tasks: readonly Task[],
  options: WorldOptions = {},
): { lines: readonly string[]; dueInMs: number | undefined; made: readonly Task[] } {
  const { steps, dueInMs } = supervise(aWorld({ nodes, ...options }), tasks);
  return { lines: lines(steps), dueInMs, made: created(steps) };
}

const restarted = ["t1 SHUTDOWN + create 1 READY r1"];
const ended = ["t1 SHUTDOWN"];

describe("R-301 the condition", () => {
  test.each([
    { restart: "ANY", state: "COMPLETE", expected: restarted },
    { restart: "ANY", state: "FAILED", expected: restarted },
    { restart: "ON_FAILURE", state: "COMPLETE", expected: ended },
    { restart: "ON_FAILURE", state: "FAILED", expected: restarted },
    { restart: "ON_FAILURE", state: "REJECTED", expected: restarted },
    { restart: "NONE", state: "COMPLETE", expected: ended },
    { restart: "NONE", state: "FAILED", expected: ended },
  ] as const)("$restart, $state", ({ restart, state, expected }) => {
    expect(look([task({ state })], { restart }).lines).toEqual(expected);
  });

  test("a task that was told to stop is not restarted", () => {
    expect(look([task({ state: "SHUTDOWN", desired: "SHUTDOWN" })]).lines).toEqual([]);
  });
});

describe("R-302 the delay", () => {
  const policies: readonly { title: string; options: WorldOptions; expected: number }[] = [
    { title: "as the policy says", options: { restartDelayMs: 20 * second }, expected: 20 * second },
    {
      title: "5 s when unset",
      options: { spec: { task: { restart: { condition: RestartCondition.ANY } } } },
      expected: 5 * second,
    },
    { title: "5 s without a policy", options: { spec: { task: {} } }, expected: 5 * second },
  ];
  test.each(policies)("$title", ({ options, expected }) => {
    const { made } = look([task({ state: "FAILED" })], options);
    expect(millis(made[0]?.restart?.notBefore) - nowMs).toBe(expected);
  });

  test("0 lets the replacement start at once", () => {
    expect(look([task({ state: "FAILED" })], { restartDelayMs: 0 }).lines).toEqual([
      "t1 SHUTDOWN + create 1 RUNNING r1",
    ]);
  });

  test.each([
    { title: "held before", atMs: nowMs + 4 * second, lines: [], dueInMs: second },
    { title: "let go when it is over", atMs: nowMs + 5 * second, lines: ["t1 RUNNING"], dueInMs: undefined },
    {
      title: "let go when the clock was set back by an hour",
      atMs: nowMs - 60 * minute,
      lines: ["t1 RUNNING"],
      dueInMs: undefined,
    },
  ])("$title", ({ atMs, lines: expected, dueInMs }) => {
    const held = task({
      state: "READY",
      desired: "READY",
      restart: record({ notBefore: wallTime(nowMs + 5 * second) }),
    });
    expect(look([held], { atMs })).toMatchObject({ lines: expected, dueInMs });
  });
});

describe("R-303 max_attempts", () => {
  const starts = (count: number) => Array.from({ length: count }, (_, at) => wallTime(nowMs - (count - at) * minute));
  test.each([
    { title: "none so far", count: 0, expected: restarted },
    { title: "one to go", count: 2, expected: restarted },
    { title: "used up", count: 3, expected: ended },
  ])("of 3: $title", ({ count, expected }) => {
    const failed = task({ state: "FAILED", restart: record({ starts: starts(count) }) });
    expect(look([failed], { maxAttempts: 3 }).lines).toEqual(expected);
  });

  test("0 is without limit, and nothing is counted", () => {
    const { made } = look([task({ state: "FAILED" })], { maxAttempts: 0 });
    expect(made[0]?.restart?.starts).toEqual([]);
  });
});

describe("R-304 the window", () => {
  const at = (agoMs: number) => wallTime(nowMs - agoMs);
  test.each([
    { title: "two within it", starts: [at(20 * second), at(10 * second)], expected: ended },
    { title: "one has left it", starts: [at(61 * second), at(10 * second)], expected: restarted },
    { title: "one exactly at its edge has left it", starts: [at(60 * second), at(10 * second)], expected: restarted },
    { title: "one after the task ended does not count", starts: [at(10 * second), at(-second)], expected: restarted },
  ])("of 60 s with 2 attempts: $title", ({ starts, expected }) => {
    const failed = task({ state: "FAILED", restart: record({ starts }) });
    const restart = {
      condition: RestartCondition.ANY,
      delay: wallTime(5_000),
      maxAttempts: 2,
      window: wallTime(minute),
    };
    expect(look([failed], { spec: { task: { restart } } }).lines).toEqual(expected);
  });
});

describe("R-305 the count travels with the tasks of a slot", () => {
  test("each counted restart is added", () => {
    const before = [wallTime(nowMs - minute)];
    const { made } = look([task({ state: "FAILED", restart: record({ starts: before }) })], { maxAttempts: 5 });
    expect(made[0]?.restart).toMatchObject({ starts: [...before, wallTime(nowMs)], replaces: "t1" });
  });

  test("a new spec forgets it", () => {
    const old = aWorld().spec;
    const failed = task({ state: "FAILED", restart: record({ starts: [wallTime(1)], backoffMs: 160_000 }) });
    const { made } = look([failed], { number: 2, older: { 1: old } });
    expect(made[0]).toMatchObject({
      revision: 2,
      restart: { starts: [], backoffMs: 0, notBefore: wallTime(nowMs + 5_000) },
    });
  });
});

describe("R-306 a task that ends while it is held back", () => {
  const rejected = task({
    state: "REJECTED",
    desired: "READY",
    restart: record({ notBefore: wallTime(nowMs + 3 * second) }),
  });

  test("is not replaced before its delay is over", () => {
    expect(look([rejected])).toMatchObject({ lines: [], dueInMs: 3 * second });
  });

  test("is replaced then", () => {
    expect(look([rejected], { atMs: nowMs + 3 * second }).lines).toEqual(restarted);
  });
});

describe("R-307 the back-off", () => {
  const failing = (restart?: RestartRecord, state: "FAILED" | "COMPLETE" = "FAILED") =>
    task({ state, ...(restart ? { restart } : {}) });
  const rows = [
    { title: "the first failure waits the delay", policyMs: 5_000, record: undefined, waitMs: 5_000, nextMs: 10_000 },
    {
      title: "the second twice as long",
      policyMs: 5_000,
      record: record({ backoffMs: 10_000 }),
      waitMs: 10_000,
      nextMs: 20_000,
    },
    {
      title: "it grows to 5 minutes",
      policyMs: 5_000,
      record: record({ backoffMs: 200_000 }),
      waitMs: 200_000,
      nextMs: 300_000,
    },
    {
      title: "and stays there",
      policyMs: 5_000,
      record: record({ backoffMs: 300_000 }),
      waitMs: 300_000,
      nextMs: 300_000,
    },
    { title: "without delay it grows from a second", policyMs: 0, record: undefined, waitMs: 0, nextMs: 1_000 },
    { title: "a longer delay is kept", policyMs: 3_600_000, record: undefined, waitMs: 3_600_000, nextMs: 3_600_000 },
    {
      title: "5 minutes of running start it anew",
      policyMs: 5_000,
      record: record({ backoffMs: 160_000, runningSince: wallTime(nowMs - 5 * minute) }),
      waitMs: 5_000,
      nextMs: 10_000,
    },
    {
      title: "less does not",
      policyMs: 5_000,
      record: record({ backoffMs: 160_000, runningSince: wallTime(nowMs - 4 * minute) }),
      waitMs: 160_000,
      nextMs: 300_000,
    },
  ];
  test.each(rows)("$title", ({ policyMs, record: restart, waitMs, nextMs }) => {
    const made = look([failing(restart)], { restartDelayMs: policyMs }).made[0]?.restart;
    expect(made?.notBefore === undefined ? 0 : millis(made.notBefore) - nowMs).toBe(waitMs);
    expect(made?.backoffMs).toBe(nextMs);
  });

  test("a task that completed waits the policy's delay", () => {
    const made = look([failing(record({ backoffMs: 160_000 }), "COMPLETE")]).made[0]?.restart;
    expect(made).toMatchObject({ notBefore: wallTime(nowMs + 5_000), backoffMs: 5_000 });
  });

  test("since when it runs is remembered once there is something to forget", () => {
    const running = task({ state: "RUNNING", restart: record({ backoffMs: 10_000 }) });
    expect(look([running]).lines).toEqual(["record t1"]);
    expect(look([task({ state: "RUNNING", restart: record() })]).lines).toEqual([]);
  });
});

describe("R-308 a held task waits for those of its slot that stop", () => {
  const held = task({ id: "t2", state: "READY", desired: "READY", nodeId: "n2", restart: record({ replaces: "t1" }) });
  const stopping = task({ state: "RUNNING", desired: "SHUTDOWN" });
  const rows = [
    { title: "one that still runs", others: [stopping], expected: [], dueInMs: 70 * second },
    {
      title: "one that has stopped",
      others: [task({ state: "SHUTDOWN", desired: "SHUTDOWN" })],
      expected: ["t2 RUNNING"],
    },
    {
      title: "one that never had a node",
      others: [task({ state: "PENDING", desired: "SHUTDOWN", nodeId: "" })],
      expected: ["t2 RUNNING"],
    },
    {
      title: "one that is to be removed counts too",
      others: [task({ state: "RUNNING", desired: "REMOVE" })],
      expected: [],
      dueInMs: 70 * second,
    },
    { title: "none", others: [], expected: ["t2 RUNNING"] },
  ];
  test.each(rows)("$title", ({ others, expected, dueInMs }) => {
    expect(look([held, ...others])).toMatchObject({ lines: expected, dueInMs });
  });

  test("for a grace period and a minute at most", () => {
    expect(look([held, stopping], { stopWaitedMs: 69 * second })).toMatchObject({ lines: [], dueInMs: second });
    expect(look([held, stopping], { stopWaitedMs: 70 * second }).lines).toEqual(["t2 RUNNING"]);
  });

  test.each([-60, 60])("whatever the wall clock says: it jumped by %i minutes", (minutes) => {
    const atMs = nowMs + minutes * minute;
    expect(look([held, stopping], { atMs })).toMatchObject({ lines: [], dueInMs: 70 * second });
  });

  test("while the restart delay lasts both pass", () => {
    const later = record({ replaces: "t1", notBefore: wallTime(nowMs + 80 * second) });
    const both = task({ id: "t2", state: "READY", desired: "READY", nodeId: "n2", restart: later });
    expect(look([both, stopping])).toMatchObject({ lines: [], dueInMs: 80 * second });
  });

  test.each([{ nodes: [aNode({ id: "n2" })] }, { nodes: [aNode({ id: "n1", state: "DOWN" }), aNode({ id: "n2" })] }])(
    "not for one whose host is lost",
    (options) => {
      expect(look([held, stopping], options).lines).toEqual(["t2 RUNNING"]);
    },
  );
});

test("R-309 a task that lost its host uses up no attempt", () => {
  const lost = task({ state: "RUNNING", restart: record({ starts: [wallTime(1), wallTime(2)] }) });
  const { lines: seen, made } = look([lost], { maxAttempts: 2, nodes: [] });
  expect(seen).toEqual(["t1 SHUTDOWN + create 1 RUNNING r1"]);
  expect(made[0]?.restart?.starts).toHaveLength(2);
});

describe("two wanted tasks in a slot", () => {
  const old = task({ id: "old", createdMs: nowMs - minute, nodeId: "n1" });
  const young = task({ id: "young", createdMs: nowMs - second, nodeId: "n2", state: "PREPARING" });

  test("the older one that ends needs no replacement", () => {
    expect(look([{ ...old, ...failedStatus }, young]).lines).toEqual(["old SHUTDOWN"]);
  });

  test("both end: one replacement", () => {
    const seen = look([
      { ...old, ...failedStatus },
      { ...young, ...failedStatus },
    ]);
    expect(seen.lines).toEqual(["young SHUTDOWN + create 1 READY r1", "old SHUTDOWN"]);
  });
});

const failedStatus = { status: task({ state: "FAILED" }).status };
