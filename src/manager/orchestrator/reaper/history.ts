// Which tasks of a slot's history are too many (swarm-semantics §2.6).

import type { Cluster, Task } from "../../../gen/skep/v1/objects.js";
import type { ServiceSpec } from "../../../gen/skep/v1/specs.js";
import { endedByItself, isTerminal, isWanted, neverRuns, restartOf, stateOf } from "../../../model/index.js";
import { byAge, isYounger } from "../world.js";

const defaultLimit = 5;

/** Tasks a slot keeps, the live one included; negative: all. A limit on restarts keeps what it may need to show. */
export function historyLimit(cluster: Cluster | undefined, spec: ServiceSpec): number {
  const { maxAttempts } = restartOf(spec.task?.restart);
  if (maxAttempts > 0) return maxAttempts + 1;
  return cluster?.spec?.orchestration?.taskHistoryRetentionLimit ?? defaultLimit;
}

/** The oldest tasks that are over, or never ran, as far as there are more than `limit` in the slot; never its outcome. */
export function surplus(tasks: readonly Task[], limit: number): readonly Task[] {
  if (limit < 0 || tasks.length <= limit) return [];
  const kept = outcomeOf(tasks);
  const over = tasks.filter((task) => isHistory(task) && task !== kept);
  return over.sort(byAge).slice(0, tasks.length - limit);
}

/** It is over, or never ran: only such a task may be too many. */
export function isHistory(task: Task): boolean {
  return isTerminal(stateOf(task)) || neverRuns(task);
}

/** What tells that a slot is done where nothing of it lives: a completion of a job, a replica that finished for good. */
function outcomeOf(tasks: readonly Task[]): Task | undefined {
  if (tasks.some((task) => isWanted(task) && !isTerminal(stateOf(task)))) return undefined;
  return tasks
    .filter((task) => endedByItself(stateOf(task)))
    .reduce<Task | undefined>((youngest, task) => (youngest && isYounger(youngest, task) ? youngest : task), undefined);
}
