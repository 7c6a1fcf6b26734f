// The next step of one task, from what is wanted, what was reported and what its container does: swarm-semantics §2.5.
// Pure. One step at a time: the caller does it and asks again. Rules are numbered and cited by the tests.

import type { Container, ContainerState } from "../engine/index.js";
import { TaskState, type TaskStatus } from "../gen/skep/v1/objects.js";

/** What is known of a task's container; `unknown`: nobody looked yet, or what was known may be out of date. */
export type Observed = { readonly kind: "unknown" } | { readonly kind: "absent" } | Container;

export interface StepInput {
  readonly desired: TaskState;
  /** The last status this node gave the task. */
  readonly status: TaskStatus;
  readonly container: Observed;
  /** A leader has told of this task since the process started: only then is anything begun anew. */
  readonly isConfirmed: boolean;
  /** The machine restarted under the container: a task known to run is started again, once. */
  readonly isRebooted: boolean;
  /** The container was stopped because it is unhealthy. */
  readonly wasUnhealthy: boolean;
  /** The assignment is gone: the container goes too. */
  readonly isRemoved: boolean;
}

/** A task's next state and the words that go with it. `err` is the user's explanation of a failure. */
export interface Report {
  readonly state: TaskState;
  readonly message: string;
  readonly err?: string;
}

export type Step =
  /** Nothing to do until something changes. */
  | { readonly kind: "wait" }
  /** Ask the engine about the container. */
  | { readonly kind: "look" }
  | { readonly kind: "report"; readonly report: Report }
  /** Get the image, create the container. */
  | { readonly kind: "prepare" }
  | { readonly kind: "start" }
  | { readonly kind: "stop"; readonly isUnhealthy: boolean }
  | { readonly kind: "remove" }
  /** Nothing of the task is left on this node. */
  | { readonly kind: "forget" };

const wait: Step = { kind: "wait" };
const look: Step = { kind: "look" };
const stop: Step = { kind: "stop", isUnhealthy: false };

/** Docker's words for each state this node gives a task. */
export const messages = {
  [TaskState.ACCEPTED]: "accepted",
  [TaskState.PREPARING]: "preparing",
  [TaskState.READY]: "prepared",
  [TaskState.STARTING]: "starting",
  [TaskState.RUNNING]: "started",
  [TaskState.COMPLETE]: "finished",
  [TaskState.SHUTDOWN]: "shutdown",
} as const;

export function nextStep(input: StepInput): Step {
  if (input.isRemoved) return removalStep(input.container);
  const { desired, status } = input;
  if (desired >= TaskState.SHUTDOWN) return shutdownStep(input);
  // A task that ended keeps its container for its logs, but never a running one.
  if (status.state > TaskState.RUNNING) return doesRun(input.container) ? stop : wait;
  switch (status.state) {
    case TaskState.PREPARING:
      return preparingStep(input);
    case TaskState.STARTING:
      return startingStep(input);
    case TaskState.RUNNING:
      return runningStep(input);
    default:
      return desired > status.state && input.isConfirmed ? report(following(status.state)) : wait;
  }
}

/**
 * The status of a task whose step failed for good: REJECTED below STARTING, FAILED from there on; the message stays that
 * of the last state, the reason is in `err`.
 */
export function failure(status: TaskStatus, err: string): Report {
  const state = status.state < TaskState.STARTING ? TaskState.REJECTED : TaskState.FAILED;
  return { state, message: status.message, err };
}

export function doesRun(container: Observed): boolean {
  const kind = stateOf(container)?.kind;
  return kind === "running" || kind === "paused" || kind === "restarting";
}

/** R6: the container of a removed task is stopped, then removed. */
function removalStep(container: Observed): Step {
  if (isUnknown(container)) return look;
  if (isAbsent(container)) return { kind: "forget" };
  return doesRun(container) ? stop : { kind: "remove" };
}

/** R1: stop what runs, then say so. */
function shutdownStep({ desired, status, container }: StepInput): Step {
  if (doesRun(container)) return stop;
  if (status.state >= TaskState.COMPLETE) return leftoverStep(desired, container);
  // Below PREPARING no container was ever made.
  if (isUnknown(container) && status.state >= TaskState.PREPARING) return look;
  return report(TaskState.SHUTDOWN);
}

