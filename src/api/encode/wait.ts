// What holds a task back: stored by the allocator and the scheduler, from ASSIGNED on read off the task and its node.

import { type Node, NodeState, type Task, TaskState, WaitStage } from "../../gen/skep/v1/objects.js";
import { isWanted, stateOf } from "../../model/index.js";
import type { TaskWait as TaskWaitJson } from "../types.js";
import { timeText } from "./json.js";

const stageWords: Readonly<Record<number, string>> = {
  [WaitStage.ALLOCATOR]: "allocator",
  [WaitStage.SCHEDULER]: "scheduler",
  [WaitStage.NODE]: "node",
};

/** Undefined for a task that runs, is over, or is not wanted to run. */
export function waitOf(task: Task, node: Node | undefined): TaskWaitJson | undefined {
  const state = stateOf(task);
  if (state >= TaskState.RUNNING || !isWanted(task)) return undefined;
  if (state >= TaskState.ASSIGNED) return nodeWait(task, state, node);
  const stage = task.wait && stageWords[task.wait.stage];
  return stage === undefined
    ? undefined
    : { Stage: stage, Reason: task.wait?.reason ?? "", Since: timeText(task.wait?.since) };
}

function nodeWait(task: Task, state: TaskState, node: Node | undefined): TaskWaitJson {
  const since = timeText(task.status?.appliedAt ?? task.status?.timestamp);
  return { Stage: "node", Reason: nodeReason(task, state, node), Since: since };
}

function nodeReason(task: Task, state: TaskState, node: Node | undefined): string {
  const name = node?.description?.hostname || task.nodeId;
  if (node === undefined) return `its node ${name} is gone`;
  if (node.status?.state !== NodeState.READY)
    return `its node ${name} is not ready: ${node.status?.message || "no reason given"}`;
  if (node.status.suspended) return `its node ${name} starts nothing new: ${node.status.message}`;
  if (task.desiredState < TaskState.RUNNING && state === TaskState.READY) return "it is held until it may start";
  return task.status?.message || "no word from its node yet";
}
