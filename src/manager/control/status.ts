// How many tasks a service has and wants: Docker's ServiceStatus (docker-api.md §1.6).

import { type Service, type Task, TaskState } from "../../gen/skep/v1/objects.js";
import { isJob, stateOf } from "../../model/index.js";
import { specOf, type View } from "../../store/index.js";

export interface ServiceCounts {
  readonly running: number;
  readonly desired: number;
  /** Of jobs only. */
  readonly completed: number;
}

/** Of a job only the tasks of its present execution count. */
export function countTasks(view: View, service: Service): ServiceCounts {
  const spec = specOf(view, service);
  const iteration = isJob(spec) ? (service.jobStatus?.iteration ?? 0) : undefined;
  const seen = { running: 0, toRun: 0, toComplete: 0, completed: 0 };
  for (const task of view.table("task").by("service", service.id)) {
    if (iteration === undefined || task.jobIteration === iteration) see(seen, task);
  }
  const { running, completed } = seen;
  switch (spec.mode?.$case) {
    case "replicatedJob":
      return { running, desired: spec.mode.value.maxConcurrent, completed };
    case "globalJob":
      return { running, desired: seen.toComplete, completed };
    case "replicated":
      return { running, desired: spec.mode.value.replicas, completed: 0 };
    case "global":
    case undefined:
      return { running, desired: seen.toRun, completed: 0 };
    default:
      return spec.mode satisfies never;
  }
}

/** `toComplete`: wanted to and has not yet. */
interface Seen {
  running: number;
  toRun: number;
  toComplete: number;
  completed: number;
}

function see(seen: Seen, task: Task): void {
  const state = stateOf(task);
  if (state === TaskState.RUNNING) seen.running += 1;
  if (state === TaskState.COMPLETE) seen.completed += 1;
  else if (task.desiredState === TaskState.COMPLETE) seen.toComplete += 1;
  if (task.desiredState === TaskState.RUNNING) seen.toRun += 1;
}
