// What holds a task back: stored by the allocator and the scheduler, from ASSIGNED on read off the task and its node.

import { wallTime } from "../../base/index.js";
import { type Node, type Task, TaskState, WaitStage } from "../../gen/skep/v1/objects.js";
import { heldBy, isWanted, type Predecessor, stateOf } from "../../model/index.js";
import type { TaskWait as TaskWaitJson } from "../types.js";
import { timeText } from "./json.js";

const stageWords: Readonly<Record<number, string>> = {
  [WaitStage.ALLOCATOR]: "allocator",
  [WaitStage.SCHEDULER]: "scheduler",
};

/** Undefined for a task that runs, is over, or is not wanted to run. `predecessor`: of the task it replaces. */
export function waitOf(
  task: Task,
  node: Node | undefined,
  predecessor: () => Predecessor | undefined,
): TaskWaitJson | undefined {
  const state = stateOf(task);
  if (state >= TaskState.RUNNING || !isWanted(task)) return undefined;
  if (state >= TaskState.ASSIGNED) return heldWait(task, node, predecessor());
  const stage = task.wait && stageWords[task.wait.stage];
  return stage === undefined
    ? undefined
    : { Stage: stage, Reason: task.wait?.reason ?? "", Since: timeText(task.wait?.since) };
}

function heldWait(task: Task, node: Node | undefined, predecessor: Predecessor | undefined): TaskWaitJson {
  const { stage, reason, untilMs } = heldBy(task, node, predecessor);
  return {
    Stage: stage,
    Reason: reason,
    Since: timeText(task.status?.appliedAt ?? task.status?.timestamp),
    ...(untilMs === undefined ? {} : { Until: timeText(wallTime(untilMs)) }),
  };
}
