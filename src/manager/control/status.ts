// How many tasks a service has and wants: Docker's ServiceStatus (docker-api.md §1.6).

import { type Service, TaskState } from "../../gen/skep/v1/objects.js";
import { replicasOf, stateOf } from "../../model/index.js";
import { specOf, type View } from "../../store/index.js";

export interface ServiceCounts {
  readonly running: number;
  readonly desired: number;
  /** Of jobs only. */
  readonly completed: number;
}

export function countTasks(view: View, service: Service): ServiceCounts {
  let running = 0;
  let wanted = 0;
  for (const task of view.table("task").by("service", service.id)) {
    if (stateOf(task) === TaskState.RUNNING) running += 1;
    if (task.desiredState === TaskState.RUNNING) wanted += 1;
  }
  return { running, desired: replicasOf(specOf(view, service)) ?? wanted, completed: 0 };
}
