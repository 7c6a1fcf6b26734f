// A binary heap of nodes with the best on top.

import type { NodeInfo } from "./node-info.js";

export type Order = (a: NodeInfo, b: NodeInfo) => number;

export class NodeHeap {
  readonly #order: Order;
  readonly #items: NodeInfo[];

  constructor(order: Order, items: readonly NodeInfo[]) {
    this.#order = order;
    // A sorted array is a heap.
    this.#items = items.length === 0 ? [] : [...items].sort(order);
  }

  peek(): NodeInfo | undefined {
    return this.#items[0];
  }

  push(info: NodeInfo): void {
    const items = this.#items;
    let at = items.length;
    while (at > 0) {
      const parentAt = (at - 1) >> 1;
      const parent = items[parentAt];
      if (parent === undefined || this.#order(parent, info) <= 0) break;
      items[at] = parent;
      at = parentAt;
    }
    items[at] = info;
  }

  pop(): NodeInfo | undefined {
    const items = this.#items;
    const top = items[0];
    const last = items.pop();
    if (top === undefined || last === undefined || items.length === 0) return top;
    let at = 0;
    for (;;) {
      const childAt = this.#betterChild(at);
      const child = items[childAt];
      if (child === undefined || this.#order(last, child) <= 0) break;
      items[at] = child;
      at = childAt;
    }
    items[at] = last;
    return top;
  }

  #betterChild(at: number): number {
    const left = this.#items[2 * at + 1];
    const right = this.#items[2 * at + 2];
    return left !== undefined && right !== undefined && this.#order(right, left) < 0 ? 2 * at + 2 : 2 * at + 1;
  }
}
