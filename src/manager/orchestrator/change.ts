// What a decision asks for, and how it is written. A step is right by itself: a transaction takes whole steps.

import { invariant } from "../../base/index.js";
import {
  type RestartRecord,
  type Service,
  type Task,
  TaskState,
  type UpdateStatus,
} from "../../gen/skep/v1/objects.js";
import { isOnNode, isWanted, laterDesired } from "../../model/index.js";
import { revisionOf, type Transaction } from "../../store/index.js";

export type Change =
  | { readonly kind: "create"; readonly task: Task }
  /** Moves the desired state forward; `reason` is shown with the task. */
  | { readonly kind: "desire"; readonly taskId: string; readonly desired: TaskState; readonly reason?: string }
  | { readonly kind: "record"; readonly taskId: string; readonly restart: RestartRecord }
  | { readonly kind: "delete"; readonly taskId: string }
  /** A task the update made ended too early. */
  | { readonly kind: "countFailure"; readonly serviceId: string }
  | { readonly kind: "updateStatus"; readonly serviceId: string; readonly status: UpdateStatus }
  /** Back to the previous revision, with the status that says so. */
  | { readonly kind: "rollback"; readonly serviceId: string; readonly status: UpdateStatus };

/** Changes that belong together. */
export type Step = readonly Change[];

/** Writes one step. What it names must exist: it was decided on the same state. */
export function applyStep(tx: Transaction, step: Step): void {
  for (const change of step) applyChange(tx, change);
}

/**
 * The step that makes a task go away: at once when it has no container, else it is told to stop and the reaper deletes
 * it then. Nothing when that was already asked.
 */
export function removal(task: Task): Step {
  if (!isOnNode(task)) return [{ kind: "delete", taskId: task.id }];
  if (task.desiredState >= TaskState.REMOVE) return [];
  return [{ kind: "desire", taskId: task.id, desired: TaskState.REMOVE }];
}

/** The change that tells a task to stop and to stay as history; nothing when it was told. */
export function stopping(task: Task): Step {
  if (!isWanted(task)) return [];
  return [{ kind: "desire", taskId: task.id, desired: TaskState.SHUTDOWN }];
}

/** The same, for a reason that is shown with the task. */
export function stoppingBecause(reason: string, task: Task): Step {
  return stopping(task).map((change) => (change.kind === "desire" ? { ...change, reason } : change));
}

/** The tasks of a slot as a step leaves them: which there are and what is wanted of them. */
export function after(slot: readonly Task[], step: Step): readonly Task[] {
  return step.reduce<readonly Task[]>((tasks, change) => {
    if (change.kind === "create") return [...tasks, change.task];
    if (change.kind !== "desire") return tasks;
    return tasks.map((task) => (task.id === change.taskId ? { ...task, desiredState: change.desired } : task));
  }, slot);
}

function applyChange(tx: Transaction, change: Change): void {
  switch (change.kind) {
    case "create":
      return tx.put("task", change.task);
    case "delete":
      return tx.delete("task", change.taskId);
    case "desire": {
      const task = existing(tx, change.taskId);
      const desiredState = laterDesired(task.desiredState, change.desired);
      return tx.put("task", { ...task, desiredState, ...(change.reason && { stopReason: change.reason }) });
    }
    case "record":
      return tx.put("task", { ...existing(tx, change.taskId), restart: change.restart });
    case "countFailure": {
      const service = existingService(tx, change.serviceId);
      const status = service.updateStatus;
      if (status) tx.put("service", { ...service, updateStatus: { ...status, failed: status.failed + 1 } });
      return;
    }
    case "updateStatus":
      return tx.put("service", { ...existingService(tx, change.serviceId), updateStatus: change.status });
    case "rollback":
      return rollBack(tx, change);
    default:
      return change satisfies never;
  }
}

function rollBack(tx: Transaction, change: Extract<Change, { kind: "rollback" }>): void {
  const { previousRevision, ...service } = existingService(tx, change.serviceId);
  invariant(previousRevision !== undefined, "a rollback has a revision to go back to", { service: service.id });
  const { spec } = revisionOf(tx, service.id, previousRevision);
  tx.put("service", {
    ...service,
    name: spec.annotations?.name ?? service.name,
    revision: previousRevision,
    specVersion: tx.revision + 1,
    updateStatus: change.status,
  });
}

function existing(tx: Transaction, taskId: string): Task {
  const task = tx.table("task").get(taskId);
  invariant(task !== undefined, "a task that is changed exists", { taskId });
  return task;
}

function existingService(tx: Transaction, serviceId: string): Service {
  const service = tx.table("service").get(serviceId);
  invariant(service !== undefined, "a service that is changed exists", { serviceId });
  return service;
}
