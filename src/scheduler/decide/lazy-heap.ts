// Nodes with the best on top, sorted by what was true when each was last looked at. Placing a task only makes a node worse,
// so a node that comes to the top is looked at again and sinks to where it belongs; one that got better must be told.

import type { NodeInfo } from "./node-info.js";

interface Entry {
  readonly info: NodeInfo;
  readonly idOrder: number;
  /** Where it stands in the heap. */
  at: number;
  /** The node's stamp when these were true. */
  stamp: number;
  count: number;
  total: number;
  score: number;
}

export class LazyHeap {
  readonly #passes: (info: NodeInfo) => boolean;
  /** Counts tasks of this service first; undefined: no node here is known to hold any. */
  readonly #serviceId: string | undefined;
  readonly #items: Entry[] = [];
  readonly #entries = new Map<NodeInfo, Entry>();

  constructor(passes: (info: NodeInfo) => boolean, serviceId: string | undefined) {
    this.#passes = passes;
    this.#serviceId = serviceId;
  }

  get size(): number {
    return this.#items.length;
  }

  /** A node that is new here or may have become better: it is in afterwards if it passes. */
  update(info: NodeInfo): void {
    const known = this.#entries.get(info);
    if (!this.#passes(info)) {
      if (known) this.#remove(known);
      return;
    }
    const entry = known ?? this.#append(info);
    this.#refresh(entry);
    this.#rise(entry);
    this.#sink(entry);
  }

  remove(info: NodeInfo): void {
    const entry = this.#entries.get(info);
    if (entry) this.#remove(entry);
  }

  /** The best node as things are now. */
  peek(): NodeInfo | undefined {
    for (;;) {
      const top = this.#items[0];
      if (top === undefined || top.stamp === top.info.stamp) return top?.info;
      if (this.#passes(top.info)) {
        this.#refresh(top);
        this.#sink(top);
      } else this.#remove(top);
    }
  }

  #append(info: NodeInfo): Entry {
    const entry = { info, idOrder: info.idOrder, at: this.#items.length, stamp: 0, count: 0, total: 0, score: 0 };
    this.#items.push(entry);
    this.#entries.set(info, entry);
    return entry;
  }

  #refresh(entry: Entry): void {
    const { info } = entry;
    entry.stamp = info.stamp;
    entry.count = this.#serviceId === undefined ? 0 : info.countOf(this.#serviceId);
    entry.total = info.total;
    entry.score = info.freeScore;
  }

  #remove(entry: Entry): void {
    this.#entries.delete(entry.info);
    const last = this.#items.pop();
    if (last === undefined || last === entry) return;
    this.#put(last, entry.at);
    this.#rise(last);
    this.#sink(last);
  }

  #rise(entry: Entry): void {
    const items = this.#items;
    let at = entry.at;
    while (at > 0) {
      const parentAt = (at - 1) >> 1;
      const parent = items[parentAt];
      if (parent === undefined || isBetter(parent, entry)) break;
      this.#put(parent, at);
      at = parentAt;
    }
    this.#put(entry, at);
  }

  #sink(entry: Entry): void {
    const items = this.#items;
    let at = entry.at;
    for (;;) {
      const left = items[2 * at + 1];
      if (left === undefined) break;
      const right = items[2 * at + 2];
      const child = right !== undefined && isBetter(right, left) ? right : left;
      if (isBetter(entry, child)) break;
      const childAt = child.at;
      this.#put(child, at);
      at = childAt;
    }
    this.#put(entry, at);
  }

  #put(entry: Entry, at: number): void {
    this.#items[at] = entry;
    entry.at = at;
  }
}

/** Fewest tasks of the service, fewest tasks, most free; then the id, so that nothing is left to chance. */
function isBetter(a: Entry, b: Entry): boolean {
  if (a.count !== b.count) return a.count < b.count;
  if (a.total !== b.total) return a.total < b.total;
  if (a.score !== b.score) return a.score > b.score;
  if (a.idOrder !== b.idOrder) return a.idOrder < b.idOrder;
  return a.info.id < b.info.id;
}
