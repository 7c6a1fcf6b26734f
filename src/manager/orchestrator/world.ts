// What the orchestrator's decisions are made from: one service, the specs and nodes its tasks point to, and the time.

import { millis, type WallTime, wallTime } from "../../base/index.js";
import { type Node, NodeState, type Service, type Task, TaskState, UpdateState } from "../../gen/skep/v1/objects.js";
import { NodeAvailability, type ServiceSpec } from "../../gen/skep/v1/specs.js";
import {
  type Constraint,
  createdAtMs,
  isDirty,
  isJob,
  isOnNode,
  isWanted,
  placementConstraints,
  satisfiesAll,
  statusAtMs,
} from "../../model/index.js";
import { specOf, taskSpecOf, type View } from "../../store/index.js";

export interface World {
  readonly service: Service;
  /** What the service asks for now. */
  readonly spec: ServiceSpec;
  readonly now: WallTime;
  readonly nowMs: number;
  /** The spec a task was made from. */
  madeOf(task: Task): ServiceSpec;
  node(id: string): Node | undefined;
  nodes(): Iterable<Node>;
  /** Whether a node satisfies the placement constraints the service has now. */
  fits(node: Node): boolean;
  /** How much longer a task that stops is waited for, where that is `maxMs` in all. */
  stopWaitMs(task: Task, maxMs: number): number;
  newId(): string;
}

/** What a look takes from outside the store. */
export interface Moment {
  readonly nowMs: number;
  readonly newId: () => string;
  readonly stopWaitMs: (task: Task, maxMs: number) => number;
  /** Whether the look took so long that it begins nothing more. */
  readonly isLate: () => boolean;
}

/** The world of one service as a view shows it. */
export function worldOf(view: View, service: Service, moment: Moment): World {
  const { nowMs, newId, stopWaitMs } = moment;
  const nodes = view.table("node");
  const spec = specOf(view, service);
  let constraints: readonly Constraint[] | undefined;
  return {
    service,
    spec,
    now: wallTime(nowMs),
    nowMs,
    madeOf: (task) => taskSpecOf(view, task),
    node: (id) => nodes.get(id),
    nodes: () => nodes.all(),
    fits: (node) => {
      constraints ??= placementConstraints(spec);
      return satisfiesAll(node, constraints);
    },
    stopWaitMs,
    newId,
  };
}

/** Whether a task is not what the service asks for now. */
export function isTaskDirty(world: World, task: Task): boolean {
  return isDirty({
    task,
    made: world.madeOf(task),
    revision: world.service.revision,
    current: world.spec,
    node: task.nodeId === "" ? undefined : world.node(task.nodeId),
  });
}

/** A node nothing can be asked of: unknown or DOWN. */
export function isLost(node: Node | undefined): boolean {
  return node === undefined || node.status?.state === NodeState.DOWN;
}

export function isDraining(node: Node | undefined): boolean {
  return node?.spec?.availability === NodeAvailability.DRAIN;
}

/** Told to stop, and its container may still be there on a host that can be reached. */
export function isStopping(world: World, task: Task): boolean {
  return !isWanted(task) && isOnNode(task) && !isLost(world.node(task.nodeId));
}

/** Of an earlier execution of its job. */
export function isOfOlderRun(world: World, task: Task): boolean {
  return isJob(world.spec) && task.jobIteration !== iterationOf(world);
}

/** The present execution of a job, counted from 0. */
export function iterationOf({ service }: World): number {
  return service.jobStatus?.iteration ?? 0;
}

/** What a task is let go to: it runs, or of a job it completes. */
export function goalOf({ spec }: World): TaskState {
  return isJob(spec) ? TaskState.COMPLETE : TaskState.RUNNING;
}

/** An update or a rollback is under way: not paused, not over. */
export function isUpdating(service: Service): boolean {
  const state = service.updateStatus?.state;
  return state === UpdateState.UPDATING || state === UpdateState.ROLLBACK_STARTED;
}

/** An update or a rollback was begun and has not been completed; it may be paused. */
export function hasUpdate(service: Service): boolean {
  const state = service.updateStatus?.state;
  return isUpdating(service) || state === UpdateState.PAUSED || state === UpdateState.ROLLBACK_PAUSED;
}

export function isRollingBack(service: Service): boolean {
  return service.updateStatus?.state === UpdateState.ROLLBACK_STARTED;
}

/**
 * Made by the update under way, and not by a restart since: of the current revision, in place of another task, without
 * restarts behind it, and younger than the update.
 */
export function isOfUpdate(world: World, task: Task): boolean {
  const { service } = world;
  const restart = task.restart;
  if (task.revision !== service.revision || !restart?.replaces) return false;
  if (restart.starts.length > 0 || restart.backoffMs > 0) return false;
  return createdAtMs(task) >= millis(service.updateStatus?.startedAt);
}

/** Oldest first by when the status was stored, then by creation, then by id: a total order. */
export function byAge(a: Task, b: Task): number {
  return statusAtMs(a) - statusAtMs(b) || createdAtMs(a) - createdAtMs(b) || (a.id < b.id ? -1 : 1);
}

/**
 * Whether `a` was made after `b`: by who replaces whom, which holds also when the wall clock was set back in between, then by
 * time, then by id so that it is never both ways.
 */
export function isYounger(a: Task, b: Task): boolean {
  if (a.restart?.replaces === b.id) return true;
  if (b.restart?.replaces === a.id) return false;
  const byTime = createdAtMs(a) - createdAtMs(b);
  return byTime > 0 || (byTime === 0 && a.id > b.id);
}

/**
 * Milliseconds until a stored point in time. A point further away than the wait could ever have been shows that the wall
 * clock was set back: then it counts as reached rather than hold something for hours.
 */
export function remainingMs(dueMs: number, nowMs: number, longestMs: number): number {
  const remaining = dueMs - nowMs;
  return remaining > 2 * longestMs + clockSkewMs ? 0 : Math.max(0, remaining);
}

/** How far the clocks of two leaders may honestly differ. */
const clockSkewMs = 10_000;
