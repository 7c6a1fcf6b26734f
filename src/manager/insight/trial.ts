// Tasks that do not exist yet, placed on trial: where the scheduler would put them, on counts that are thrown away.

import type { Node, Service, Task } from "../../gen/skep/v1/objects.js";
import type { ServiceSpec } from "../../gen/skep/v1/specs.js";
import { updateOf } from "../../model/index.js";
import {
  type Asked,
  askedBy,
  explainRefusals,
  type NodeSet,
  nodeInfoOf,
  type PlannedPlacement,
  type PlannedTask,
  planPlacement,
  refusalOf,
} from "../../scheduler/index.js";
import type { View } from "../../store/index.js";
import { isRollingBack } from "../orchestrator/index.js";
import { slotName } from "./names.js";
import type { TasksBetween } from "./tasks-between.js";

/** Tasks that are placed on trial; the others go like these. */
export const placedMax = 1_000;

/** A change, as far as it is known before its tasks have nodes. */
export interface Change {
  readonly service: Service;
  readonly spec: ServiceSpec;
  readonly between: TasksBetween;
}

/** A task to place, with its node where that is settled. */
export interface ToPlace extends PlannedTask {
  readonly node: Node | undefined;
  readonly slot: number;
  /** `web.3` */
  readonly name: string;
}

interface Where {
  readonly nodes: NodeSet;
  readonly leaving: readonly string[];
  readonly nowMs: number;
}

export function place(view: View, tasks: readonly ToPlace[], where: Where): readonly PlannedPlacement[] {
  for (const taskId of where.leaving) where.nodes.vacate(taskId);
  const free = tasks.filter(({ node }) => node === undefined);
  const [first] = tasks;
  const asked = first && askedBy(view, first.serviceId, first.spec, first.networkIds);
  const settled = tasks.flatMap((task) =>
    task.node === undefined || asked === undefined
      ? []
      : [settle(view, task, task.node, { asked, nodes: where.nodes })],
  );
  return [...settled, ...planPlacement(view, free, where)];
}

/** The slot of a global service is its node: it takes the task or refuses it. */
function settle(
  view: View,
  task: ToPlace,
  node: Node,
  { asked, nodes }: { readonly asked: Asked; readonly nodes: NodeSet },
): PlannedPlacement {
  const refusal = refusalOf(asked, nodes.get(node.id) ?? nodeInfoOf(view, node));
  if (refusal === undefined) return { taskId: task.taskId, nodeId: node.id };
  const refused = [{ filter: refusal.filter, count: 1 }];
  return { taskId: task.taskId, nodeId: undefined, reason: explainRefusals(refused), refused };
}

export function toPlace(view: View, { service, spec }: Change, tasks: readonly Task[]): readonly ToPlace[] {
  const networkIds = networkIdsOf(view, spec);
  return tasks.map(({ id, slot, nodeId }) => ({
    ...{ taskId: `new-${id}`, serviceId: service.id, revision: service.revision, spec, networkIds },
    node: slot === 0 ? view.table("node").get(nodeId) : undefined,
    ...{ slot, name: slotName(view, service.name, { slot, nodeId }) },
  }));
}

/** The first tasks that would be replaced, beside the ones they replace; `nodes` are as before afterwards. */
export function firstExtras(view: View, change: Change, nodes: NodeSet, nowMs: number): readonly PlannedPlacement[] {
  const { service, spec, between } = change;
  const { parallelism } = updateOf(spec, isRollingBack(service));
  const first = between.replaced.slice(0, parallelism === 0 ? placedMax : Math.min(parallelism, placedMax));
  const tasks = toPlace(view, change, first);
  const placements = place(view, tasks, { nodes, leaving: between.removed.map(({ id }) => id), nowMs });
  for (const { taskId } of tasks) nodes.vacate(taskId);
  return placements;
}

export type Unplaced = PlannedPlacement & { readonly nodeId: undefined };

export function isUnplaced(placement: PlannedPlacement): placement is Unplaced {
  return placement.nodeId === undefined;
}

export function networkIdsOf(view: View, spec: ServiceSpec): readonly string[] {
  const table = view.table("network");
  return (spec.task?.networks ?? []).map(({ target }) => table.get(target)?.id ?? target);
}
