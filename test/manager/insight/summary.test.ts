// How many tasks there are, and for what those that do not run wait.

import { expect, test } from "vitest";
import { wallTime } from "../../../src/base/index.js";
import { WaitStage } from "../../../src/gen/skep/v1/objects.js";
import { summarizeTasks } from "../../../src/manager/insight/index.js";
import { aTask } from "../../support/memory.js";

const nowMs = 1_000_000_000_000;
const ago = (seconds: number): string => new Date(nowMs - seconds * 1_000).toISOString();

test("counts what runs, what waits by stage with the oldest, and what fails; what is over or told to stop is not counted", () => {
  const since = wallTime(nowMs - 41_000);
  const wait = { stage: WaitStage.SCHEDULER, reason: "no suitable node", since };
  const restart = { backoffMs: 10_000, notBefore: wallTime(nowMs + 1_000) };
  const failed = { restart, meta: { createdAt: wallTime(nowMs - 7_000) } };
  const summary = summarizeTasks([
    aTask({ state: "RUNNING", atMs: nowMs }),
    aTask({ state: "RUNNING", desired: "SHUTDOWN", atMs: nowMs }),
    aTask({ state: "FAILED", desired: "SHUTDOWN", atMs: nowMs }),
    aTask({ state: "COMPLETE", desired: "COMPLETE", atMs: nowMs }),
    aTask({ state: "PENDING", atMs: nowMs - 1_000 }),
    aTask({ state: "PENDING", atMs: nowMs - 1_000, task: { wait } }),
    aTask({ state: "NEW", atMs: nowMs - 2_000 }),
    aTask({ state: "PREPARING", nodeId: "h1", atMs: nowMs - 3_000 }),
    aTask({ state: "READY", desired: "READY", nodeId: "h1", atMs: nowMs - 4_000, task: failed }),
  ]);
  expect(summary).toEqual({
    ...{ Running: 1, Pending: 5, Failing: 1, FailingSince: ago(7) },
    Waiting: [
      { Stage: "scheduler", Count: 2, OldestSince: ago(41) },
      { Stage: "allocator", Count: 1, OldestSince: ago(2) },
      { Stage: "node", Count: 1, OldestSince: ago(3) },
      { Stage: "restart", Count: 1, OldestSince: ago(4) },
    ],
  });
});

test("an idle swarm", () => {
  expect(summarizeTasks([])).toEqual({ Running: 0, Pending: 0, Failing: 0, Waiting: [] });
});
