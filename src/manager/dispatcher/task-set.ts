// What one agent holds against what it should hold: the difference, part by part. Synchronous; knows no stream.

import { type Assignments, type HeldAssignment, TaskAssignment } from "../../gen/skep/v1/dispatcher.js";
import type { View } from "../../store/index.js";
import { isAssigned, taskAssignment, versionOf } from "./task-assignment.js";

/** A message is at most 64 kB; the rest is room for its frame. A single larger task travels alone. */
const partBytesMax = 60_000;
/** Ids in one part that need no bytes worth counting: keeps the loop free. */
const partIdsMax = 1_000;
/** Tasks that changed while the agent took nothing: it would be told the same by a new session. */
export const touchedMax = 20_000;

export class TaskSet {
  readonly #nodeId: string;
  /** Version per task the agent holds, or will once it has read what was sent. */
  readonly #held: Map<string, number>;
  /** Tasks to look at, oldest first. */
  readonly #touched = new Set<string>();
  /** Of these, how many belong to the first set; undefined once that is complete. */
  #firstLeft: number | undefined;
  #number = 0;

  constructor(nodeId: string, held: readonly HeldAssignment[], view: View) {
    this.#nodeId = nodeId;
    this.#held = new Map(held.map(({ id, version }) => [id, version]));
    this.#touchAll(view);
    this.#firstLeft = this.#touched.size;
  }

  /**
   * Something about the task may have changed that an agent must know; whether it did is looked up when there is room to
   * say it. False: too many wait for this agent.
   */
  touch(taskId: string): boolean {
    this.#touched.add(taskId);
    return this.#firstLeft !== undefined || this.#touched.size <= touchedMax;
  }

  /** Events were lost: every task is looked at again. */
  touchAll(view: View): void {
    this.#touchAll(view);
  }

  get hasMore(): boolean {
    return this.#touched.size > 0 || this.#firstLeft !== undefined;
  }

  /** The next part of the difference; undefined when there is none (any more). */
  next(view: View): Assignments | undefined {
    const update: TaskAssignment[] = [];
    const remove: string[] = [];
    let bytes = 0;
    for (const taskId of this.#touched) {
      if (this.#firstLeft === 0 || bytes >= partBytesMax || update.length + remove.length >= partIdsMax) break;
      const found = this.#look(view, taskId);
      if (found.kind === "update") {
        const size = TaskAssignment.encode(found.assignment).finish().length;
        if (bytes > 0 && bytes + size > partBytesMax) break;
        bytes += size;
        update.push(found.assignment);
        this.#held.set(taskId, found.assignment.version);
      } else if (found.kind === "remove") {
        bytes += taskId.length;
        remove.push(taskId);
        this.#held.delete(taskId);
      }
      this.#touched.delete(taskId);
      if (this.#firstLeft !== undefined) this.#firstLeft -= 1;
    }
    const firstSetComplete = this.#firstLeft === 0;
    if (firstSetComplete) this.#firstLeft = undefined;
    if (update.length === 0 && remove.length === 0 && !firstSetComplete) return undefined;
    this.#number += 1;
    return { number: this.#number, update, remove, firstSetComplete };
  }

  #look(view: View, taskId: string): Found {
    const task = view.table("task").get(taskId);
    const heldVersion = this.#held.get(taskId);
    if (task === undefined || !isAssigned(task, this.#nodeId)) {
      return heldVersion === undefined ? { kind: "same" } : { kind: "remove" };
    }
    if (heldVersion === versionOf(task)) return { kind: "same" };
    return { kind: "update", assignment: taskAssignment(view, task) };
  }

  #touchAll(view: View): void {
    for (const taskId of this.#held.keys()) this.#touched.add(taskId);
    for (const task of view.table("task").by("node", this.#nodeId)) this.#touched.add(task.id);
  }
}

type Found = { readonly kind: "same" | "remove" } | { readonly kind: "update"; readonly assignment: TaskAssignment };
