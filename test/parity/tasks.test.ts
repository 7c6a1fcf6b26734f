// docs/behaviour.md R-1xx (swarm-semantics §2).

import { describe, expect, test } from "vitest";
import { wallTime } from "../../src/base/index.js";
import { TaskState } from "../../src/gen/skep/v1/objects.js";
import {
  isTerminal,
  laterDesired,
  mayMove,
  newTask,
  type StatusWriter,
  stateText,
  taskName,
} from "../../src/model/index.js";
import { aTask } from "../support/memory.js";

describe("R-101 states in Docker's order and words", () => {
  const rows: readonly (readonly [TaskState, number, string, "over" | "not over"])[] = [
    [TaskState.NEW, 0, "new", "not over"],
    [TaskState.PENDING, 64, "pending", "not over"],
    [TaskState.ASSIGNED, 192, "assigned", "not over"],
    [TaskState.ACCEPTED, 256, "accepted", "not over"],
    [TaskState.PREPARING, 320, "preparing", "not over"],
    [TaskState.READY, 384, "ready", "not over"],
    [TaskState.STARTING, 448, "starting", "not over"],
    [TaskState.RUNNING, 512, "running", "not over"],
    [TaskState.COMPLETE, 576, "complete", "over"],
    [TaskState.SHUTDOWN, 640, "shutdown", "over"],
    [TaskState.FAILED, 704, "failed", "over"],
    [TaskState.REJECTED, 768, "rejected", "over"],
    [TaskState.REMOVE, 800, "remove", "over"],
    [TaskState.ORPHANED, 832, "orphaned", "over"],
  ];
  test.each(rows)("%i is %i, %s, %s", (state, number, text, over) => {
    expect([state, stateText(state), isTerminal(state) ? "over" : "not over"]).toEqual([number, text, over]);
  });
});

describe("R-102 who may move a task", () => {
  const rows: readonly (readonly [StatusWriter, keyof typeof TaskState, keyof typeof TaskState, boolean])[] = [
    ["allocator", "NEW", "PENDING", true],
    ["allocator", "PENDING", "ASSIGNED", false],
    ["scheduler", "PENDING", "ASSIGNED", true],
    ["scheduler", "PENDING", "SHUTDOWN", true],
    ["scheduler", "PENDING", "PENDING", true],
    ["scheduler", "NEW", "ASSIGNED", false],
    ["scheduler", "ASSIGNED", "SHUTDOWN", false],
    ["agent", "ASSIGNED", "RUNNING", true],
    ["agent", "PENDING", "ACCEPTED", false],
    ["agent", "RUNNING", "READY", false],
    ["agent", "RUNNING", "RUNNING", true],
    ["agent", "COMPLETE", "ORPHANED", false],
    ["orphaning", "RUNNING", "ORPHANED", true],
    ["orphaning", "PENDING", "ORPHANED", false],
    ["orphaning", "FAILED", "ORPHANED", false],
    ["enforcer", "RUNNING", "REJECTED", true],
    ["enforcer", "FAILED", "REJECTED", false],
  ];
  test.each(rows)("%s: %s → %s is %s", (writer, from, to, may) => {
    expect(mayMove(writer, TaskState[from], TaskState[to])).toBe(may);
  });
});

test("R-103 the desired state only moves forward", () => {
  expect(laterDesired(TaskState.READY, TaskState.RUNNING)).toBe(TaskState.RUNNING);
  expect(laterDesired(TaskState.REMOVE, TaskState.SHUTDOWN)).toBe(TaskState.REMOVE);
});

test("R-104 the name of a task", () => {
  expect(taskName("web", aTask({ id: "t", slot: 3, nodeId: "n" }))).toBe("web.3.t");
  expect(taskName("web", aTask({ id: "t", slot: 0, nodeId: "n" }))).toBe("web.n.t");
});

test("R-105 a new task", () => {
  const task = newTask({ id: "t", serviceId: "s", revision: 4, slot: 2, now: wallTime(1_000) });
  expect(task).toMatchObject({
    id: "t",
    serviceId: "s",
    revision: 4,
    slot: 2,
    nodeId: "",
    desiredState: TaskState.RUNNING,
  });
  expect(task.status).toMatchObject({ state: TaskState.NEW, message: "created", err: "" });
});
