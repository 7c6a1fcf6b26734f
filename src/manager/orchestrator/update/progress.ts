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

/** What a slot is to an update, until it, its node or the update changes. Times are absolute: they pass by themselves. */
export interface Seen {
  readonly slot: Slot;
  readonly phase: Phase;
  /** Stops what it has too much of. */
  readonly settling: readonly Step[];
}

type Phase =
  /** Only tasks of older specs. */
  | { readonly kind: "todo"; readonly isDown: boolean }
  /** The new task is not there yet. */
  | { readonly kind: "busy" }
  /** Changed; `atMs` when, if the update under way did it; `downSinceMs` where something should run and does not. */
  | { readonly kind: "done"; readonly atMs: number | undefined; readonly downSinceMs: number | undefined };

export function seenOf(world: World, slot: Slot): Seen {
  return { slot, phase: phaseOf(world, slot), settling: settle(world, slot.replica) };
}

/** `seen`: all slots, by place. */
export function progressOf(world: World, seen: readonly Seen[]): Progress {
  const { delayMs, monitorMs } = updateOf(world.spec, isRollingBack(world.service));
  const todoDown: Slot[] = [];
  const todoUp: Slot[] = [];
  const settling: Step[] = [];
  let [busy, down, undone, restsForMs, watchedForMs] = [0, 0, 0, 0, 0];
  const rests = (ms: number): void => {
    if (ms > 0) restsForMs = restsForMs > 0 ? Math.min(restsForMs, ms) : ms;
  };
  for (const { slot, phase, settling: steps } of seen) {
    if (steps.length > 0) settling.push(...steps);
    if (phase.kind !== "done") {
      undone += 1;
      if (phase.kind === "busy") busy += 1;
      else (phase.isDown ? todoDown : todoUp).push(slot);
      continue;
    }
    const { atMs, downSinceMs } = phase;
    const restMs = atMs === undefined ? 0 : remainingMs(atMs + delayMs, world.nowMs, delayMs);
    const downMs = downSinceMs === undefined ? 0 : downForMs(world, downSinceMs);
    if (restMs > 0) busy += 1;
    else if (downMs > 0) down += 1;
    rests(restMs);
    rests(downMs);
    if (atMs !== undefined)
      watchedForMs = Math.max(watchedForMs, remainingMs(atMs + monitorMs, world.nowMs, monitorMs));
  }
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
  if (slot.replica.every((task) => isTaskDirty(world, task))) return { kind: "todo", isDown: isDown(slot) };
  const attempts = slot.tasks.filter((task) => isOfUpdate(world, task));
  if (attempts.some((task) => isWanted(task) && stateOf(task) < TaskState.RUNNING && !isOverdue(task))) {
    return { kind: "busy" };
  }
  const times = attempts.map(doneAtMs);
  const atMs = times.length > 0 ? Math.max(...times) : undefined;
  return { kind: "done", atMs, downSinceMs: downSinceMs(world, slot, times) };
}

/** When a task of the update began to run, ended without, or was given up. */
function doneAtMs(task: Task): number {
  const since = task.restart?.overdueAt ?? task.restart?.runningSince;
  return since !== undefined ? millis(since) : statusAtMs(task);
}

/** Since when a changed slot in which nothing runs holds the update up; undefined when it does not. */
function downSinceMs(world: World, slot: Slot, doneMs: readonly number[]): number | undefined {
  if (!isDown(slot) || !slot.replica.some((task) => isWanted(task) && task.restart?.replaces)) return undefined;
  return doneMs.length > 0 ? Math.min(...doneMs) : millis(world.service.updateStatus?.startedAt);
}

/**
 * How long it still does: the update takes no running task down while one it can count on is missing. Bounded, so
 * that a service whose tasks always fail is not updated for ever.
 */
function downForMs(world: World, sinceMs: number): number {
  return remainingMs(sinceMs + progressDeadlineMs, world.nowMs, progressDeadlineMs);
}

/** Something should run there, and nothing does. */
function isDown({ replica }: Slot): boolean {
  const wanted = replica.filter(isWanted);
  return wanted.length > 0 && !wanted.some((task) => stateOf(task) === TaskState.RUNNING);
}
