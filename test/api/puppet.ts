// A stand-in for everything that makes tasks run: each service has as many running tasks as it asks for, at once.

import { systemClock, systemRandom } from "../../src/base/host/index.js";
import { newId, wallTime } from "../../src/base/index.js";
import { type Service, TaskState } from "../../src/gen/skep/v1/objects.js";
import { newTask, replicasOf } from "../../src/model/index.js";
import { type Store, specOf, type Transaction, type Writer } from "../../src/store/index.js";

/** Runs until `signal` aborts. Tasks of one revision replace those of another; a removed service's are deleted. */
export async function playTasks(store: Store, writer: Writer, nodeId: string, signal: AbortSignal): Promise<void> {
  for await (const { changes } of store.watch({ tables: ["service"] }, signal)) {
    for (const { id } of changes) {
      await writer.update((tx) => {
        const service = tx.table("service").get(id);
        if (service) follow(tx, service, nodeId);
        else for (const task of [...tx.table("task").by("service", id)]) tx.delete("task", task.id);
      });
    }
  }
}

function follow(tx: Transaction, service: Service, nodeId: string): void {
  const wanted = replicasOf(specOf(tx, service)) ?? 0;
  const kept = new Set<number>();
  for (const task of [...tx.table("task").by("service", service.id)]) {
    if (task.revision === service.revision && task.slot <= wanted) kept.add(task.slot);
    else tx.delete("task", task.id);
  }
  const now = wallTime(systemClock.now());
  for (let slot = 1; slot <= wanted; slot++) {
    if (kept.has(slot)) continue;
    const id = newId(systemRandom);
    const task = newTask({ id, serviceId: service.id, revision: service.revision, slot, now });
    const status = {
      timestamp: now,
      appliedAt: now,
      state: TaskState.RUNNING,
      message: "started",
      err: "",
      container: { containerId: "c".repeat(64), pid: 42, exitCode: 0 },
      ports: [],
    };
    tx.put("task", { ...task, nodeId, status });
  }
}
