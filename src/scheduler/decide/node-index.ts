// The nodes that fit one class of needs, best first, kept up while they change. Made once for all services that ask the
// same; a node that is refused is not in it until something there changes, so nobody stumbles over it again.

import { spreadPath } from "../../model/index.js";
import type { Journal } from "./journal.js";
import { LazyHeap } from "./lazy-heap.js";
import type { NodeInfo } from "./node-info.js";

export interface IndexOptions {
  readonly passes: (info: NodeInfo) => boolean;
  /** For the tasks of one service alone: its own tasks count first. */
  readonly serviceId: string | undefined;
  /** Label descriptors to spread over; each value has its own heap. */
  readonly spread: readonly string[];
}

export class NodeIndex {
  /** Heaps by the values of the spread labels; one under "" where nothing is spread. */
  readonly leaves = new Map<string, LazyHeap>();
  /** Grows with each use of any index: the smallest is the one not used for longest. */
  usedAt = 0;
  readonly #options: IndexOptions;
  readonly #journal: Journal;
  readonly #source: () => Iterable<NodeInfo>;
  /** Where each node is, where there is more than one place. */
  readonly #leafOf = new Map<NodeInfo, string>();
  #unseen: Iterator<NodeInfo> | undefined;
  #read = 0;

  /** `source`: all nodes that could pass. */
  constructor(options: IndexOptions, journal: Journal, source: () => Iterable<NodeInfo>) {
    this.#options = options;
    this.#journal = journal;
    this.#source = source;
    this.#begin();
  }

  get size(): number {
    let size = 0;
    for (const heap of this.leaves.values()) size += heap.size;
    return size;
  }

  /** Looks at no more than `budget` nodes; true once it knows of every change. */
  prepare(budget: number): boolean {
    let left = budget;
    while (this.#unseen !== undefined) {
      if (left-- <= 0) return false;
      const { value, done } = this.#unseen.next();
      if (done) this.#unseen = undefined;
      else this.update(value);
    }
    while (this.#read < this.#journal.end) {
      if (left-- <= 0) return false;
      const info = this.#journal.at(this.#read);
      if (info === undefined) {
        this.#begin();
        return this.prepare(left);
      }
      this.#read += 1;
      this.update(info);
    }
    return true;
  }

  /** A node that may have become better, or was taken out. */
  update(info: NodeInfo): void {
    const leaf = this.#options.spread.length === 0 ? "" : this.#leafFor(info);
    this.#heap(leaf).update(info);
  }

  #begin(): void {
    this.leaves.clear();
    this.#leafOf.clear();
    this.#read = this.#journal.end;
    this.#unseen = this.#source()[Symbol.iterator]();
  }

  #leafFor(info: NodeInfo): string {
    const leaf = spreadPath(info.node, this.#options.spread).join(pathSeparator);
    const known = this.#leafOf.get(info);
    if (known !== undefined && known !== leaf) this.#heap(known).remove(info);
    this.#leafOf.set(info, leaf);
    return leaf;
  }

  #heap(leaf: string): LazyHeap {
    const known = this.leaves.get(leaf);
    if (known) return known;
    const made = new LazyHeap(this.#options.passes, this.#options.serviceId);
    this.leaves.set(leaf, made);
    return made;
  }
}

/** Between the values of a leaf's path; no label holds it. */
export const pathSeparator = "\0";
