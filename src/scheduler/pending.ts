// The tasks that wait for a node, grouped by service and revision: one look at the nodes serves the whole group.

import type { Task } from "../gen/skep/v1/objects.js";
import type { Group } from "./decide/place.js";

export interface PendingGroup extends Group {
  /** In the order they came. */
  readonly tasks: Set<string>;
  /** Whether a try could find a node: a task came, or a node changed to its advantage. */
  isHungry: boolean;
}

export class Pending {
  readonly #groups = new Map<string, PendingGroup>();
  readonly #groupOf = new Map<string, PendingGroup>();
  /** Groups to try, the one that waits longest first. */
  readonly #hungry = new Set<PendingGroup>();

  get size(): number {
    return this.#groupOf.size;
  }

  get hasHungry(): boolean {
    return this.#hungry.size > 0;
  }

  has(taskId: string): boolean {
    return this.#groupOf.has(taskId);
  }

  /** A task that waits; its group is tried. `make` describes a group that is not there yet. */
  add(task: Task, key: string, make: () => Group): void {
    if (this.#groupOf.has(task.id)) return;
    let group = this.#groups.get(key);
    if (group === undefined) {
      group = { ...make(), tasks: new Set(), isHungry: false };
      this.#groups.set(key, group);
    }
    group.tasks.add(task.id);
    this.#groupOf.set(task.id, group);
    this.wake(group);
  }

  delete(taskId: string): void {
    const group = this.#groupOf.get(taskId);
    if (group === undefined) return;
    this.#groupOf.delete(taskId);
    group.tasks.delete(taskId);
    if (group.tasks.size > 0) return;
    this.#groups.delete(group.key);
    this.#hungry.delete(group);
  }

  clear(): void {
    this.#groups.clear();
    this.#groupOf.clear();
    this.#hungry.clear();
  }

  wake(group: PendingGroup): void {
    group.isHungry = true;
    this.#hungry.add(group);
  }

  /** The next group to try; it goes to the end of the row if it is woken again. */
  nextHungry(): PendingGroup | undefined {
    for (const group of this.#hungry) {
      this.#hungry.delete(group);
      group.isHungry = false;
      return group;
    }
    return undefined;
  }

  /** Groups that were tried in vain. */
  *blocked(): Iterable<PendingGroup> {
    for (const group of this.#groups.values()) if (!group.isHungry) yield group;
  }
}
