// A node that is DOWN for a day does not come back for its tasks: they are written off (swarm-semantics §2.7). The day
// counts from the stored `node.status.since`, so it survives leaders.

import { millis, type WallTime } from "../../base/index.js";
import { type Node, NodeState, TaskState } from "../../gen/skep/v1/objects.js";
import { isOnNode } from "../../model/index.js";
import type { Transaction, View } from "../../store/index.js";

export const orphanMs = 24 * 3_600_000;
/** Tasks in one transaction. */
const tasksMax = 500;

/** Finds the nodes that are gone for good and still have tasks, in steps. */
export function* withOrphans(view: View, nowMs: number, found: (nodeId: string) => void): Iterable<void> {
  for (const node of view.table("node").all()) {
    yield;
    if (!isGoneForGood(node, nowMs)) continue;
    for (const task of view.table("task").by("node", node.id)) {
      yield;
      if (!isOnNode(task)) continue;
      found(node.id);
      break;
    }
  }
}

/** Writes off some tasks of the node, if it still is gone. Returns how many. */
export function orphanSome(tx: Transaction, nodeId: string, now: WallTime): number {
  const node = tx.table("node").get(nodeId);
  if (node === undefined || !isGoneForGood(node, millis(now))) return 0;
  const taskIds = orphansOf(tx, nodeId, tasksMax);
  for (const taskId of taskIds) {
    const container = tx.table("task").get(taskId)?.status?.container;
    tx.setStatus(taskId, {
      timestamp: now,
      state: TaskState.ORPHANED,
      message: "Task belonged to a node that is down for 24 h",
      err: "",
      container,
      ports: [],
      appliedAt: now,
    });
  }
  return taskIds.length;
}

function isGoneForGood({ status }: Node, nowMs: number): boolean {
  return status?.state === NodeState.DOWN && status.since !== undefined && nowMs - millis(status.since) >= orphanMs;
}

function orphansOf(view: View, nodeId: string, max: number): readonly string[] {
  const taskIds: string[] = [];
  for (const task of view.table("task").by("node", nodeId)) {
    if (taskIds.length >= max) break;
    if (isOnNode(task)) taskIds.push(task.id);
  }
  return taskIds;
}
