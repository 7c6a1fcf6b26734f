// What a drain does with one task: a start-first one is replaced first and stopped when the other runs, or
// when the node's drain timeout is over; everything else makes way at once.

import { millis } from "../../../base/index.js";
import { type Task, TaskState } from "../../../gen/skep/v1/objects.js";
import { UpdateOrder } from "../../../gen/skep/v1/specs.js";
import { createdAtMs, isWanted, replicasOf, stateOf, updateOf } from "../../../model/index.js";
import { isLost, isYounger, remainingMs, type World } from "../world.js";

/** How long a drain waits for replacements to run, unless the node says otherwise. */
const drainTimeoutDefaultMs = 10 * 60_000;

export type Drain =
  /** It stops, and another comes if none is there. `reason`: what a user should know. */
  | { readonly kind: "move"; readonly reason?: string }
  /** Another comes beside it. */
  | { readonly kind: "replaceFirst"; readonly dueInMs: number }
  /** Another was made and does not run yet. */
  | { readonly kind: "wait"; readonly dueInMs: number };

/** `slot`: all tasks of its slot. The task's node is being drained. */
export function drainOf(world: World, task: Task, slot: readonly Task[]): Drain {
  if (!isReplacedFirst(world, task) || slot.some((other) => standsIn(world, task, other))) return { kind: "move" };
  const node = world.node(task.nodeId);
  const younger = slot.filter((other) => other.id !== task.id && isYounger(other, task));
  const sinceMs = millis(node?.drainingSince);
  const tried = younger.filter((other) => isWanted(other) || createdAtMs(other) >= sinceMs);
  const timeout = node?.spec?.drainTimeout;
  const timeoutMs = timeout === undefined ? drainTimeoutDefaultMs : millis(timeout);
  if (tried.length === 0) return { kind: "replaceFirst", dueInMs: timeoutMs };
  const fromMs = sinceMs > 0 ? sinceMs : Math.min(...tried.map(createdAtMs));
  const dueInMs = remainingMs(fromMs + timeoutMs, world.nowMs, timeoutMs);
  if (dueInMs > 0) return { kind: "wait", dueInMs };
  const name = node?.description?.hostname || task.nodeId;
  return { kind: "move", reason: `node ${name} is drained, and no replacement ran within ${shown(timeoutMs)}` };
}

/**
 * Only what runs is worth keeping for a while, and only a numbered slot can be filled on another node. A rollback's own order
 * is about the rollback.
 */
function isReplacedFirst(world: World, task: Task): boolean {
  const { order } = updateOf(world.spec, false);
  const runs = stateOf(task) === TaskState.RUNNING && task.desiredState === TaskState.RUNNING;
  return runs && order === UpdateOrder.START_FIRST && replicasOf(world.spec) !== undefined;
}

/** It runs in the same slot, as the replacement or as what an update has not yet replaced: with a third there would be too many. */
function standsIn(world: World, task: Task, other: Task): boolean {
  const runs = isWanted(other) && stateOf(other) === TaskState.RUNNING;
  return other.id !== task.id && runs && !isLost(world.node(other.nodeId));
}

/** `10m`, `90s`. */
function shown(ms: number): string {
  return ms % 60_000 === 0 && ms > 0 ? `${ms / 60_000}m` : `${Math.round(ms / 1000)}s`;
}
