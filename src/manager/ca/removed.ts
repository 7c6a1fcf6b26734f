// Which nodes were removed: looked up at every call between nodes, so the list is turned into a set once per change.

import type { RemovedNode } from "../../gen/skep/v1/objects.js";
import type { Store } from "../../store/index.js";

export class RemovedNodes {
  readonly #store: Store;
  #list: readonly RemovedNode[] | undefined;
  #ids: ReadonlySet<string> = new Set();

  constructor(store: Store) {
    this.#store = store;
  }

  /** True for a node that was removed, until its last certificate has run out. */
  has(nodeId: string): boolean {
    const list = this.#store.cluster?.removedNodes;
    if (list !== this.#list) {
      this.#list = list;
      this.#ids = new Set(list?.map((removed) => removed.nodeId));
    }
    return this.#ids.has(nodeId);
  }
}
