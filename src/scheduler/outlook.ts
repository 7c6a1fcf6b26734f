// What would happen, without doing it: why nodes refuse a task, and where tasks that do not exist yet would go. Pure.

import type { Node, Task } from "../gen/skep/v1/objects.js";
import type { ServiceSpec } from "../gen/skep/v1/specs.js";
import { isOnNode, isWanted } from "../model/index.js";
import { revisionId, taskSpecOf, type View } from "../store/index.js";
import { ClusterState } from "./cluster.js";
import { activeFilters, countRefusals, explain, type RefusalCount } from "./decide/filters.js";
import { type Asked, type Needs, needsOf } from "./decide/needs.js";
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

/**
 * One node with what occupies it now: looks only at its own tasks. `known`: what revisions ask, kept by whoever looks at
 * several nodes.
 */
export function nodeInfoOf(view: View, node: Node, known: Map<string, Needs> = new Map()): NodeInfo {
  const info = new NodeInfo(node);
  for (const task of view.table("task").by("node", node.id)) {
    const { id: taskId, serviceId, assignedGeneric: generic } = task;
    if (!isOnNode(task)) continue;
    const key = revisionId(serviceId, task.revision);
    const needs = known.get(key) ?? askedByTask(view, task).needs;
    known.set(key, needs);
    info.add({ taskId, serviceId, needs, generic, isActive: isWanted(task) });
  }
  return info;
}

/** All nodes with what occupies them and what failed there of late: looks at every node and task, so not once per event. */
export function nodeSetOf(view: View, nowMs: number): NodeSet {
  const steps = nodeSetBySteps(view, nowMs);
  for (;;) {
    const { done, value } = steps.next();
    if (done) return value;
  }
}

/** The same, a few rows between two steps; what changes meanwhile may be in it or not. */
export function* nodeSetBySteps(view: View, nowMs: number): Generator<void, NodeSet> {
  const cluster = new ClusterState(view);
  let seen = 0;
  for (const _ of cluster.rebuild(nowMs)) if (++seen % stepRows === 0) yield;
  return cluster.nodes;
}

/** Rows looked at in one step. */
const stepRows = 256;

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
 * under stop-first. Writes nothing; what the scheduler does may differ if the cluster changes meanwhile. `nodes`, if given,
 * are left with the tasks on them.
 */
export function planPlacement(
  view: View,
  tasks: readonly PlannedTask[],
  options: { readonly nowMs: number; readonly leaving?: Iterable<string>; readonly nodes?: NodeSet },
): readonly PlannedPlacement[] {
  const nodes = options.nodes ?? nodeSetOf(view, options.nowMs);
  for (const taskId of options.leaving ?? []) nodes.vacate(taskId);
  return alike(tasks).flatMap((run) => placeRun(view, run, nodes, options.nowMs));
}

/** Neighbours that ask the same, so that one look at the nodes serves them all. */
function alike(tasks: readonly PlannedTask[]): readonly (readonly PlannedTask[])[] {
  const runs: PlannedTask[][] = [];
  for (const task of tasks) {
    const run = runs.at(-1);
    const [first] = run ?? [];
    const isAlike = first?.spec === task.spec && first.serviceId === task.serviceId && first.revision === task.revision;
    if (isAlike) run?.push(task);
    else runs.push([task]);
  }
  return runs;
}

function placeRun(view: View, run: readonly PlannedTask[], nodes: NodeSet, nowMs: number): readonly PlannedPlacement[] {
  const [first] = run;
  if (first === undefined) return [];
  const asked = askedBy(view, first.serviceId, first.spec, first.networkIds);
  const key = revisionId(first.serviceId, first.revision);
  const group = { ...asked, key, filters: activeFilters(asked.needs) };
  const ids = run.map(({ taskId }) => taskId);
  const placed = place(nodes, group, ids, nowMs).map(({ taskId, info }) => ({ taskId, nodeId: info.id }));
  if (placed.length === run.length) return placed;
  const refused = countRefusals(nodes.all(), asked);
  const reason = explain(refused);
  return [...placed, ...ids.slice(placed.length).map((taskId) => ({ taskId, nodeId: undefined, reason, refused }))];
}
