// What the scheduler writes, checked once more inside the transaction against what is true then.

import type { WallTime } from "../base/index.js";
import { type Task, TaskState, type TaskStatus, WaitStage } from "../gen/skep/v1/objects.js";
import { isWanted, stateOf } from "../model/index.js";
import type { Transaction } from "../store/index.js";
import type { Needs } from "./decide/needs.js";
import { acceptsTasks } from "./decide/node-info.js";
import type { Placement } from "./decide/place.js";

/** A placement with what its task asks of a node. */
export interface Assignment extends Placement {
  readonly needs: Needs;
}

/** PENDING → ASSIGNED, unless the task or its node changed meanwhile: then false. */
export function assign(tx: Transaction, assignment: Assignment, now: WallTime): boolean {
  const task = tx.table("task").get(assignment.taskId);
  if (task === undefined || !isSchedulable(task) || !stillAccepts(tx, assignment)) return false;
  const message = task.nodeId === "" ? assigned : confirmed;
  tx.put("task", {
    ...task,
    nodeId: assignment.info.id,
    assignedGeneric: assignment.generic,
    wait: undefined,
    status: {
      timestamp: now,
      state: TaskState.ASSIGNED,
      message,
      err: "",
      container: undefined,
      ports: [],
      appliedAt: now,
    },
  });
  return true;
}

const assigned = "scheduler assigned task to node";
/** The node was chosen when the task was made (swarm-semantics §5.5). */
const confirmed = "scheduler confirmed task can run on preassigned node";

/** Says why a task waits; nothing is written when that is known (swarm-semantics §5.2). */
export function explainWait(tx: Transaction, taskId: string, reason: string, now: WallTime): void {
  const task = tx.table("task").get(taskId);
  if (task === undefined || !isSchedulable(task)) return;
  const waits = task.wait?.stage === WaitStage.SCHEDULER;
  if (waits && task.wait?.reason === reason && task.status?.err === reason) return;
  const since = waits ? task.wait?.since : now;
  tx.put("task", {
    ...task,
    wait: { stage: WaitStage.SCHEDULER, reason, since },
    status: { ...statusOf(task, now), err: reason },
  });
}

/** A task that was told to stop before it had a node is over (swarm-semantics §5.2). */
export function shutDown(tx: Transaction, taskId: string, now: WallTime): void {
  const task = tx.table("task").get(taskId);
  if (task === undefined || !isStale(task)) return;
  const status = { ...statusOf(task, now), state: TaskState.SHUTDOWN, message: "shutdown" };
  if (task.wait === undefined) tx.setStatus(taskId, status);
  else tx.put("task", { ...task, wait: undefined, status });
}

/** Waits for a node, or for its node, and is wanted. */
export function isSchedulable(task: Task): boolean {
  return stateOf(task) === TaskState.PENDING && isWanted(task);
}

/** Waits for a node nobody wants it to have; what is to be removed the reaper deletes. */
export function isStale(task: Task): boolean {
  return stateOf(task) === TaskState.PENDING && task.desiredState === TaskState.SHUTDOWN;
}

function stillAccepts(tx: Transaction, { info, needs }: Assignment): boolean {
  const node = tx.table("node").get(info.id);
  // What `info` knows of the node may be newer than the decision: its labels may have changed in between.
  return node !== undefined && acceptsTasks(node) && needs.matches(node);
}

function statusOf(task: Task, now: WallTime): TaskStatus {
  return {
    state: TaskState.PENDING,
    message: "",
    container: undefined,
    ports: [],
    ...task.status,
    err: "",
    timestamp: now,
    appliedAt: now,
  };
}
