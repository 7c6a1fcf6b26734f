// The tasks that wait for a node, grouped by service and revision: one look at the nodes serves the whole group.

import type { Task } from "../gen/skep/v1/objects.js";
import type { Group } from "./decide/place.js";

export interface PendingGroup extends Group {
  /** In the order they came. */
  readonly tasks: Set<string>;
  /** Which task each one replaces, where one does. */
  replaces: Map<string, string> | undefined;
  /** Those of `tasks` that were told why they wait, and what. */
  told: { readonly taskIds: Set<string>; readonly reason: string } | undefined;
  /** Whether a try could find a node: a task came, or a node changed to its advantage. */
  isHungry: boolean;
  /** Whether it was tried in vain since. */
  isBlocked: boolean;
}

export class Pending {
  readonly #groups = new Map<string, PendingGroup>();
  readonly #groupOf = new Map<string, PendingGroup>();
  /** Groups to try, the one that waits longest first; those that are not hungry any more are passed over. */
  #queue: PendingGroup[] = [];
  #queueAt = 0;
  /** Groups that were tried in vain, by what they ask of a node. */
  readonly #blocked = new Map<string, Set<PendingGroup>>();

  get size(): number {
    return this.#groupOf.size;
  }

  get hasHungry(): boolean {
    while (this.#queue[this.#queueAt]?.isHungry === false) this.#queueAt += 1;
    return this.#queueAt < this.#queue.length;
  }

  get hasBlocked(): boolean {
    return this.#blocked.size > 0;
  }

  has(taskId: string): boolean {
    return this.#groupOf.has(taskId);
  }

  /** A task that waits; its group is tried. `make` describes a group that is not there yet. */
  add(task: Task, key: string, make: () => Group): void {
    if (this.#groupOf.has(task.id)) return;
    let group = this.#groups.get(key);
    if (group === undefined) {
      const { serviceId, needs, filters } = make();
      const state = { replaces: undefined, told: undefined, isHungry: false, isBlocked: false };
      group = { serviceId, key, needs, filters, tasks: new Set(), ...state };
      this.#groups.set(key, group);
    }
    group.tasks.add(task.id);
    const replaces = task.restart?.replaces ?? "";
    if (replaces !== "") group.replaces = (group.replaces ?? new Map<string, string>()).set(task.id, replaces);
    this.#groupOf.set(task.id, group);
    this.wake(group);
  }

  delete(taskId: string): void {
    const group = this.#groupOf.get(taskId);
    if (group === undefined) return;
    this.#groupOf.delete(taskId);
    group.tasks.delete(taskId);
    group.told?.taskIds.delete(taskId);
    group.replaces?.delete(taskId);
    if (group.tasks.size > 0) return;
    this.#groups.delete(group.key);
    this.#unblock(group);
    group.isHungry = false;
  }

  wake(group: PendingGroup): void {
    if (group.isHungry) return;
    this.#unblock(group);
    group.isHungry = true;
    this.#queue.push(group);
  }

  /** The next group to try: then it is woken again, blocked, or empty. */
  nextHungry(): PendingGroup | undefined {
    if (!this.hasHungry) return undefined;
    const group = this.#queue[this.#queueAt];
    this.#queueAt += 1;
    if (group) group.isHungry = false;
    if (this.#queueAt > queueSlack && this.#queueAt * 2 > this.#queue.length) {
      this.#queue = this.#queue.slice(this.#queueAt);
      this.#queueAt = 0;
    }
    return group;
  }

  /** It was tried in vain: it sleeps until it is woken. */
  block(group: PendingGroup): void {
    if (group.isHungry || group.tasks.size === 0) return;
    group.isBlocked = true;
    const groups = this.#blocked.get(group.needs.classKey);
    if (groups) groups.add(group);
    else this.#blocked.set(group.needs.classKey, new Set([group]));
  }

  /** Groups that were tried in vain; those of one set ask the same of a node, limits of replicas aside. */
  blocked(): Iterable<ReadonlySet<PendingGroup>> {
    return this.#blocked.values();
  }

  #unblock(group: PendingGroup): void {
    if (!group.isBlocked) return;
    group.isBlocked = false;
    const groups = this.#blocked.get(group.needs.classKey);
    if (groups?.delete(group) && groups.size === 0) this.#blocked.delete(group.needs.classKey);
  }
}

/** Places in the queue that may be spent before it is made shorter. */
const queueSlack = 1_000;
