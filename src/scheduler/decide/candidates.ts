// The nodes that may take a group's next task, best first; while tasks are placed, each node that was used comes back
// with its new counts.

import type { Filter } from "./filters.js";
import { NodeHeap, type Order } from "./heap.js";
import type { Needs } from "./needs.js";
import type { NodeInfo } from "./node-info.js";
import type { NodeSet } from "./node-set.js";

export interface Candidates {
  peek(): NodeInfo | undefined;
  /** Takes the best node out. */
  take(): NodeInfo | undefined;
  /** A node that was taken, used, and still passes. */
  giveBack(info: NodeInfo): void;
}

/** What is asked of candidates: the tasks of one revision of one service. */
export interface Ask {
  readonly needs: Needs;
  readonly serviceId: string;
  /** Service and revision: what failures are counted by. */
  readonly key: string;
  readonly filters: readonly Filter[];
  readonly nowMs: number;
}

export function passesAll(info: NodeInfo, ask: Pick<Ask, "needs" | "serviceId" | "filters">): boolean {
  for (const filter of ask.filters) if (!filter.passes(info, ask)) return false;
  return true;
}

/**
 * Better first (swarm-semantics §5.4): fewer failures where there were many, fewer tasks of this service, fewer tasks in
 * all; then, ours, more free resources; then the id, so that nothing is left to chance.
 */
export function preference(ask: Ask): Order {
  const { serviceId, key, nowMs } = ask;
  return (a, b) =>
    a.penalty(key, nowMs) - b.penalty(key, nowMs) ||
    a.countOf(serviceId) - b.countOf(serviceId) ||
    a.total - b.total ||
    b.freeScore - a.freeScore ||
    (a.id < b.id ? -1 : 1);
}

/**
 * All nodes alike. Only those that hold tasks of the service, or saw them fail, are sorted here; the others come from the
 * ranking as far as they are needed. So placing a few tasks does not look at every node.
 */
export class RankedCandidates implements Candidates {
  readonly #ask: Ask;
  readonly #order: Order;
  readonly #special: ReadonlySet<NodeInfo>;
  readonly #used: NodeHeap;
  readonly #ranked: Iterator<NodeInfo>;
  #next: NodeInfo | undefined;

  constructor(set: NodeSet, ask: Ask) {
    this.#ask = ask;
    this.#order = preference(ask);
    const special = set.special(ask.serviceId, ask.key);
    // A copy: placing tasks adds nodes to the set's own.
    this.#special = special.size === 0 ? special : new Set(special);
    this.#used = new NodeHeap(
      this.#order,
      [...this.#special].filter((info) => passesAll(info, ask)),
    );
    this.#ranked = set.bestFirst()[Symbol.iterator]();
    this.#advance();
  }

  peek(): NodeInfo | undefined {
    const used = this.#used.peek();
    const next = this.#next;
    if (used === undefined || next === undefined) return used ?? next;
    return this.#order(used, next) < 0 ? used : next;
  }

  take(): NodeInfo | undefined {
    const best = this.peek();
    if (best !== undefined && best === this.#next) this.#advance();
    else this.#used.pop();
    return best;
  }

  giveBack(info: NodeInfo): void {
    this.#used.push(info);
  }

  #advance(): void {
    for (;;) {
      const { value, done } = this.#ranked.next();
      this.#next = done ? undefined : value;
      if (done || (!this.#special.has(value) && passesAll(value, this.#ask))) return;
    }
  }
}
