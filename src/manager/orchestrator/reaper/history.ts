// Which tasks of a slot's history are too many (swarm-semantics §2.6).

import type { Cluster, Task } from "../../../gen/skep/v1/objects.js";
import type { ServiceSpec } from "../../../gen/skep/v1/specs.js";
import { isTerminal, neverRuns, restartOf, stateOf } from "../../../model/index.js";
import { byAge } from "../world.js";

const defaultLimit = 5;

/** Tasks a slot keeps, the live one included; negative: all. A limit on restarts keeps what it may need to show. */
export function historyLimit(cluster: Cluster | undefined, spec: ServiceSpec): number {
  const { maxAttempts } = restartOf(spec.task?.restart);
  if (maxAttempts > 0) return maxAttempts + 1;
  return cluster?.spec?.orchestration?.taskHistoryRetentionLimit ?? defaultLimit;
}

/** The oldest tasks that are over, or never ran, as far as there are more than `limit` in the slot. */
export function surplus(tasks: readonly Task[], limit: number): readonly Task[] {
  if (limit < 0 || tasks.length <= limit) return [];
  const over = tasks.filter((task) => isTerminal(stateOf(task)) || neverRuns(task)).sort(byAge);
  return over.slice(0, tasks.length - limit);
}
