// Chooses nodes for the tasks of one group: each task goes to the node that is best at that moment.

import type { GenericResource } from "../../gen/skep/v1/specs.js";
import { claimGeneric } from "../../model/index.js";
import { type Candidates, type Leaves, openLeaves, passesAll } from "./candidates.js";
import type { Filter } from "./filters.js";
import type { Needs } from "./needs.js";
import type { NodeInfo } from "./node-info.js";
import type { NodeSet } from "./node-set.js";
import { SpreadCandidates } from "./preferences.js";

export interface Group {
  readonly serviceId: string;
  /** Service and revision. */
  readonly key: string;
  readonly needs: Needs;
  /** Those of `needs` that have something to check. */
  readonly filters: readonly Filter[];
}

export interface Placement {
  readonly taskId: string;
  readonly info: NodeInfo;
  readonly generic: readonly GenericResource[];
}

/**
 * Places as many of `taskIds` as nodes can take, in order, and counts them on their nodes at once. What is missing in the
 * result found no node.
 */
export function place(set: NodeSet, group: Group, taskIds: Iterable<string>, nowMs: number): readonly Placement[] {
  const { needs, serviceId, key, filters } = group;
  const leaves = openLeaves(set, { needs, serviceId, key, filters, nowMs });
  const candidates = needs.spread.length === 0 ? leaves.byPath.get("") : spreadOver(set, group, leaves);
  const placements: Placement[] = [];
  for (const taskId of taskIds) {
    const info = candidates?.take();
    if (info === undefined) break;
    placements.push(putOn(set, group, taskId, info));
    if (passesAll(info, group)) candidates?.giveBack(info);
  }
  leaves.close();
  return placements;
}

/**
 * The same for one task that takes the place of another: beside it on its node, where only the limit of replicas per node
 * refuses it, because the one that goes still counts. Else a start-first update of a full service would wait for ever.
 */
export function placeBeside(set: NodeSet, group: Group, taskId: string, replacedId: string): Placement | undefined {
  const info = set.placeOf(replacedId);
  const replaced = info?.occupants.get(replacedId);
  if (info === undefined || !replaced?.isActive || replaced.serviceId !== group.serviceId) return undefined;
  if (info.countOf(group.serviceId) > group.needs.maxReplicas) return undefined;
  const others = group.filters.filter((filter) => filter.name !== "max replicas");
  return passesAll(info, { ...group, filters: others }) ? putOn(set, group, taskId, info) : undefined;
}

function spreadOver(set: NodeSet, { needs, serviceId }: Group, leaves: Leaves): Candidates {
  return new SpreadCandidates(leaves, needs.spread, serviceId, set.holders(serviceId));
}

/** Counts the task on its node at once. */
function putOn(set: NodeSet, { needs, serviceId }: Group, taskId: string, info: NodeInfo): Placement {
  const generic = needs.generic.length === 0 ? none : claimGeneric(info.freeGeneric, needs.generic).claimed;
  set.occupy(info, { taskId, serviceId, needs, generic, isActive: true });
  return { taskId, info, generic };
}

const none: readonly GenericResource[] = [];
