// Which nodes are asked for which logs. Pure.

import { type Task, TaskState } from "../../gen/skep/v1/objects.js";
import { stateOf } from "../../model/index.js";
import type { View } from "../../store/index.js";

export type LogSelector =
  | { readonly kind: "service"; readonly id: string }
  | { readonly kind: "task"; readonly id: string };

export interface Targets {
  /** Node ids, each with one of its tasks that are asked for: a warning about the node is put down to that. */
  readonly nodes: ReadonlyMap<string, Task>;
  /** Tasks that have no node yet. */
  readonly unscheduled: readonly string[];
  /** What was asked for is gone, and with it everything that could still come. */
  readonly isGone: boolean;
}

/** Without following, a service's tasks that never ran, or are about to be forgotten, are left out (swarm-semantics §10.1). */
export function targetsOf(view: View, selector: LogSelector, follow: boolean): Targets {
  const tasks = matching(view, selector).filter((task) => isOfUse(task, selector, follow));
  const nodes = new Map<string, Task>();
  for (const task of tasks) if (task.nodeId !== "" && !nodes.has(task.nodeId)) nodes.set(task.nodeId, task);
  const unscheduled = tasks.filter((task) => task.nodeId === "").map(({ id }) => id);
  const isGone =
    tasks.length === 0 && (selector.kind === "task" || view.table("service").get(selector.id) === undefined);
  return { nodes, unscheduled, isGone };
}

export function isSelected(task: Task, selector: LogSelector): boolean {
  return selector.kind === "service" ? task.serviceId === selector.id : task.id === selector.id;
}

function matching(view: View, { kind, id }: LogSelector): readonly Task[] {
  const table = view.table("task");
  if (kind === "service") return [...table.by("service", id)];
  const task = table.get(id);
  return task === undefined ? [] : [task];
}

function isOfUse(task: Task, selector: LogSelector, follow: boolean): boolean {
  const state = stateOf(task);
  // Its node was removed, or is down for a day: nobody will ever have its lines, and nobody needs to be told each time.
  if (selector.kind === "service" && state === TaskState.ORPHANED) return false;
  if (follow || selector.kind === "task") return true;
  return state >= TaskState.RUNNING && task.desiredState !== TaskState.REMOVE;
}
