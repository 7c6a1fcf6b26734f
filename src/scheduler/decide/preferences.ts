// Placement preferences: a tree with one level per label to spread over. Each task goes down the branches that hold the
// fewest tasks of its service, counted over all nodes, suitable or not (swarm-semantics §5.4).

import type { Node } from "../../gen/skep/v1/objects.js";
import { type Ask, type Candidates, passesAll, preference } from "./candidates.js";
import { NodeHeap, type Order } from "./heap.js";
import type { NodeInfo } from "./node-info.js";
import type { NodeSet } from "./node-set.js";

export class SpreadCandidates implements Candidates {
  readonly #spread: readonly string[];
  readonly #order: Order;
  readonly #root: Branch;

  constructor(set: NodeSet, ask: Ask) {
    this.#spread = ask.needs.spread;
    this.#order = preference(ask);
    this.#root = new Branch(this.#order);
    for (const info of set.all()) {
      const path = this.#pathTo(info);
      const count = info.countOf(ask.serviceId);
      for (const branch of path) branch.count += count;
      if (passesAll(info, ask)) path.at(-1)?.nodes.push(info);
    }
  }

  peek(): NodeInfo | undefined {
    return this.#root.best()?.info;
  }

  take(): NodeInfo | undefined {
    const best = this.#root.best();
    best?.leaf.nodes.pop();
    // It may not come back: what is placed on it is counted when it does, or here.
    if (best) for (const branch of this.#pathTo(best.info)) branch.count += 1;
    return best?.info;
  }

  giveBack(info: NodeInfo): void {
    this.#pathTo(info).at(-1)?.nodes.push(info);
  }

  /** The branches from the root to the leaf a node belongs to. */
  #pathTo(info: NodeInfo): readonly Branch[] {
    const path = [this.#root];
    for (const descriptor of this.#spread) {
      const parent = path.at(-1);
      if (parent) path.push(parent.child(labelOf(info.node, descriptor)));
    }
    return path;
  }
}

class Branch {
  /** Tasks of the service underneath. */
  count = 0;
  /** At a leaf: the nodes that can take one more. */
  readonly nodes: NodeHeap;
  readonly #order: Order;
  readonly #children = new Map<string, Branch>();

  constructor(order: Order) {
    this.#order = order;
    this.nodes = new NodeHeap(order, []);
  }

  child(value: string): Branch {
    const known = this.#children.get(value);
    if (known) return known;
    const made = new Branch(this.#order);
    this.#children.set(value, made);
    return made;
  }

  /** The best node of the emptiest branch that still has one; among equal branches the one with the better node. */
  best(): { readonly info: NodeInfo; readonly leaf: Branch } | undefined {
    if (this.#children.size === 0) {
      const info = this.nodes.peek();
      return info && { info, leaf: this };
    }
    let found: { readonly info: NodeInfo; readonly leaf: Branch; readonly count: number } | undefined;
    for (const child of this.#children.values()) {
      if (found !== undefined && child.count > found.count) continue;
      const best = child.best();
      if (best === undefined) continue;
      const isBetter = found === undefined || child.count < found.count || this.#order(best.info, found.info) < 0;
      if (isBetter) found = { ...best, count: child.count };
    }
    return found;
  }
}

/** The value of a `node.labels.x` or `engine.labels.x` descriptor; the prefix without regard to case, absent is "". */
function labelOf(node: Node, descriptor: string): string {
  const [area = "", , ...key] = descriptor.split(".");
  const labels = area.toLowerCase() === "node" ? node.spec?.annotations?.labels : node.description?.engine?.labels;
  return labels?.[key.join(".")] ?? "";
}
