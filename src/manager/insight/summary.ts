// How many tasks there are in the whole swarm, and for what those that do not run wait: `skep system status`.

import type { TasksSummary } from "../../api/types.js";
import { millis } from "../../base/index.js";
import { type Task, TaskState } from "../../gen/skep/v1/objects.js";
import { isWanted, stateOf } from "../../model/index.js";
import { timeText } from "./names.js";

interface Tally {
  count: number;
  oldestMs: number;
}

/** One walk over the rows; nothing is looked up, so that it stays cheap with many of them. */
export function summarizeTasks(tasks: Iterable<Task>): TasksSummary {
  const waiting = new Map<string, Tally>();
  const failing: Tally = { count: 0, oldestMs: Number.POSITIVE_INFINITY };
  let running = 0;
  let pending = 0;
  for (const task of tasks) {
    const state = stateOf(task);
    if (!isWanted(task) || state > TaskState.RUNNING) continue;
    if (state === TaskState.RUNNING) {
      running += 1;
      continue;
    }
    pending += 1;
    if (isFailing(task)) count(failing, millis(task.meta?.createdAt));
    const stage = stageOf(task, state);
    const tally = waiting.get(stage) ?? { count: 0, oldestMs: Number.POSITIVE_INFINITY };
    count(tally, sinceMs(task));
    waiting.set(stage, tally);
  }
  return {
    Running: running,
    Pending: pending,
    Failing: failing.count,
    ...(failing.count === 0 ? {} : { FailingSince: timeText(failing.oldestMs) }),
    Waiting: [...waiting]
      .map(([Stage, tally]) => ({ Stage, Count: tally.count, OldestSince: timeText(tally.oldestMs) }))
      .sort((a, b) => b.Count - a.Count),
  };
}

/** Takes the place of one that failed and was started again at least once, and does not run yet. */
function isFailing({ restart }: Task): boolean {
  return restart !== undefined && (restart.backoffMs > 0 || restart.starts.length > 0);
}

function stageOf(task: Task, state: TaskState): string {
  if (state === TaskState.NEW) return "allocator";
  if (state < TaskState.ASSIGNED) return "scheduler";
  return state === TaskState.READY && task.desiredState < TaskState.RUNNING ? "restart" : "node";
}

function sinceMs(task: Task): number {
  return millis(task.wait?.since ?? task.status?.appliedAt ?? task.status?.timestamp ?? task.meta?.createdAt);
}

function count(tally: Tally, atMs: number): void {
  tally.count += 1;
  tally.oldestMs = Math.min(tally.oldestMs, atMs);
}
