// A spec is stored once per change; services and tasks point to it. These are the joins.

import { invariant } from "../base/index.js";
import type { Node, Revision, Service, Task } from "../gen/skep/v1/objects.js";
import type { ServiceSpec } from "../gen/skep/v1/specs.js";
import { isOnNode, isWanted } from "../model/index.js";
import type { View } from "./draft.js";
import { revisionId, slotKey } from "./schema.js";

/** The spec a service has now. */
export function specOf(view: View, service: Service): ServiceSpec {
  return revisionOf(view, service.id, service.revision).spec;
}

/** The spec a task was made from; its annotations are the service's name and labels of that time. */
export function taskSpecOf(view: View, task: Task): ServiceSpec {
  return revisionOf(view, task.serviceId, task.revision).spec;
}

/** The task another one waits for: that it replaces, else one of its slot that has yet to stop. While it is known, with what it was made from and the node it is on. */
export function predecessorOf(
  view: View,
  task: Task,
): { readonly task: Task; readonly made: ServiceSpec; readonly node: Node | undefined } | undefined {
  const replaced = view.table("task").get(task.restart?.replaces ?? "") ?? stoppingBeside(view, task);
  return (
    replaced && { task: replaced, made: taskSpecOf(view, replaced), node: view.table("node").get(replaced.nodeId) }
  );
}

function stoppingBeside(view: View, { id, serviceId, slot, nodeId }: Task): Task | undefined {
  for (const other of view.table("task").by("slot", slotKey(serviceId, slot, nodeId))) {
    if (other.id !== id && !isWanted(other) && isOnNode(other)) return other;
  }
  return undefined;
}

/** One revision of a service; there while the service or a task points to it. */
export function revisionOf(view: View, serviceId: string, number: number): Revision & { readonly spec: ServiceSpec } {
  const revision = view.table("revision").get(revisionId(serviceId, number));
  invariant(revision?.spec !== undefined, "a revision that is pointed to exists", { serviceId, number });
  return revision as Revision & { readonly spec: ServiceSpec };
}
