// The restart supervisor, as one look at one slot: what ended or lost its host is replaced, what was held back is let go.

import { millis } from "../../../base/index.js";
import { type RestartRecord, type Task, TaskState } from "../../../gen/skep/v1/objects.js";
import {
  isGlobal,
  isJob,
  isTerminal,
  isWanted,
  newTask,
  restartFor,
  stateOf,
  statusAtMs,
  stopWaitOf,
  updateOf,
} from "../../../model/index.js";
import { after, type Change, removal, type Step, stopping, stoppingBecause } from "../change.js";
import { mayFollowOn } from "../global/place.js";
import { type SlotId, slotOf } from "../slot-ref.js";
import { countOverdue, isOverdue, overdueInMs } from "../update/deadline.js";
import {
  goalOf,
  isDraining,
  isLost,
  isOfOlderRun,
  isOfUpdate,
  isRollingBack,
  isStopping,
  isUpdating,
  isYounger,
  iterationOf,
  remainingMs,
  type World,
} from "../world.js";
import { drainOf } from "./drain.js";
import { endOverlap } from "./overlap.js";
import {
  backoffMaxMs,
  freshRecord,
  mayRestart,
  recordAfterEnd,
  recordAfterMove,
  recordOfNewRevision,
} from "./policy.js";

export interface Supervised {
  readonly steps: readonly Step[];
  /** When to look again, in milliseconds from now, if nothing happens before. */
  readonly dueInMs: number | undefined;
}

/** One look at the tasks of one slot. The youngest first, so that an older one sees that it has a successor. */
export function supervise(world: World, tasks: readonly Task[]): Supervised {
  const overlapping = endOverlap(world, tasks);
  const steps: Step[] = overlapping.length > 0 ? [overlapping] : [];
  let dueInMs: number | undefined;
  let slot = after(tasks, overlapping);
  for (const task of slot.filter(isWanted).sort((a, b) => (isYounger(a, b) ? -1 : 1))) {
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
    ...(isJob(world.spec) ? { jobIteration: iterationOf(world) } : {}),
    id: world.newId(),
    serviceId: world.service.id,
    revision: world.service.revision,
    slot: place.slot,
    nodeId: place.nodeId,
    now: world.now,
    desired: isHeld ? TaskState.READY : goalOf(world),
    ...(restart ? { restart } : {}),
  });
}

interface Look {
  readonly step: Step;
  readonly dueInMs?: number | undefined;
}

function look(world: World, task: Task, slot: readonly Task[]): Look {
  if (isJob(world.spec) && (stateOf(task) === TaskState.COMPLETE || isOfOlderRun(world, task))) {
    return { step: endRun(world, task) };
  }
  // Its node was removed while it ran there.
  if (stateOf(task) === TaskState.ORPHANED) return { step: moved(world, task, slot) };
  if (isTerminal(stateOf(task))) return ended(world, task, slot);
  const node = world.node(task.nodeId);
  if (task.nodeId !== "" && isLost(node)) return { step: moved(world, task, slot) };
  if (task.nodeId !== "" && isDraining(node)) return drained(world, task, slot);
  if (task.desiredState === TaskState.READY) return held(world, task, slot);
  const lateInMs = overdueInMs(world, task);
  if (lateInMs === 0) return { step: countOverdue(world, task) };
  return { step: observed(world, task), dueInMs: lateInMs };
}

/** A completed task of a job stays as it is; what an earlier execution left running goes. */
function endRun(world: World, task: Task): Step {
  if (!isTerminal(stateOf(task))) return removal(task);
  return isOfOlderRun(world, task) && stateOf(task) !== TaskState.COMPLETE ? stopping(task) : [];
}

/** Ended by itself: stays as history; a replacement comes if the policy allows. */
function ended(world: World, task: Task, slot: readonly Task[]): Look {
  // One that ended while it was held back is not replaced before its time, or a missing image would loop tightly.
  const holdMs = task.desiredState === TaskState.READY ? heldMs(world, task.restart) : 0;
  if (holdMs > 0) return { step: [], dueInMs: holdMs };
  const policy = restartFor(world.madeOf(task));
  const counted: Step = endedEarly(world, task) ? [{ kind: "countFailure", serviceId: world.service.id }] : [];
  const stop = [...counted, ...stopping(task)];
  const mayFollow = mayFollowOn(world, task.nodeId) && mayRestart(policy, task);
  if (!mayFollow || hasSuccessor(world, task, slot)) return { step: stop };
  const recordOf = task.revision === world.service.revision ? recordAfterEnd : recordOfNewRevision;
  return { step: [...stop, replacement(world, task, recordOf(policy, task, world.nowMs), slot)] };
}

/**
 * Its host is gone or drained: replaced at once, whatever the policy says, since it did not end by itself. Where the node
 * is the slot, nothing follows until the node is back.
 */
function moved(world: World, task: Task, slot: readonly Task[], stop = stopping(task)): Step {
  if (isGlobal(world.spec) || hasSuccessor(world, task, slot)) return stop;
  return [...stop, replacement(world, task, recordOfMove(world, task), slot)];
}

/** Its host is being emptied: it makes way at once, or once another runs in its place. */
function drained(world: World, task: Task, slot: readonly Task[]): Look {
  const drain = drainOf(world, task, slot);
  switch (drain.kind) {
    case "wait":
      return { step: [], dueInMs: drain.dueInMs };
    case "replaceFirst": {
      const beside = taskFor(world, slotOf(task), slot, recordOfMove(world, task));
      return { step: [{ kind: "create", task: beside }], dueInMs: drain.dueInMs };
    }
    case "move": {
      const stop = drain.reason === undefined ? stopping(task) : stoppingBecause(drain.reason, task);
      return { step: moved(world, task, slot, stop) };
    }
    default:
      return drain satisfies never;
  }
}

function recordOfMove(world: World, task: Task): RestartRecord {
  return task.revision === world.service.revision ? recordAfterMove(task) : freshRecord(task.id);
}

/** Held at READY: let go once its time has come and nobody in its slot still stops. */
function held(world: World, task: Task, slot: readonly Task[]): Look {
  const stopping = slot.filter((other) => isStopping(world, other));
  // Asked also while the restart delay lasts: both waits pass at the same time.
  const waits = stopping.map((other) => world.stopWaitMs(other, stopWaitOf(world.madeOf(other))));
  const waitMs = Math.max(heldMs(world, task.restart), ...waits);
  if (waitMs > 0) return { step: [], dueInMs: waitMs };
  return { step: [{ kind: "desire", taskId: task.id, desired: goalOf(world) }] };
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
  if (!isUpdating(world.service) || !isOfUpdate(world, task) || isOverdue(task)) return false;
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
  const longestMs = Math.max(backoffMaxMs, restartFor(world.spec).delayMs);
  return remainingMs(millis(restart.notBefore), world.nowMs, longestMs);
}
