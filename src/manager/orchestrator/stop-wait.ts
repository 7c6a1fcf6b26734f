// How long a replacement waits for a task that stops (O2): counted for each task that stops, from when this leader first saw
// somebody wait for it, by a clock nobody can set. Nothing of it comes from a row: wall clocks jump, and those of two leaders
// differ, so a new leader waits the whole time again. What ends a wait sooner is only that the task was seen to end, or its
// host given up.

import type { Clock } from "../../base/index.js";
import type { Task } from "../../gen/skep/v1/objects.js";
import { isTerminal, stateOf } from "../../model/index.js";
import type { RowChange, View } from "../../store/index.js";
import { isLost } from "./world.js";

export class StopWaits {
  readonly #clock: Clock;
  /** When the wait for each task began, by the monotonic clock: by node, then by task. */
  readonly #begun = new Map<string, Map<string, number>>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** What is left of a wait of `maxMs` for `task` to stop; the first question begins it. */
  leftMs({ id, nodeId }: Task, maxMs: number): number {
    const now = this.#clock.monotonic();
    const begun = this.#begun.get(nodeId)?.get(id) ?? this.#begin(nodeId, id, now);
    return Math.max(0, begun + maxMs - now);
  }

  /** Forgets what ended. A host that was given up and comes back is waited for from then on. */
  note(changes: readonly RowChange[]): void {
    if (this.#begun.size === 0) return;
    for (const change of changes) {
      if (change.table === "node" && isLost(change.row)) this.#begun.delete(change.id);
      if (change.table === "task" && isOver(change.row)) this.#forget(change.row ?? change.previous);
    }
  }

  /** Events were lost: forgets what ended meanwhile. */
  *rebuild(view: View): Iterable<void> {
    for (const tasks of this.#begun.values()) {
      for (const id of tasks.keys()) {
        const task = view.table("task").get(id);
        if (isOver(task)) tasks.delete(id);
        yield;
      }
    }
    for (const [nodeId, tasks] of this.#begun) if (tasks.size === 0) this.#begun.delete(nodeId);
  }

  #begin(nodeId: string, taskId: string, now: number): number {
    const tasks = this.#begun.get(nodeId) ?? new Map<string, number>();
    this.#begun.set(nodeId, tasks.set(taskId, now));
    return now;
  }

  #forget(task: Task | undefined): void {
    if (task === undefined) return;
    const tasks = this.#begun.get(task.nodeId);
    tasks?.delete(task.id);
    if (tasks?.size === 0) this.#begun.delete(task.nodeId);
  }
}

function isOver(task: Task | undefined): boolean {
  return task === undefined || isTerminal(stateOf(task));
}
