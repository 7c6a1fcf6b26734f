// An update does not wait for ever: a task it made that gets no further for ten minutes counts as a failure, once.
// Getting further is whatever changes its status: a state, or a pull that moves.

import { millis } from "../../../base/index.js";
import { type Task, TaskState } from "../../../gen/skep/v1/objects.js";
import { createdAtMs, isWanted, stateOf } from "../../../model/index.js";
import type { Step } from "../change.js";
import { isOfUpdate, isUpdating, remainingMs, type World } from "../world.js";

/** Without progress for this long a task of an update has failed, and a slot without a running task holds it up no more. */
export const progressDeadlineMs = 10 * 60_000;

/** Milliseconds until the task is overdue; undefined when that is not judged. One that is held is not late by itself. */
export function overdueInMs(world: World, task: Task): number | undefined {
  if (!isUpdating(world.service) || !isOfUpdate(world, task) || isOverdue(task)) return undefined;
  if (!isWanted(task) || task.desiredState < TaskState.RUNNING || stateOf(task) >= TaskState.RUNNING) return undefined;
  const deadlineMs = deadlineOf(world, task);
  return remainingMs(progressAtMs(task) + deadlineMs, world.nowMs, deadlineMs);
}

/** The step that counts an overdue task. */
export function countOverdue(world: World, task: Task): Step {
  const { restart } = task;
  if (restart === undefined) return [];
  return [
    { kind: "countFailure", serviceId: world.service.id },
    { kind: "record", taskId: task.id, restart: { ...restart, overdueAt: world.now } },
  ];
}

/** It was counted; it may still get there. */
export function isOverdue(task: Task): boolean {
  return task.restart?.overdueAt !== undefined;
}

/** `task web.3 made no progress for 10m: no suitable node (…)` */
export function overdueText(world: World, task: Task): string {
  const reason = task.wait?.reason || task.status?.err || task.status?.message || "no word from its node";
  const minutes = Math.round(deadlineOf(world, task) / 60_000);
  return `task ${placeText(world, task)} made no progress for ${minutes}m: ${reason}`;
}

/** Until it is healthy a container that runs is STARTING: as long as its start period it may be, without a word. */
function deadlineOf(world: World, task: Task): number {
  if (stateOf(task) < TaskState.STARTING) return progressDeadlineMs;
  return progressDeadlineMs + millis(world.madeOf(task).task?.container?.healthcheck?.startPeriod);
}

/** `web.3`; of a global service `web.host2`. */
function placeText(world: World, task: Task): string {
  const { name } = world.service;
  if (task.slot > 0) return `${name}.${task.slot}`;
  return `${name}.${world.node(task.nodeId)?.description?.hostname || task.nodeId}`;
}

/**
 * When its row last showed something new. Below ASSIGNED nothing moves but the reason, which names other numbers of nodes
 * as they come and go: there it counts from when the task began to wait.
 */
function progressAtMs(task: Task): number {
  if (stateOf(task) < TaskState.ASSIGNED) return Math.max(createdAtMs(task), millis(task.wait?.since));
  return millis(task.meta?.updatedAt);
}
