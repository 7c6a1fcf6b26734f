// When an update has failed, and what is done then (swarm-semantics §4.3 step 5).

import { invariant, millis } from "../../../base/index.js";
import { type Task, UpdateState, type UpdateStatus } from "../../../gen/skep/v1/objects.js";
import { UpdateFailureAction } from "../../../gen/skep/v1/specs.js";
import { isTerminal, stateOf, statusAtMs, updateOf } from "../../../model/index.js";
import type { Step } from "../change.js";
import { isOfUpdate, isRollingBack, type World } from "../world.js";
import { isOverdue, overdueText } from "./deadline.js";
import type { Seen } from "./progress.js";

/** The step that pauses or rolls back an update in which too many tasks failed; nothing while it goes well. */
export function failureOf(world: World, seen: readonly Seen[]): Step | undefined {
  const status = world.service.updateStatus;
  const rollingBack = isRollingBack(world.service);
  const { failureAction, maxFailureRatio } = updateOf(world.spec, rollingBack);
  if (status === undefined || failureAction === UpdateFailureAction.CONTINUE || status.failed === 0) return undefined;
  if (status.failed / Math.max(1, status.total) <= maxFailureRatio) return undefined;
  const why = cause(world, seen);
  const goesBack = failureAction === UpdateFailureAction.ROLLBACK;
  if (rollingBack) {
    // Docker's words: it says "rollback" only where it was told to roll back what is a rollback already.
    return pause(world, UpdateState.ROLLBACK_PAUSED, `${goesBack ? "rollback" : "update"} paused${why}`);
  }
  if (goesBack && world.service.previousRevision !== undefined) return rollBack(world, `update rolled back${why}`);
  return pause(world, UpdateState.PAUSED, `update paused${why}`);
}

/** What comes after "update paused": Docker's words for a task that ended, ours for one that gets no further. */
function cause(world: World, seen: readonly Seen[]): string {
  const task = lastFailed(world, seen);
  if (task !== undefined && !isTerminal(stateOf(task))) return `: ${overdueText(world, task)}`;
  return ` due to failure or early termination of task ${task?.id ?? ""}`;
}

function pause(world: World, state: UpdateState, message: string): Step {
  const status = world.service.updateStatus;
  invariant(status !== undefined, "only an update under way is paused", { service: world.service.id });
  return [{ kind: "updateStatus", serviceId: world.service.id, status: { ...status, state, message } }];
}

function rollBack(world: World, message: string): Step {
  const status: UpdateStatus = {
    state: UpdateState.ROLLBACK_STARTED,
    startedAt: world.now,
    completedAt: undefined,
    message,
    total: 0,
    done: 0,
    failed: 0,
  };
  return [{ kind: "rollback", serviceId: world.service.id, status }];
}

function lastFailed(world: World, seen: readonly Seen[]): Task | undefined {
  return seen
    .flatMap(({ slot }) => slot.tasks)
    .filter((task) => isOfUpdate(world, task) && (isTerminal(stateOf(task)) || isOverdue(task)))
    .sort((a, b) => failedAtMs(a) - failedAtMs(b) || (a.id < b.id ? -1 : 1))
    .at(-1);
}

function failedAtMs(task: Task): number {
  return isTerminal(stateOf(task)) ? statusAtMs(task) : millis(task.restart?.overdueAt);
}
