/**
 * The worker: what makes a host run the tasks it is given. An agent holds a session with the leader, each task is driven
 * through the engine one step at a time, and what happens is remembered here before a leader hears of it.
 *
 * What must stay true:
 * W1  no task ever has two containers: the container's name is the task's, and the one that is there is adopted.
 * W2  a status is stored here before it is told, and a told one only grows.
 * W3  without a leader nothing is removed and nothing begun anew; what runs goes on.
 * W4  after a leader's first whole set, what it does not hold is stopped and removed; nothing else of the engine is touched.
 * W5  a stop never waits for a start, a heartbeat never for either.
 *
 * Start at step.ts (what is next, pure) and container/config.ts (what a task's container looks like, pure); task-run.ts
 * does it, tasks.ts holds them all, agent.ts talks to the leader, worker.ts puts it together.
 */
export type { DaemonFacts } from "./description.js";
export { type Connection, Refused } from "./session.js";
export { type LocalChange, type LocalContent, type LocalState, type LocalTask, MemoryState } from "./state.js";
export { Worker, type WorkerModules, type WorkerOptions } from "./worker.js";
