// What is to stop does stop: on a node that has a session with a leader, a container of a task that is gone or told to stop is
// there only for as long as its grace period, and some time for the words between.

import { millis } from "../../../base/index.js";
import { type Task, TaskState } from "../../../gen/skep/v1/objects.js";
import { revisionId, type View } from "../../../store/index.js";
import type { SimContainer } from "../containers.js";
import type { SimHost } from "../host.js";

/** For the words between, a start that is under way, and answers that get lost. */
const boundMs = 40_000;
/** Docker's, when a service says nothing. */
const graceDefaultMs = 10_000;

export class SurplusCheck {
  /** Since when a container is surplus on a host that is well, by its id. */
  #since = new Map<string, number>();

  /** There is no leader: nobody tells a node anything. */
  reset(): void {
    this.#since.clear();
  }

  look(containers: readonly SimContainer[], hosts: readonly SimHost[], view: View, nowMs: number): readonly string[] {
    const well = new Set(hosts.filter((host) => host.isConnected && host.isWell).map(({ name }) => name));
    const before = this.#since;
    this.#since = new Map();
    const wrong: string[] = [];
    for (const { containerId, taskId, host, isRunning } of containers) {
      const task = view.table("task").get(taskId);
      if (!isRunning || !well.has(host) || !isSurplus(task)) continue;
      const since = before.get(containerId) ?? nowMs;
      this.#since.set(containerId, since);
      if (nowMs - since > boundMs + graceMs(task, view)) {
        wrong.push(`the container of task ${taskId} still runs on ${host} after ${Math.round(nowMs - since)} ms`);
        this.#since.set(containerId, Number.POSITIVE_INFINITY);
      }
    }
    return wrong;
  }
}

function isSurplus(task: Task | undefined): boolean {
  return task === undefined || task.desiredState >= TaskState.SHUTDOWN;
}

function graceMs(task: Task | undefined, view: View): number {
  if (!task) return graceDefaultMs;
  const spec = view.table("revision").get(revisionId(task.serviceId, task.revision))?.spec;
  const grace = spec?.task?.container?.stopGracePeriod;
  return grace ? millis(grace) : graceDefaultMs;
}
