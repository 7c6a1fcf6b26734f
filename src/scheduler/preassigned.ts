// Tasks whose node was chosen when they were made (global services, global jobs): the scheduler only confirms that the
// node takes them, and asks again only when that node changed (swarm-semantics §5.5).

import { claimGeneric } from "../model/index.js";
import { passesAll } from "./decide/candidates.js";
import { countRefusals, explainBare } from "./decide/filters.js";
import type { NodeSet } from "./decide/node-set.js";
import type { Group, Placement } from "./decide/place.js";

/** What became of one of them. */
export interface Confirmed {
  readonly placement: Placement;
  readonly group: Group;
}

export interface Refused {
  readonly taskId: string;
  readonly reason: string;
}

export class Preassigned {
  /** Waiting tasks by node, in the order they came. */
  readonly #byNode = new Map<string, Map<string, Group>>();
  readonly #nodeOf = new Map<string, string>();
  /** Nodes to try: a task came, or they changed. */
  readonly #hungry = new Set<string>();

  get size(): number {
    return this.#nodeOf.size;
  }

  get hasHungry(): boolean {
    return this.#hungry.size > 0;
  }

  add(taskId: string, nodeId: string, make: () => Group): void {
    if (this.#nodeOf.has(taskId)) return;
    const tasks = this.#byNode.get(nodeId) ?? new Map<string, Group>();
    this.#byNode.set(nodeId, tasks.set(taskId, make()));
    this.#nodeOf.set(taskId, nodeId);
    this.#hungry.add(nodeId);
  }

  delete(taskId: string): void {
    const nodeId = this.#nodeOf.get(taskId);
    if (nodeId === undefined) return;
    this.#nodeOf.delete(taskId);
    const tasks = this.#byNode.get(nodeId);
    tasks?.delete(taskId);
    if (tasks?.size === 0) this.#byNode.delete(nodeId);
  }

  clear(): void {
    this.#byNode.clear();
    this.#nodeOf.clear();
    this.#hungry.clear();
  }

  /** The node changed: its tasks are asked for again. */
  wake(nodeId: string): void {
    if (this.#byNode.has(nodeId)) this.#hungry.add(nodeId);
  }

  /**
   * Asks about `budget` nodes at most. What is confirmed is counted on its node at once; a node nobody knows is asked
   * again when it appears.
   */
  decide(
    nodes: NodeSet,
    budget: number,
  ): { readonly confirmed: readonly Confirmed[]; readonly refused: readonly Refused[] } {
    const confirmed: Confirmed[] = [];
    const refused: Refused[] = [];
    let asked = 0;
    for (const nodeId of this.#hungry) {
      if (asked >= budget) break;
      asked += 1;
      this.#hungry.delete(nodeId);
      const info = nodes.get(nodeId);
      if (info === undefined) continue;
      for (const [taskId, group] of [...(this.#byNode.get(nodeId) ?? [])]) {
        const { needs, serviceId } = group;
        if (!passesAll(info, group)) {
          refused.push({ taskId, reason: explainBare(countRefusals([info], group)) });
          continue;
        }
        const generic = needs.generic.length === 0 ? [] : claimGeneric(info.freeGeneric, needs.generic).claimed;
        nodes.occupy(info, { taskId, serviceId, needs, generic, isActive: true });
        confirmed.push({ placement: { taskId, info, generic }, group });
        this.delete(taskId);
      }
    }
    return { confirmed, refused };
  }
}
