// A task row → Docker's Task.

import type { Task, TaskStatus } from "../../gen/skep/v1/objects.js";
import { TaskState } from "../../gen/skep/v1/objects.js";
import { shownSlot, stateText } from "../../model/index.js";
import type { ContainerStatus, TaskStatus as TaskStatusJson, TaskWait } from "../types.js";
import { timeText, toJson } from "./json.js";
import { encodeMeta } from "./meta.js";
import { encodePort } from "./service.js";
import { encodeGeneric } from "./task-spec.js";

/** The JSON of a task in three parts: the middle one, its spec, is the same for all tasks of a revision. */
export interface TaskText {
  readonly head: string;
  readonly tail: string;
}

export function taskText(task: Task, wait: TaskWait | undefined): TaskText {
  const head = toJson({ ID: task.id, ...encodeMeta(task.meta), Labels: {} });
  const tail = toJson({
    ...(task.serviceId !== "" && { ServiceID: task.serviceId }),
    ...(shownSlot(task) > 0 && { Slot: shownSlot(task) }),
    ...(task.nodeId !== "" && { NodeID: task.nodeId }),
    Status: encodeStatus(task.status, task.stopReason),
    DesiredState: stateText(task.desiredState),
    ...(task.assignedGeneric.length > 0 && { GenericResources: task.assignedGeneric.map(encodeGeneric) }),
    ...(task.jobIteration !== undefined && { JobIteration: jobIteration(task.jobIteration) }),
    Volumes: null,
    ...(wait && { Wait: wait }),
  });
  return { head: `${head.slice(0, -1)},"Spec":`, tail: `,${tail.slice(1)}` };
}

/** A struct never disappears, its zero index does (docker-api.md trap 8). */
function jobIteration(index: number): { readonly Index?: number } {
  return index === 0 ? {} : { Index: index };
}

/** `stopReason`: why a manager told it to stop, where nothing else went wrong. */
function encodeStatus(status: TaskStatus | undefined, stopReason: string | undefined): TaskStatusJson {
  const { container } = status ?? {};
  const containerStatus: ContainerStatus | undefined = container && {
    ContainerID: container.containerId,
    PID: container.pid,
    ExitCode: container.exitCode,
  };
  return {
    Timestamp: timeText(status?.timestamp),
    State: stateText(status?.state ?? TaskState.NEW),
    ...(status?.message && { Message: status.message }),
    ...((status?.err || stopReason) && { Err: status?.err || stopReason }),
    ...(containerStatus && { ContainerStatus: containerStatus }),
    PortStatus: status && status.ports.length > 0 ? { Ports: status.ports.map(encodePort) } : {},
  } as TaskStatusJson;
}
