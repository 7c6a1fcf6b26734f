// How far an update is, slot by slot, read from the rows.

import { millis } from "../../../base/index.js";
import { type Task, TaskState } from "../../../gen/skep/v1/objects.js";
import { isWanted, stateOf, statusAtMs, updateOf } from "../../../model/index.js";
import { type Step, stopping } from "../change.js";
import type { Slot } from "../replicated/slots.js";
import { mayStay } from "../restart/overlap.js";
import { isOfUpdate, isRollingBack, isTaskDirty, remainingMs, type World } from "../world.js";
import { isOverdue, progressDeadlineMs } from "./deadline.js";

export interface Progress {
  /** Slots without a task of the current spec in which nothing runs, by place: to replace it takes nothing away. */
  readonly todoDown: readonly Slot[];
  /** Those in which something runs, by place. */
  readonly todoUp: readonly Slot[];
  /** What takes one of `parallelism`: slots under way, and those done which rest for the configured delay. */
  readonly busy: number;
  /** Slots done in which nothing runs although it should: they take a place from `todoUp` only. */
  readonly down: number;
  /** Slots not yet changed, those under way included. */
  readonly undone: number;
  /** Stops what a slot has too much of, now that the right task runs. */
  readonly settling: readonly Step[];
  /** Milliseconds until the first slot is busy no more by the clock alone; 0 when none will be. */
  readonly restsForMs: number;
  /** Milliseconds for which the tasks already made are still watched; 0 when that is over. */
  readonly watchedForMs: number;
}

type Phase =
  /** Only tasks of older specs. */
  | { readonly kind: "todo" }
  /** The new task is not there yet. */
  | { readonly kind: "busy" }
  /** Changed; `atMs` when, if the update under way did it. */
  | { readonly kind: "done"; readonly atMs: number | undefined };

export function progressOf(world: World, slots: readonly Slot[]): Progress {
  const { delayMs, monitorMs } = updateOf(world.spec, isRollingBack(world.service));
  const todoDown: Slot[] = [];
  const todoUp: Slot[] = [];
  const settling: Step[] = [];
  let busy = 0;
  let down = 0;
  let undone = 0;
  const rests: number[] = [];
  let watchedForMs = 0;
  for (const slot of slots) {
    settling.push(...settle(world, slot.replica));
    const phase = phaseOf(world, slot);
    if (phase.kind === "todo") (isDown(slot) ? todoDown : todoUp).push(slot);
    if (phase.kind === "busy") busy += 1;
    if (phase.kind !== "done") {
      undone += 1;
      continue;
    }
    const restsForMs = phase.atMs === undefined ? 0 : remainingMs(phase.atMs + delayMs, world.nowMs, delayMs);
    const downMs = downForMs(world, slot);
    if (restsForMs > 0) busy += 1;
    else if (downMs > 0) down += 1;
    rests.push(restsForMs, downMs);
    if (phase.atMs === undefined) continue;
    watchedForMs = Math.max(watchedForMs, remainingMs(phase.atMs + monitorMs, world.nowMs, monitorMs));
  }
  const resting = rests.filter((rest) => rest > 0);
  const restsForMs = resting.length > 0 ? Math.min(...resting) : 0;
  return { todoDown, todoUp, busy, down, undone, settling, restsForMs, watchedForMs };
}

/**
 * More than one wanted task: once one of the current spec runs where it may stay, the others go. Start-first keeps the old
 * one until then, by update or drain.
 */
export function settle(world: World, tasks: readonly Task[]): readonly Step[] {
  const wanted = tasks.filter(isWanted);
  if (wanted.length < 2) return [];
  const running = wanted.find(
    (task) => stateOf(task) === TaskState.RUNNING && !isTaskDirty(world, task) && mayStay(world, task),
  );
  return running === undefined ? [] : [wanted.filter((task) => task !== running).flatMap(stopping)];
}

function phaseOf(world: World, slot: Slot): Phase {
  if (slot.replica.every((task) => isTaskDirty(world, task))) return { kind: "todo" };
  const attempts = slot.tasks.filter((task) => isOfUpdate(world, task));
  if (attempts.some((task) => isWanted(task) && stateOf(task) < TaskState.RUNNING && !isOverdue(task))) {
    return { kind: "busy" };
  }
  const times = attempts.map(doneAtMs);
  return { kind: "done", atMs: times.length > 0 ? Math.max(...times) : undefined };
}

/** When a task of the update began to run, ended without, or was given up. */
function doneAtMs(task: Task): number {
  const since = task.restart?.overdueAt ?? task.restart?.runningSince;
  return since !== undefined ? millis(since) : statusAtMs(task);
}

/**
 * How long a changed slot in which nothing runs still holds the update up: the update takes no running task down while one
 * it can count on is missing. Bounded, so that a service whose tasks always fail is not updated for ever.
 */
function downForMs(world: World, slot: Slot): number {
  if (!isDown(slot) || !slot.replica.some((task) => isWanted(task) && task.restart?.replaces)) return 0;
  const failures = slot.tasks.filter((task) => isOfUpdate(world, task)).map(doneAtMs);
  const sinceMs = failures.length > 0 ? Math.min(...failures) : millis(world.service.updateStatus?.startedAt);
  return remainingMs(sinceMs + progressDeadlineMs, world.nowMs, progressDeadlineMs);
}

/** Something should run there, and nothing does. */
function isDown({ replica }: Slot): boolean {
  const wanted = replica.filter(isWanted);
  return wanted.length > 0 && !wanted.some((task) => stateOf(task) === TaskState.RUNNING);
}
