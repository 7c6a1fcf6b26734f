// Nothing waits silently: a task that is held back says why, and since when, within a few seconds.

import { type Task, TaskState } from "../../../gen/skep/v1/objects.js";
import { stateText } from "../../../model/index.js";
import type { View } from "../../../store/index.js";

/** Longer than this no task waits for the allocator or the scheduler without a reason. */
const silentMaxMs = 5_000;

export class WaitingCheck {
  /** Since when a task has been silent. */
  #silentSince = new Map<string, number>();

  /** There is no leader: that time does not count. */
  reset(): void {
    this.#silentSince.clear();
  }

  look(view: View, nowMs: number): readonly string[] {
    const before = this.#silentSince;
    this.#silentSince = new Map();
    const wrong: string[] = [];
    for (const task of view.table("task").all()) {
      if (!isSilent(task)) continue;
      const since = before.get(task.id) ?? nowMs;
      this.#silentSince.set(task.id, since);
      if (nowMs - since > silentMaxMs) {
        wrong.push(
          `task ${task.id} has been ${stateText(task.status?.state ?? 0)} for ${nowMs - since} ms without a reason`,
        );
        this.#silentSince.set(task.id, Number.POSITIVE_INFINITY);
      }
    }
    return wrong;
  }
}

function isSilent(task: Task): boolean {
  const state = task.status?.state ?? TaskState.NEW;
  const isWaiting = state === TaskState.NEW || state === TaskState.PENDING;
  return isWaiting && task.desiredState <= TaskState.COMPLETE && !task.wait?.reason;
}
