// How things are called in explanations: `web.3`, `h2`, `09:14:10`.

import type { ServiceModeWord } from "../../api/types.js";
import { millis } from "../../base/index.js";
import type { Service, Task } from "../../gen/skep/v1/objects.js";
import type { ServiceSpec } from "../../gen/skep/v1/specs.js";
import { nodeName } from "../../model/index.js";
import type { View } from "../../store/index.js";

/** `web.3`; of a global service, whose slots are nodes, `web.h2`. */
export function slotName(view: View, serviceName: string, task: Pick<Task, "slot" | "nodeId">): string {
  return `${serviceName}.${task.slot > 0 ? task.slot : hostname(view, task.nodeId)}`;
}

/** A task of any service; its id when the service is gone. */
export function nameOfTask(view: View, taskId: string): string {
  const task = view.table("task").get(taskId);
  const service = task && view.table("service").get(task.serviceId);
  return task === undefined || service === undefined ? taskId : slotName(view, service.name, task);
}

export function serviceOfTask(view: View, taskId: string): Service | undefined {
  const task = view.table("task").get(taskId);
  return task && view.table("service").get(task.serviceId);
}

/** The id where the node is gone. */
export function hostname(view: View, nodeId: string): string {
  const node = view.table("node").get(nodeId);
  return node === undefined ? nodeId : nodeName(node);
}

const modeWords: Readonly<Record<string, ServiceModeWord>> = {
  replicated: "replicated",
  global: "global",
  replicatedJob: "replicated-job",
  globalJob: "global-job",
};

export function modeWord(spec: ServiceSpec): ServiceModeWord {
  return modeWords[spec.mode?.$case ?? ""] ?? "replicated";
}

/** RFC3339, to the millisecond. */
export function timeText(ms: number): string {
  return new Date(ms).toISOString();
}

export function timeOf(time: Parameters<typeof millis>[0]): string {
  return timeText(millis(time));
}

export function plural(amount: number, noun: string): string {
  return `${amount} ${noun}${amount === 1 ? "" : "s"}`;
}

/** web.2 before web.10. */
export function naturally(a: string, b: string): number {
  return a.localeCompare(b, "en", { numeric: true });
}

/** By slot, then as they came. */
export function bySlot(a: Task, b: Task): number {
  return a.slot - b.slot || millis(a.meta?.createdAt) - millis(b.meta?.createdAt) || (a.id < b.id ? -1 : 1);
}
