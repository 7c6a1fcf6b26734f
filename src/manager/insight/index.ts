/**
 * What people ask when a service is not what they asked for: why (`skep service explain`), what a change of it would do
 * (`skep service plan`), and how many tasks there are in all (`skep system status`).
 *
 * What must stay true:
 * I1  nothing is written: explanations read a view, plans a draft that is thrown away.
 * I2  no rule is told twice: whether a node takes a task is the scheduler's to say, what is replaced the model's, what comes
 *     and goes the orchestrator's, what is refused control's.
 * I3  every list has a bound, and says how much it left out.
 *
 * Start at explain.ts and plan.ts.
 */
export { explain } from "./explain.js";
export { plan, type Turn } from "./plan.js";
export { summarizeTasks } from "./summary.js";
