// The nodes that may take a group's next task, best first; while tasks are placed, each node that was used comes back
// with its new counts.

import { spreadPath } from "../../model/index.js";
import { NodeHeap, type Order } from "./heap.js";
import type { LazyHeap } from "./lazy-heap.js";
import { pathSeparator } from "./node-index.js";
import type { NodeInfo } from "./node-info.js";
import type { IndexAsk, NodeSet } from "./node-set.js";

export interface Candidates {
  peek(): NodeInfo | undefined;
  /** Takes the best node out. */
  take(): NodeInfo | undefined;
  /** A node that was taken, used, and still passes. */
  giveBack(info: NodeInfo): void;
}

export interface Ask extends IndexAsk {
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
export function preference(serviceId: string, penalties: ReadonlyMap<NodeInfo, number>): Order {
  const byCounts: Order = (a, b) =>
    a.countOf(serviceId) - b.countOf(serviceId) ||
    a.total - b.total ||
    b.freeScore - a.freeScore ||
    (a.id < b.id ? -1 : 1);
  if (penalties.size === 0) return byCounts;
  return (a, b) => (penalties.get(a) ?? 0) - (penalties.get(b) ?? 0) || byCounts(a, b);
}

/** All candidates of a group, by the place in the tree of its preferences: one place under "" where it has none. */
export interface Leaves {
  readonly order: Order;
  readonly byPath: ReadonlyMap<string, Leaf>;
  /** Gives the indexes back what was taken from them. */
  close(): void;
}

/**
 * Finds them without looking at all nodes: few nodes one by one; else those that hold tasks of the service, or saw them
 * fail, one by one and the others from the index, as far as they are needed.
 */
export function openLeaves(set: NodeSet, ask: Ask): Leaves {
  while (!set.prepare(ask, Number.POSITIVE_INFINITY));
  const penalties = set.failures.penalties(ask.key, ask.nowMs);
  const order = preference(ask.serviceId, penalties);
  const few = set.few(ask.needs);
  const index = few === undefined ? set.index(ask) : undefined;
  const special = few ?? specialNodes(set, ask, penalties);
  const looked = lookAt(special, ask);
  const byPath = new Map<string, Leaf>();
  for (const path of new Set([...(index?.leaves.keys() ?? []), ...looked.keys()])) {
    byPath.set(path, new Leaf(order, looked.get(path) ?? none, index?.leaves.get(path), special));
  }
  return { order, byPath, close: () => byPath.forEach((leaf) => leaf.close()) };
}

const none: readonly NodeInfo[] = [];
const nobody: ReadonlySet<NodeInfo> = new Set();

/** Nodes that stand elsewhere for these tasks than for others. A copy: placing tasks adds to the set's own. */
function specialNodes(set: NodeSet, ask: Ask, penalties: ReadonlyMap<NodeInfo, number>): ReadonlySet<NodeInfo> {
  const holders = set.ownsIndex(ask.serviceId) ? nobody : set.holders(ask.serviceId);
  if (penalties.size === 0) return holders.size === 0 ? nobody : new Set(holders);
  return new Set([...holders, ...penalties.keys()]);
}

/** Those that pass, by their place. */
function lookAt(infos: ReadonlySet<NodeInfo>, ask: Ask): ReadonlyMap<string, readonly NodeInfo[]> {
  const byPath = new Map<string, NodeInfo[]>();
  for (const info of infos) {
    if (!passesAll(info, ask)) continue;
    const path = spreadPath(info.node, ask.needs.spread).join(pathSeparator);
    const nodes = byPath.get(path);
    if (nodes) nodes.push(info);
    else byPath.set(path, [info]);
  }
  return byPath;
}

/** The candidates at one place: some sorted here, the others from an index. */
export class Leaf implements Candidates {
  readonly #order: Order;
  readonly #sorted: NodeHeap;
  readonly #indexed: LazyHeap | undefined;
  /** Nodes that only count where they are sorted. */
  readonly #special: ReadonlySet<NodeInfo>;
  /** Taken from the index here: they too are sorted from now on. */
  #taken: Set<NodeInfo> | undefined;
  /** Out of the index until it is given back. */
  #aside: NodeInfo[] | undefined;

  constructor(
    order: Order,
    sorted: readonly NodeInfo[],
    indexed: LazyHeap | undefined,
    special: ReadonlySet<NodeInfo>,
  ) {
    this.#order = order;
    this.#sorted = new NodeHeap(order, sorted);
    this.#indexed = indexed;
    this.#special = special;
  }

  peek(): NodeInfo | undefined {
    const used = this.#sorted.peek();
    const next = this.#nextIndexed();
    if (used === undefined || next === undefined) return used ?? next;
    return this.#order(used, next) < 0 ? used : next;
  }

  take(): NodeInfo | undefined {
    const best = this.peek();
    if (best === undefined) return undefined;
    if (best === this.#sorted.peek()) this.#sorted.pop();
    else this.#taken = (this.#taken ?? new Set<NodeInfo>()).add(best);
    return best;
  }

  giveBack(info: NodeInfo): void {
    this.#sorted.push(info);
  }

  close(): void {
    for (const info of this.#aside ?? none) this.#indexed?.update(info);
  }

  /** What is placed on the best node makes it sink in the index; only if it stays on top it must be put aside. */
  #nextIndexed(): NodeInfo | undefined {
    for (;;) {
      const next = this.#indexed?.peek();
      if (next === undefined || !(this.#special.has(next) || this.#taken?.has(next))) return next;
      this.#indexed?.remove(next);
      this.#aside ??= [];
      this.#aside.push(next);
    }
  }
}
