// Chooses nodes for the tasks of one group: each task goes to the node that is best at that moment.

import type { GenericResource } from "../../gen/skep/v1/specs.js";
import { claimGeneric } from "../../model/index.js";
import { type Ask, type Candidates, passesAll, RankedCandidates } from "./candidates.js";
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
  const ask: Ask = { needs, serviceId, key, filters, nowMs };
  const candidates: Candidates =
    needs.spread.length > 0 ? new SpreadCandidates(set, ask) : new RankedCandidates(set, ask);
  const placements: Placement[] = [];
  const used = new Set<NodeInfo>();
  for (const taskId of taskIds) {
    const info = candidates.take();
    if (info === undefined) break;
    const generic = needs.generic.length === 0 ? none : claimGeneric(info.freeGeneric, needs.generic).claimed;
    set.occupy(info, { taskId, serviceId, needs, generic, isActive: true }, { ranks: false });
    placements.push({ taskId, info, generic });
    used.add(info);
    if (passesAll(info, ask)) candidates.giveBack(info);
  }
  set.rank(used);
  return placements;
}

const none: readonly GenericResource[] = [];
