// What an agent is told of one task. Pure: joined from the store's rows.

import type { TaskAssignment } from "../../gen/skep/v1/dispatcher.js";
import { type Task, TaskState } from "../../gen/skep/v1/objects.js";
import { shownSlot, stateOf } from "../../model/index.js";
import { taskSpecOf, type View } from "../../store/index.js";

/** Whether the task is one its node must know of: placed there and not deleted yet, over or not (swarm-semantics §6.5). */
export function isAssigned(task: Task, nodeId: string): boolean {
  return task.nodeId === nodeId && stateOf(task) >= TaskState.ASSIGNED;
}

/**
 * With the id it names the content: once a task is assigned its spec (an immutable revision), slot, networks and generic
 * resources stay as they are, and only the desired state still moves, upwards.
 */
export function versionOf(task: Task): number {
  return task.desiredState;
}

/** The name and labels are the service's of the time the task was made. The spec may hold a registry secret: never logged. */
export function taskAssignment(view: View, task: Task): TaskAssignment {
  const spec = taskSpecOf(view, task);
  return {
    id: task.id,
    version: versionOf(task),
    serviceId: task.serviceId,
    serviceName: spec.annotations?.name ?? "",
    serviceLabels: spec.annotations?.labels ?? {},
    slot: shownSlot(task),
    desiredState: task.desiredState,
    spec: spec.task,
    endpoint: spec.endpoint,
    logDriver: spec.task?.logDriver ?? view.cluster?.spec?.taskDefaults?.logDriver,
    assignedGeneric: task.assignedGeneric,
    networks: networkNames(view, task),
    status: task.status,
  };
}

function networkNames(view: View, task: Task): string[] {
  const names: string[] = [];
  for (const id of task.networkIds) {
    const network = view.table("network").get(id);
    if (network) names.push(network.name);
  }
  return names;
}
