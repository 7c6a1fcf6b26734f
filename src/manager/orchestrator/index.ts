/**
 * The orchestrators: they make the tasks a service asks for, replace those that ended or lost their host, roll a new spec
 * over them, and clear away what is over.
 *
 * What must stay true:
 * O1  a slot never has two wanted tasks, except a start-first one while its new task is not running yet.
 * O2  a stop-first task starts only when no other task of its slot still runs on a host that can be reached, or when it has
 *     waited for that long enough.
 * O3  everything a decision needs is in the rows: a new leader goes on where the old one stopped. But for how long it waits
 *     for a task to stop: that it counts anew, because no wall clock can be trusted with it.
 * O4  an event makes the orchestrator read the slots it concerns, and nothing else unless the service itself is another.
 *
 * Start at orchestrator.ts (the loop), notice.ts (what an event concerns), look.ts (one transaction), roster.ts (what it knows
 * of a large service), then restart/supervise.ts, replicated/scale.ts, global/nodes.ts, jobs/replicated.ts and
 * update/update.ts, which are pure. The rules are numbered in docs/behaviour.md.
 */
export { Enforcer } from "./enforcer/enforcer.js";
export { foresee } from "./foresee.js";
export { Orchestrator, type OrchestratorModules } from "./orchestrator.js";
export { Reaper } from "./reaper/reaper.js";
export { isRollingBack } from "./world.js";
