// What would happen, without doing it: why nodes refuse a task, and where tasks that do not exist yet would go. Pure.

import type { Node, Task } from "../gen/skep/v1/objects.js";
import type { ServiceSpec } from "../gen/skep/v1/specs.js";
import { isOnNode, isWanted } from "../model/index.js";
import { revisionId, taskSpecOf, type View } from "../store/index.js";
import { ClusterState } from "./cluster.js";
import { activeFilters, countRefusals, explain, type RefusalCount } from "./decide/filters.js";
import { type Asked, needsOf } from "./decide/needs.js";
import { NodeInfo } from "./decide/node-info.js";
import type { NodeSet } from "./decide/node-set.js";
import { place } from "./decide/place.js";

/** What tasks of a spec ask, whether the service exists yet or not. */
export function askedBy(view: View, serviceId: string, spec: ServiceSpec, networkIds: readonly string[]): Asked {
  const drivers = networkIds.map((id) => view.table("network").get(id)?.driver ?? "");
  return { serviceId, needs: needsOf(spec, drivers) };
}

/** What a task that exists asks. */
export function askedByTask(view: View, task: Task): Asked {
  return askedBy(view, task.serviceId, taskSpecOf(view, task), task.networkIds);
}

/** One node with what occupies it now: looks only at its own tasks. */
export function nodeInfoOf(view: View, node: Node): NodeInfo {
  const info = new NodeInfo(node);
  for (const task of view.table("task").by("node", node.id)) {
    const { id: taskId, serviceId, assignedGeneric: generic } = task;
    if (!isOnNode(task)) continue;
    info.add({ taskId, serviceId, needs: askedByTask(view, task).needs, generic, isActive: isWanted(task) });
  }
  return info;
}

/** All nodes with what occupies them and what failed there of late: looks at every node and task, so not once per event. */
export function nodeSetOf(view: View, nowMs: number): NodeSet {
  const cluster = new ClusterState(view);
  for (const _ of cluster.rebuild(nowMs));
  return cluster.nodes;
}

/** A task to place that need not exist. */
export interface PlannedTask {
  readonly taskId: string;
  readonly serviceId: string;
  readonly revision: number;
  readonly spec: ServiceSpec;
  readonly networkIds: readonly string[];
}

export type PlannedPlacement =
  | { readonly taskId: string; readonly nodeId: string }
  | {
      readonly taskId: string;
      readonly nodeId: undefined;
      readonly reason: string;
      readonly refused: readonly RefusalCount[];
    };

/**
 * Where these tasks would be placed if they were PENDING now, in their order. `leaving`: tasks that are over by then, as
 * under stop-first. Writes nothing; what the scheduler does may differ if the cluster changes meanwhile.
 */
export function planPlacement(
  view: View,
  tasks: readonly PlannedTask[],
  options: { readonly nowMs: number; readonly leaving?: Iterable<string> },
): readonly PlannedPlacement[] {
  const set = nodeSetOf(view, options.nowMs);
  for (const taskId of options.leaving ?? []) set.vacate(taskId);
  return tasks.map(({ taskId, serviceId, revision, spec, networkIds }) => {
    const asked = askedBy(view, serviceId, spec, networkIds);
    const group = { ...asked, key: revisionId(serviceId, revision), filters: activeFilters(asked.needs) };
    const [placement] = place(set, group, [taskId], options.nowMs);
    if (placement !== undefined) return { taskId, nodeId: placement.info.id };
    const refused = countRefusals(set.all(), asked);
    return { taskId, nodeId: undefined, reason: explain(refused), refused };
  });
}
