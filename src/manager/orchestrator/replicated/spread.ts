// Which replicas go when there are too many and the service spreads over labels: the ones that leave what stays as even as
// it can be, at each level of its placement preferences (swarm-semantics §12.9: Docker's choice ignores them).

import type { Slot } from "./slots.js";

/**
 * The `count` slots to remove. `kept`: all of them, the ones to keep first. `placeOf`: a node's values for the labels,
 * outermost first; undefined for one that is gone. What is on no single node goes first.
 */
export function surplus(
  kept: readonly Slot[],
  count: number,
  placeOf: (nodeId: string) => readonly string[] | undefined,
): readonly Slot[] {
  const root = new Branch();
  const nowhere: Slot[] = [];
  kept.forEach((slot, at) => {
    const [task, ...others] = slot.replica;
    const place = task === undefined || others.length > 0 ? undefined : placeOf(task.nodeId);
    if (place === undefined) nowhere.push(slot);
    else root.add(slot, at, place);
  });
  const removed = nowhere.reverse().slice(0, count);
  while (removed.length < count) {
    const slot = root.take();
    if (slot === undefined) break;
    removed.push(slot);
  }
  return removed;
}

class Branch {
  #size = 0;
  readonly #children = new Map<string, Branch>();
  /** Where the tree ends: slots with their place in the order of keeping. */
  readonly #slots: { readonly slot: Slot; readonly at: number }[] = [];

  add(slot: Slot, at: number, [value, ...rest]: readonly string[]): void {
    this.#size += 1;
    if (value === undefined) {
      this.#slots.push({ slot, at });
      return;
    }
    const child = this.#children.get(value) ?? new Branch();
    this.#children.set(value, child);
    child.add(slot, at, rest);
  }

  /** Takes the slot that goes next out. */
  take(): Slot | undefined {
    if (this.#size === 0) return undefined;
    this.#size -= 1;
    return this.#fullest()?.take() ?? this.#slots.pop()?.slot;
  }

  /** The child with the most slots; among equal ones the one whose next slot is the least worth keeping. */
  #fullest(): Branch | undefined {
    let fullest: Branch | undefined;
    for (const child of this.#children.values()) {
      const isFuller = fullest === undefined || child.#size > fullest.#size || child.#precedes(fullest);
      if (isFuller) fullest = child;
    }
    return fullest;
  }

  /** The place in the order of keeping of the slot that goes next here. */
  #next(): number {
    const fullest = this.#fullest();
    return fullest === undefined ? (this.#slots.at(-1)?.at ?? -1) : fullest.#next();
  }

  #precedes(other: Branch): boolean {
    return this.#size === other.#size && this.#next() > other.#next();
  }
}
