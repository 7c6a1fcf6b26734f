// Which nodes changed to somebody's advantage, in order: whoever keeps nodes sorted reads on from where it stopped. What
// only got worse is not here; a heap finds that out when it comes to its top.

import type { NodeInfo } from "./node-info.js";

/** Entries kept at least; more in a large cluster, as many as it has nodes. */
const keptMin = 1_000;

export class Journal {
  #nodes: NodeInfo[] = [];
  #start = 0;

  get end(): number {
    return this.#start + this.#nodes.length;
  }

  /** `size`: nodes in the cluster. A reader that is further behind than that looks at them all again. */
  add(info: NodeInfo, size: number): void {
    this.#nodes.push(info);
    const kept = Math.max(keptMin, size);
    if (this.#nodes.length <= 2 * kept) return;
    const dropped = this.#nodes.length - kept;
    this.#start += dropped;
    this.#nodes = this.#nodes.slice(dropped);
  }

  /** The node at a position; undefined: it is not kept any more, or not there yet. */
  at(position: number): NodeInfo | undefined {
    return this.#nodes[position - this.#start];
  }
}
