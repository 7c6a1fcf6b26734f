// When an update has failed, and what is done then (swarm-semantics §4.3 step 5).

import { invariant } from "../../../base/index.js";
import { type Task, UpdateState, type UpdateStatus } from "../../../gen/skep/v1/objects.js";
import { UpdateFailureAction } from "../../../gen/skep/v1/specs.js";
import { isTerminal, stateOf, updateOf } from "../../../model/index.js";
import type { Step } from "../change.js";
import type { Slot } from "../replicated/slots.js";
import { byAge, isOfUpdate, isRollingBack, type World } from "../world.js";

/** The step that pauses or rolls back an update in which too many tasks ended early; nothing while it goes well. */
export function failureOf(world: World, slots: readonly Slot[]): Step | undefined {
  const status = world.service.updateStatus;
  const rollingBack = isRollingBack(world.service);
  const { failureAction, maxFailureRatio } = updateOf(world.spec, rollingBack);
  if (status === undefined || failureAction === UpdateFailureAction.CONTINUE || status.failed === 0) return undefined;
  if (status.failed / Math.max(1, status.total) <= maxFailureRatio) return undefined;
  const taskId = lastFailed(world, slots)?.id ?? "";
  if (rollingBack) return pause(world, UpdateState.ROLLBACK_PAUSED, `rollback paused due to ${early(taskId)}`);
  const goesBack = failureAction === UpdateFailureAction.ROLLBACK && world.service.previousRevision !== undefined;
  if (goesBack) return rollBack(world, `update rolled back due to ${early(taskId)}`);
  return pause(world, UpdateState.PAUSED, `update paused due to ${early(taskId)}`);
}

function early(taskId: string): string {
  return `failure or early termination of task ${taskId}`;
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

function lastFailed(world: World, slots: readonly Slot[]): Task | undefined {
  return slots
    .flatMap((slot) => slot.tasks)
    .filter((task) => isOfUpdate(world, task) && isTerminal(stateOf(task)))
    .sort(byAge)
    .at(-1);
}
