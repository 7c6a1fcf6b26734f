// The restart supervisor, as one look at one slot: what ended or lost its host is replaced, what was held back is let go.

import { millis } from "../../../base/index.js";
import { type RestartRecord, type Task, TaskState } from "../../../gen/skep/v1/objects.js";
import {
  createdAtMs,
  isTerminal,
  isWanted,
  newTask,
  restartOf,
  stateOf,
  statusAtMs,
  updateOf,
} from "../../../model/index.js";
import { after, type Change, type Step, stopping } from "../change.js";
import { type SlotId, slotOf } from "../slot-ref.js";
import {
  isDraining,
  isLost,
  isOfUpdate,
  isRollingBack,
  isStopping,
  isUpdating,
  isYounger,
  remainingMs,
  type World,
} from "../world.js";
import {
  backoffMaxMs,
  freshRecord,
  mayRestart,
  recordAfterEnd,
  recordAfterMove,
  recordOfNewRevision,
} from "./policy.js";

/** A replacement waits at most this long, from its creation, for the task it replaces to stop (Docker's minute). */
export const stopWaitMaxMs = 60_000;

export interface Supervised {
  readonly steps: readonly Step[];
  /** When to look again, in milliseconds from now, if nothing happens before. */
  readonly dueInMs: number | undefined;
}

/** One look at the tasks of one slot. The youngest first, so that an older one sees that it has a successor. */
export function supervise(world: World, tasks: readonly Task[]): Supervised {
  const steps: Step[] = [];
  let dueInMs: number | undefined;
  let slot = tasks;
  for (const task of tasks.filter(isWanted).sort((a, b) => (isYounger(a, b) ? -1 : 1))) {
    const seen = look(world, task, slot);
    if (seen.dueInMs !== undefined) dueInMs = Math.min(seen.dueInMs, dueInMs ?? seen.dueInMs);
    if (seen.step.length === 0) continue;
    steps.push(seen.step);
    slot = after(slot, seen.step);
  }
  return { steps, dueInMs };
}

/** A new task for a slot whose tasks are `others` so far: held at READY while its time has not come or one of them stops. */
export function taskFor(world: World, place: SlotId, others: readonly Task[], restart?: RestartRecord): Task {
  const isHeld = heldMs(world, restart) > 0 || others.some((task) => isStopping(world, task));
  return newTask({
    id: world.newId(),
    serviceId: world.service.id,
    revision: world.service.revision,
    slot: place.slot,
    nodeId: place.nodeId,
    now: world.now,
    desired: isHeld ? TaskState.READY : TaskState.RUNNING,
    ...(restart ? { restart } : {}),
  });
}

interface Look {
  readonly step: Step;
  readonly dueInMs?: number | undefined;
}

function look(world: World, task: Task, slot: readonly Task[]): Look {
  if (isTerminal(stateOf(task))) return ended(world, task, slot);
  const node = world.node(task.nodeId);
  if (task.nodeId !== "" && (isLost(node) || isDraining(node))) return { step: moved(world, task, slot) };
  if (task.desiredState === TaskState.READY) return held(world, task, slot);
  return { step: observed(world, task) };
}

/** Ended by itself: stays as history; a replacement comes if the policy allows. */
function ended(world: World, task: Task, slot: readonly Task[]): Look {
  // One that ended while it was held back is not replaced before its time, or a missing image would loop tightly.
  const holdMs = task.desiredState === TaskState.READY ? heldMs(world, task.restart) : 0;
  if (holdMs > 0) return { step: [], dueInMs: holdMs };
  const policy = restartOf(world.madeOf(task).task?.restart);
  const counted: Step = endedEarly(world, task) ? [{ kind: "countFailure", serviceId: world.service.id }] : [];
  const stop = [...counted, ...stopping(task)];
  if (hasSuccessor(world, task, slot) || !mayRestart(policy, task)) return { step: stop };
  const recordOf = task.revision === world.service.revision ? recordAfterEnd : recordOfNewRevision;
  return { step: [...stop, replacement(world, task, recordOf(policy, task, world.nowMs), slot)] };
}

/** Its host is gone or drained: replaced at once, whatever the policy says, since it did not end by itself. */
function moved(world: World, task: Task, slot: readonly Task[]): Step {
  if (hasSuccessor(world, task, slot)) return stopping(task);
  const sameRevision = task.revision === world.service.revision;
  const record = sameRevision ? recordAfterMove(task) : freshRecord(task.id);
  return [...stopping(task), replacement(world, task, record, slot)];
}

/** Held at READY: let go once its time has come and nobody in its slot still stops. */
function held(world: World, task: Task, slot: readonly Task[]): Look {
  const holdMs = heldMs(world, task.restart);
  if (holdMs > 0) return { step: [], dueInMs: holdMs };
  const waitMs = remainingMs(createdAtMs(task) + stopWaitMaxMs, world.nowMs, stopWaitMaxMs);
  if (waitMs > 0 && slot.some((other) => isStopping(world, other))) return { step: [], dueInMs: waitMs };
  return { step: [{ kind: "desire", taskId: task.id, desired: TaskState.RUNNING }] };
}

/** Remembers since when a task runs, where a back-off or a monitor counts from it. */
function observed(world: World, task: Task): Step {
  const restart = task.restart;
  if (stateOf(task) !== TaskState.RUNNING || restart === undefined || restart.runningSince !== undefined) return [];
  if (restart.backoffMs === 0 && !(isUpdating(world.service) && isOfUpdate(world, task))) return [];
  const runningSince = task.status?.appliedAt ?? task.status?.timestamp ?? world.now;
  return [{ kind: "record", taskId: task.id, restart: { ...restart, runningSince } }];
}

/** Another, younger task of the slot is wanted and well: this one needs no replacement. */
function hasSuccessor(world: World, task: Task, slot: readonly Task[]): boolean {
  return slot.some(
    (other) =>
      other.id !== task.id &&
      isWanted(other) &&
      isYounger(other, task) &&
      !isTerminal(stateOf(other)) &&
      (other.nodeId === "" || !isLost(world.node(other.nodeId))),
  );
}

/** Made by the update under way and over before it ran longer than the monitor (§4.3 step 5). */
function endedEarly(world: World, task: Task): boolean {
  if (!isUpdating(world.service) || !isOfUpdate(world, task)) return false;
  const since = task.restart?.runningSince;
  const { monitorMs } = updateOf(world.spec, isRollingBack(world.service));
  return since === undefined || statusAtMs(task) - millis(since) <= monitorMs;
}

function replacement(world: World, task: Task, record: RestartRecord, slot: readonly Task[]): Change {
  return { kind: "create", task: taskFor(world, slotOf(task), after(slot, stopping(task)), record) };
}

/** How long a record still holds its task back. */
function heldMs(world: World, restart: RestartRecord | undefined): number {
  if (restart?.notBefore === undefined) return 0;
  const longestMs = Math.max(backoffMaxMs, restartOf(world.spec.task?.restart).delayMs);
  return remainingMs(millis(restart.notBefore), world.nowMs, longestMs);
}
