// Whether an ended task is restarted, and what its replacement inherits (swarm-semantics §3.6; back-off is ours).

import { millis, type WallTime, wallTime } from "../../../base/index.js";
import { type RestartRecord, type Task, TaskState } from "../../../gen/skep/v1/objects.js";
import { RestartCondition } from "../../../gen/skep/v1/specs.js";
import { type EffectiveRestart, stateOf, statusAtMs } from "../../../model/index.js";

/** The back-off of a task that fails again and again grows up to this … */
export const backoffMaxMs = 5 * 60_000;
/** … from at least this, where the policy's delay is shorter … */
const backoffFirstMs = 1_000;
/** … and starts anew once a task ran this long. */
const healthyMs = 5 * 60_000;
/** Restarts remembered in a task's row, whatever max_attempts says. */
const startsMax = 1_000;

/** Whether the policy lets an ended task be restarted. `starts` are the counted restarts behind it. */
export function mayRestart(policy: EffectiveRestart, task: Task): boolean {
  if (policy.condition === RestartCondition.NONE) return false;
  if (policy.condition === RestartCondition.ON_FAILURE && stateOf(task) === TaskState.COMPLETE) return false;
  return policy.maxAttempts === 0 || countedStarts(policy, task).length < policy.maxAttempts;
}

/** The record of the task that replaces an ended one of the same revision. */
export function recordAfterEnd(policy: EffectiveRestart, task: Task, nowMs: number): RestartRecord {
  const delay = delayMs(policy, task);
  return {
    starts: policy.maxAttempts > 0 ? [...countedStarts(policy, task), wallTime(nowMs)].slice(-startsMax) : [],
    // Never 0: this is also what tells a restarted task from one an update made.
    backoffMs: stateOf(task) === TaskState.COMPLETE ? Math.max(1, policy.delayMs) : grown(policy, delay),
    notBefore: delay > 0 ? wallTime(nowMs + delay) : undefined,
    replaces: task.id,
    runningSince: undefined,
  };
}

/** The record of a task that takes the place of one that did not end: what was counted goes on counting. */
export function recordAfterMove(task: Task): RestartRecord {
  return {
    starts: task.restart?.starts ?? [],
    backoffMs: task.restart?.backoffMs ?? 0,
    notBefore: task.desiredState === TaskState.READY ? task.restart?.notBefore : undefined,
    replaces: task.id,
    runningSince: undefined,
  };
}

/** The record where an ended task makes way for one of a newer revision: what was counted is forgotten. */
export function recordOfNewRevision(policy: EffectiveRestart, task: Task, nowMs: number): RestartRecord {
  return { ...freshRecord(task.id), notBefore: policy.delayMs > 0 ? wallTime(nowMs + policy.delayMs) : undefined };
}

/** A record that only says whom the task replaces. */
export function freshRecord(replaces: string): RestartRecord {
  return { starts: [], backoffMs: 0, notBefore: undefined, replaces, runningSince: undefined };
}

/** How long the replacement of an ended task is held back. Only failures make it grow. */
function delayMs(policy: EffectiveRestart, task: Task): number {
  if (stateOf(task) === TaskState.COMPLETE || ranLong(task)) return policy.delayMs;
  return Math.max(policy.delayMs, task.restart?.backoffMs ?? 0);
}

/** Doubles the delay that is about to pass, up to the bound; a policy's own delay is never shortened. */
function grown(policy: EffectiveRestart, delay: number): number {
  return Math.max(policy.delayMs, Math.min(backoffMaxMs, Math.max(backoffFirstMs, delay * 2)));
}

function ranLong(task: Task): boolean {
  const since = task.restart?.runningSince;
  return since !== undefined && statusAtMs(task) - millis(since) >= healthyMs;
}

/** The restarts that count against max_attempts: with a window, those within it before the task ended. */
function countedStarts(policy: EffectiveRestart, task: Task): readonly WallTime[] {
  const starts = task.restart?.starts ?? [];
  const endedAt = statusAtMs(task);
  if (policy.windowMs === 0 || endedAt === 0) return starts;
  return starts.filter((start) => millis(start) > endedAt - policy.windowMs && millis(start) < endedAt);
}
