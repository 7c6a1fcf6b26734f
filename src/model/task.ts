// The life of a task: its states, who may move it, what it is called, how a new one looks.

import { invariant, millis, type WallTime } from "../base/index.js";
import { type RestartRecord, type Task, TaskState } from "../gen/skep/v1/objects.js";

/** Who writes a task's status: architecture.md "Who writes what", swarm-semantics §2.3. */
export type StatusWriter = "allocator" | "scheduler" | "agent" | "orphaning" | "enforcer";

/**
 * States each writer may move a task to, and from where (both ends included). An observed state only grows, so a move is
 * also upwards; an agent may repeat a state with another message, and a scheduler says why a task still waits.
 */
const moves: Readonly<
  Record<StatusWriter, readonly { readonly from: readonly [TaskState, TaskState]; readonly to: readonly TaskState[] }[]>
> = {
  allocator: [{ from: [TaskState.NEW, TaskState.NEW], to: [TaskState.PENDING] }],
  scheduler: [
    { from: [TaskState.PENDING, TaskState.PENDING], to: [TaskState.PENDING, TaskState.ASSIGNED, TaskState.SHUTDOWN] },
  ],
  agent: [
    {
      from: [TaskState.ASSIGNED, TaskState.REJECTED],
      to: [
        TaskState.ACCEPTED,
        TaskState.PREPARING,
        TaskState.READY,
        TaskState.STARTING,
        TaskState.RUNNING,
        TaskState.COMPLETE,
        TaskState.SHUTDOWN,
        TaskState.FAILED,
        TaskState.REJECTED,
      ],
    },
  ],
  orphaning: [{ from: [TaskState.ASSIGNED, TaskState.RUNNING], to: [TaskState.ORPHANED] }],
  enforcer: [{ from: [TaskState.ASSIGNED, TaskState.RUNNING], to: [TaskState.REJECTED] }],
};

/** Whether `writer` may move a task from one observed state to another. */
export function mayMove(writer: StatusWriter, from: TaskState, to: TaskState): boolean {
  return (
    to >= from && moves[writer].some((move) => from >= move.from[0] && from <= move.from[1] && move.to.includes(to))
  );
}

/** The observed state; a task without a status is NEW. */
export function stateOf(task: Task): TaskState {
  return task.status?.state ?? TaskState.NEW;
}

/** Over: it will not run any more and its resources are free. */
export function isTerminal(state: TaskState): boolean {
  return state > TaskState.RUNNING;
}

/** Over without having been told to stop and without its host having been given up. */
export function endedByItself(state: TaskState): boolean {
  return state === TaskState.COMPLETE || state === TaskState.FAILED || state === TaskState.REJECTED;
}

/** Wanted: not told to stop or to go. */
export function isWanted(task: Task): boolean {
  return task.desiredState <= TaskState.COMPLETE;
}

/** May have a container on its node: placed and not over. */
export function isOnNode(task: Task): boolean {
  const state = stateOf(task);
  return state >= TaskState.ASSIGNED && state <= TaskState.RUNNING;
}

/** Will certainly never run: told to stop before it was placed. */
export function neverRuns(task: Task): boolean {
  return !isWanted(task) && stateOf(task) < TaskState.ASSIGNED;
}

/** The desired state after somebody asked for `wanted`: it only moves forward. */
export function laterDesired(current: TaskState, wanted: TaskState): TaskState {
  return wanted > current ? wanted : current;
}

/** When the status was stored (the leader's clock), else when it was seen; in milliseconds, 0 when never. */
export function statusAtMs(task: Task): number {
  return millis(task.status?.appliedAt ?? task.status?.timestamp);
}

/** When the row was created, in milliseconds. */
export function createdAtMs(task: Task): number {
  return millis(task.meta?.createdAt);
}

/** Docker's name of a task and of its container: `web.1.<task id>`, for a global service `web.<node id>.<task id>`. */
export function taskName(serviceName: string, task: Task): string {
  const slot = shownSlot(task);
  return `${serviceName}.${slot > 0 ? String(slot) : task.nodeId}.${task.id}`;
}

/**
 * The slot's number as Docker counts: from 1, those of a replicated job from 0. Rows count from 1 always, so that a slot
 * without a number is one of a node.
 */
export function shownSlot({ slot, jobIteration }: Task): number {
  return jobIteration !== undefined && slot > 0 ? slot - 1 : slot;
}

/** What Docker calls a state: `running`. */
export function stateText(state: TaskState): string {
  const name = stateTexts.get(state);
  invariant(name !== undefined, "a task state has a name", { state });
  return name;
}

const stateTexts = new Map(Object.entries(TaskState).map(([name, state]) => [state, name.toLowerCase()] as const));

/** What tells one new task from another. */
export interface NewTask {
  readonly id: string;
  readonly serviceId: string;
  readonly revision: number;
  readonly slot: number;
  /** Where it is to run, when its maker chose: the task of a global service; the scheduler only confirms it. */
  readonly nodeId?: string;
  readonly now: WallTime;
  /** Of jobs: the execution it belongs to. */
  readonly jobIteration?: number;
  /** READY holds it back until the restart supervisor lets it go; RUNNING when absent. */
  readonly desired?: TaskState;
  readonly restart?: RestartRecord;
}

/** A task as its creator writes it: NEW, "created" (§2.4). */
export function newTask(task: NewTask): Task {
  return {
    id: task.id,
    // Stamped by the store; until then it lets decisions of one transaction see the age of what they made.
    meta: { version: 0, createdAt: task.now, updatedAt: task.now },
    serviceId: task.serviceId,
    revision: task.revision,
    slot: task.slot,
    nodeId: task.nodeId ?? "",
    status: {
      timestamp: task.now,
      state: TaskState.NEW,
      message: "created",
      err: "",
      container: undefined,
      ports: [],
      appliedAt: task.now,
    },
    desiredState: task.desired ?? TaskState.RUNNING,
    restart: task.restart,
    wait: undefined,
    assignedGeneric: [],
    jobIteration: task.jobIteration,
    networkIds: [],
  };
}
