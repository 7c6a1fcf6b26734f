// What a node remembers of its tasks: assignments, the last status of each, the boot they ran in.

import type { TaskAssignment } from "../gen/skep/v1/dispatcher.js";
import type { TaskStatus } from "../gen/skep/v1/objects.js";

export type LocalChange =
  | { readonly kind: "assignment"; readonly assignment: TaskAssignment }
  | { readonly kind: "status"; readonly taskId: string; readonly status: TaskStatus }
  | { readonly kind: "forget"; readonly taskId: string }
  | { readonly kind: "boot"; readonly bootId: string };

export interface LocalTask {
  readonly assignment: TaskAssignment;
  /** Absent when the task was assigned and nothing was done yet. */
  readonly status: TaskStatus | undefined;
}

export interface LocalContent {
  /** The boot during which tasks last ran; absent at first. */
  readonly bootId: string | undefined;
  readonly tasks: readonly LocalTask[];
}

/** The node's own memory. It survives the daemon; what a power cut takes, the engine and the leader know. */
export interface LocalState {
  load(): Promise<LocalContent>;
  /** All of it or nothing. */
  write(changes: readonly LocalChange[]): Promise<void>;
}

/** A memory that lasts as long as the object: for simulations. */
export class MemoryState implements LocalState {
  readonly #assignments = new Map<string, TaskAssignment>();
  readonly #statuses = new Map<string, TaskStatus>();
  #bootId: string | undefined;

  load(): Promise<LocalContent> {
    const tasks = [...this.#assignments.values()].map((assignment) => ({
      assignment,
      status: this.#statuses.get(assignment.id),
    }));
    return Promise.resolve({ bootId: this.#bootId, tasks });
  }

  write(changes: readonly LocalChange[]): Promise<void> {
    for (const change of changes) this.#apply(change);
    return Promise.resolve();
  }

  #apply(change: LocalChange): void {
    switch (change.kind) {
      case "assignment":
        this.#assignments.set(change.assignment.id, change.assignment);
        return;
      case "status":
        this.#statuses.set(change.taskId, change.status);
        return;
      case "forget":
        this.#assignments.delete(change.taskId);
        this.#statuses.delete(change.taskId);
        return;
      case "boot":
        this.#bootId = change.bootId;
        return;
      default:
        return change satisfies never;
    }
  }
}
