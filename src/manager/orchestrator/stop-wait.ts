// How long a replacement waits for the task it replaces, by a clock that never jumps: a leader measures from when it first
// saw the task held, and takes from the row only how long it had waited by then.

import type { Clock } from "../../base/index.js";
import { type Task, TaskState } from "../../gen/skep/v1/objects.js";
import { createdAtMs } from "../../model/index.js";
import type { RowChange } from "../../store/index.js";

/** What is left of a wait of `maxMs` by the wall clock; the whole of it when the clock was set back since. */
export function stopWaitByWallMs(task: Task, maxMs: number, nowMs: number): number {
  return Math.min(maxMs, Math.max(0, createdAtMs(task) + maxMs - nowMs));
}

export class StopWaits {
  readonly #clock: Clock;
  /** When the wait of each held task began, by the monotonic clock. */
  readonly #begun = new Map<string, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  leftMs(task: Task, maxMs: number): number {
    const now = this.#clock.monotonic();
    const begun = this.#begun.get(task.id) ?? now - maxMs + stopWaitByWallMs(task, maxMs, this.#clock.now());
    this.#begun.set(task.id, begun);
    return Math.max(0, begun + maxMs - now);
  }

  /** Forgets what is held no more. */
  note(changes: readonly RowChange[]): void {
    if (this.#begun.size === 0) return;
    for (const { table, id, row } of changes) {
      if (table === "task" && row?.desiredState !== TaskState.READY) this.#begun.delete(id);
    }
  }
}
