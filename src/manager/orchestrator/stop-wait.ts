// How long a replacement waits for the task it replaces, by a clock that never jumps: a leader measures from when it first
// saw the task held, and takes from the row only what is left of the minute.

import type { Clock } from "../../base/index.js";
import { type Task, TaskState } from "../../gen/skep/v1/objects.js";
import { createdAtMs } from "../../model/index.js";
import type { RowChange } from "../../store/index.js";

/** A replacement waits at most this long, from its creation, for the task it replaces to stop (Docker's minute). */
export const stopWaitMaxMs = 60_000;

/** What is left of the wait by the wall clock; the whole of it when the clock was set back since. */
export function stopWaitByWallMs(task: Task, nowMs: number): number {
  return Math.min(stopWaitMaxMs, Math.max(0, createdAtMs(task) + stopWaitMaxMs - nowMs));
}

export class StopWaits {
  readonly #clock: Clock;
  /** When the wait of each held task ends, by the monotonic clock. */
  readonly #ends = new Map<string, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  leftMs(task: Task): number {
    const now = this.#clock.monotonic();
    const end = this.#ends.get(task.id) ?? now + stopWaitByWallMs(task, this.#clock.now());
    this.#ends.set(task.id, end);
    return Math.max(0, end - now);
  }

  /** Forgets what is held no more. */
  note(changes: readonly RowChange[]): void {
    if (this.#ends.size === 0) return;
    for (const { table, id, row } of changes) {
      if (table === "task" && row?.desiredState !== TaskState.READY) this.#ends.delete(id);
    }
  }
}
