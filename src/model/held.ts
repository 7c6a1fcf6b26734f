// What holds back a task that has a node: its node, its restart delay, the task it replaces. Worked out when somebody asks;
// nothing of it is stored (architecture.md "Who writes what").

import { millis, wallTime } from "../base/index.js";
import { type Node, NodeState, type Task, TaskState } from "../gen/skep/v1/objects.js";
import type { ServiceSpec } from "../gen/skep/v1/specs.js";
import { defaultStopGracePeriod } from "./defaults.js";
import { createdAtMs, isOnNode, isWanted, stateOf } from "./task.js";

/** A replacement waits for the task it replaces to stop: the stop grace period and this long … */
const stopWaitMaxMs = 60_000;

/** … in all, for one that was made from this spec. Docker waits a minute, however long the grace period is. */
export function stopWaitOf(made: ServiceSpec | undefined): number {
  return stopWaitMaxMs + millis(made?.task?.container?.stopGracePeriod ?? defaultStopGracePeriod);
}

export interface Held {
  readonly stage: "node" | "restart" | "predecessor";
  readonly reason: string;
  /** Wall time at which it is let go whatever happens; undefined where nobody knows. */
  readonly untilMs: number | undefined;
}

/** The task that is replaced, with what it was made from and its node, as far as they are known. */
export interface Predecessor {
  readonly task: Task;
  readonly made?: ServiceSpec | undefined;
  readonly node: Node | undefined;
}

/** Of a wanted task between ASSIGNED and RUNNING. */
export function heldBy(task: Task, node: Node | undefined, predecessor: Predecessor | undefined): Held {
  const reason = nodeReason(task, node);
  if (reason !== undefined) return { stage: "node", reason, untilMs: undefined };
  const isHeld = stateOf(task) === TaskState.READY && task.desiredState < TaskState.RUNNING;
  return (isHeld ? heldAtReady(task, predecessor) : undefined) ?? working(task);
}

/** Why its node does nothing for it; undefined when it does, or could. */
function nodeReason(task: Task, node: Node | undefined): string | undefined {
  if (node === undefined) return `its node ${task.nodeId} is gone`;
  const { state, suspended, message } = node.status ?? { state: NodeState.UNKNOWN, suspended: false, message: "" };
  if (state !== NodeState.READY) return `its node ${nodeName(node)} is not ready: ${message || "no reason given"}`;
  if (suspended) return `its node ${nodeName(node)} starts nothing new: ${message}`;
  return undefined;
}

function heldAtReady(task: Task, predecessor: Predecessor | undefined): Held {
  const notBefore = task.restart?.notBefore;
  if (predecessor !== undefined && isStopping(predecessor)) {
    const at = predecessor.node === undefined ? "" : ` on ${nodeName(predecessor.node)}`;
    const reason = `the task it replaces, ${predecessor.task.id}${at}, is stopping`;
    return {
      stage: "predecessor",
      reason,
      untilMs: Math.max(createdAtMs(task) + stopWaitOf(predecessor.made), millis(notBefore)),
    };
  }
  if (notBefore === undefined) return { stage: "restart", reason: "it is held until it may start", untilMs: undefined };
  return {
    stage: "restart",
    reason: `its restart delay lasts until ${timeText(millis(notBefore))}`,
    untilMs: millis(notBefore),
  };
}

/** Its node is at it. */
function working(task: Task): Held {
  const said = task.status?.message ?? "";
  const isUntold = stateOf(task) === TaskState.ASSIGNED || said === "";
  return { stage: "node", reason: isUntold ? "no word of it from its node yet" : said, untilMs: undefined };
}

function isStopping({ task, node }: Predecessor): boolean {
  return !isWanted(task) && isOnNode(task) && node?.status?.state !== NodeState.DOWN;
}

/** What people call a node: its hostname, else its id. */
export function nodeName(node: Node): string {
  return node.description?.hostname || node.id;
}

/** To the second; the year goes without saying. */
function timeText(ms: number): string {
  return new Date(wallTime(ms).seconds * 1000).toISOString().slice(11, 19);
}
