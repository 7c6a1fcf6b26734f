/**
 * The scheduler: gives each PENDING task a node, or says why none will have it.
 *
 * What must stay true:
 * C1  a placement is written only if the task still waits and its node still takes tasks (write.ts).
 * C2  what a node holds counts from the decision on until its observed state has passed RUNNING or its row is gone.
 * C3  nothing is written about a waiting task while its reason stays the same.
 * C4  an event tries only the groups it can unblock; placing a task looks at few nodes, not at all.
 *
 * decide/ is pure and synchronous: needs.ts (what a revision asks), filters.ts, candidates.ts and place.ts. Start at
 * place.ts; scheduler.ts is the loop, cluster.ts its opinion of the cluster. outlook.ts answers "why not" and "where would
 * it go" for others, without writing.
 */
export { explain as explainRefusals, type FilterName, type RefusalCount } from "./decide/filters.js";
export type { Asked, Needs } from "./decide/needs.js";
export type { NodeInfo } from "./decide/node-info.js";
export type { NodeSet } from "./decide/node-set.js";
export { type Check, checksOf, type Refusal, refusalOf } from "./decide/refusal.js";
export {
  askedBy,
  askedByTask,
  nodeInfoOf,
  nodeSetBySteps,
  nodeSetOf,
  type PlannedPlacement,
  type PlannedTask,
  planPlacement,
} from "./outlook.js";
export { Scheduler, type SchedulerModules } from "./scheduler.js";
