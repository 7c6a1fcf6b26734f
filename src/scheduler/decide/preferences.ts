// Placement preferences: a tree with one level per label to spread over. Each task goes down the branches that hold the
// fewest tasks of its service, counted over all nodes, suitable or not (swarm-semantics §5.4).

import { spreadPath } from "../../model/index.js";
import type { Candidates, Leaf, Leaves } from "./candidates.js";
import type { Order } from "./heap.js";
import { pathSeparator } from "./node-index.js";
import type { NodeInfo } from "./node-info.js";

export class SpreadCandidates implements Candidates {
  readonly #spread: readonly string[];
  readonly #root: Branch;

  /** `holders`: the nodes with tasks of the service. */
  constructor(leaves: Leaves, spread: readonly string[], serviceId: string, holders: Iterable<NodeInfo>) {
    this.#spread = spread;
    this.#root = new Branch(leaves.order);
    for (const [path, leaf] of leaves.byPath) this.#path(path.split(pathSeparator)).at(-1)?.become(leaf);
    for (const info of holders) {
      const count = info.countOf(serviceId);
      for (const branch of this.#pathTo(info)) branch.count += count;
    }
  }

  peek(): NodeInfo | undefined {
    return this.#root.best()?.info;
  }

  take(): NodeInfo | undefined {
    const best = this.#root.best();
    best?.leaf.take();
    if (best) for (const branch of this.#pathTo(best.info)) branch.count += 1;
    return best?.info;
  }

  giveBack(info: NodeInfo): void {
    this.#pathTo(info).at(-1)?.leaf?.giveBack(info);
  }

  #pathTo(info: NodeInfo): readonly Branch[] {
    return this.#path(spreadPath(info.node, this.#spread));
  }

  /** The branches from the root to the place with these values. */
  #path(values: readonly string[]): readonly Branch[] {
    const path = [this.#root];
    let branch = this.#root;
    for (const value of values) {
      branch = branch.child(value);
      path.push(branch);
    }
    return path;
  }
}

class Branch {
  /** Tasks of the service underneath. */
  count = 0;
  /** Where the tree ends: the nodes there that can take one more. */
  leaf: Leaf | undefined;
  readonly #order: Order;
  readonly #children = new Map<string, Branch>();

  constructor(order: Order) {
    this.#order = order;
  }

  become(leaf: Leaf): void {
    this.leaf = leaf;
  }

  child(value: string): Branch {
    const known = this.#children.get(value);
    if (known) return known;
    const made = new Branch(this.#order);
    this.#children.set(value, made);
    return made;
  }

  /** The best node of the emptiest branch that still has one; among equal branches the one with the better node. */
  best(): { readonly info: NodeInfo; readonly leaf: Leaf } | undefined {
    const info = this.leaf?.peek();
    if (info !== undefined && this.leaf !== undefined) return { info, leaf: this.leaf };
    let found: { readonly info: NodeInfo; readonly leaf: Leaf; readonly count: number } | undefined;
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