/** R1: a stopped container stays as history for its logs, unless its task is to be deleted. */
function leftoverStep(desired: TaskState, container: Observed): Step {
  return desired === TaskState.REMOVE && stateOf(container) ? { kind: "remove" } : wait;
}

/** R3: PREPARING → READY once the container exists. Creating is idempotent, so nobody need look first. */
function preparingStep({ container, isConfirmed }: StepInput): Step {
  if (stateOf(container)) return report(TaskState.READY);
  return isConfirmed ? { kind: "prepare" } : wait;
}

/** R3, R5: STARTING → RUNNING once it runs and, where there is a healthcheck, is healthy. */
function startingStep(input: StepInput): Step {
  const { container, status } = input;
  if (isUnknown(container)) return look;
  if (isAbsent(container)) return gone(status);
  const { state } = container;
  switch (state.kind) {
    case "created":
      return input.isConfirmed || input.isRebooted ? { kind: "start" } : wait;
    case "running":
    case "paused":
      if (state.health === "unhealthy") return { kind: "stop", isUnhealthy: true };
      return state.health === "starting" ? wait : report(TaskState.RUNNING);
    case "restarting":
    case "removing":
      return wait;
    case "exited":
    case "dead":
      if (input.isRebooted) return { kind: "start" };
      // It did start: the next step reports the end.
      return hasFailed(input, state) ? failed(input, state) : report(TaskState.RUNNING);
    default:
      return state satisfies never;
  }
}

/** R3, R4: RUNNING → COMPLETE or FAILED when the container ends. */
function runningStep(input: StepInput): Step {
  const { container, status } = input;
  if (isUnknown(container)) return look;
  if (isAbsent(container)) return gone(status);
  const { state } = container;
  switch (state.kind) {
    case "running":
    case "paused":
      return state.health === "unhealthy" ? { kind: "stop", isUnhealthy: true } : wait;
    case "restarting":
    case "removing":
      return wait;
    case "created":
      if (input.isRebooted) return { kind: "start" };
      return { kind: "report", report: failure(status, "task: the container was not started") };
    case "exited":
    case "dead":
      if (input.isRebooted) return { kind: "start" };
      return hasFailed(input, state) ? failed(input, state) : report(TaskState.COMPLETE);
    default:
      return state satisfies never;
  }
}

type Ended = Extract<ContainerState, { kind: "exited" | "dead" }>;

function hasFailed(input: StepInput, state: Ended): boolean {
  return state.exitCode !== 0 || input.wasUnhealthy;
}

function failed(input: StepInput, state: Ended): Step {
  return { kind: "report", report: failure(input.status, exitText(state, input.wasUnhealthy)) };
}

/** Docker's text: `task: non-zero exit (137): <cause>`; the cause is left out when nobody knows one. */
function exitText(state: Ended, wasUnhealthy: boolean): string {
  const cause = wasUnhealthy ? "dockerexec: unhealthy container" : state.error || (state.oomKilled ? "OOM killed" : "");
  if (state.exitCode === 0) return cause;
  return cause === "" ? `task: non-zero exit (${state.exitCode})` : `task: non-zero exit (${state.exitCode}): ${cause}`;
}

/** Somebody removed the container behind our back. */
function gone(status: TaskStatus): Step {
  return { kind: "report", report: failure(status, "dockerexec: container destroyed") };
}

function report(state: keyof typeof messages): Step {
  return { kind: "report", report: { state, message: messages[state] } };
}

/** R4: the states a task passes by saying so. */
function following(state: TaskState): TaskState & keyof typeof messages {
  if (state <= TaskState.ASSIGNED) return TaskState.ACCEPTED;
  return state === TaskState.ACCEPTED ? TaskState.PREPARING : TaskState.STARTING;
}

function isUnknown(container: Observed): container is { readonly kind: "unknown" } {
  return "kind" in container && container.kind === "unknown";
}

function isAbsent(container: Observed): container is { readonly kind: "absent" } {
  return "kind" in container && container.kind === "absent";
}

function stateOf(container: Observed): ContainerState | undefined {
  return "kind" in container ? undefined : container.state;
}
