/**
 * One node as a process: everything the areas need of the world is opened here and handed to them.
 *
 * What must stay true:
 * D1  one daemon per data folder; a second one says who holds it and touches nothing.
 * D2  all state of a node is below its data folder; what an init, join or leave left half done is gone at the next start.
 * D3  containers outlive the daemon, however it ends.
 *
 * Start at run.ts (the life of the process), then node.ts (how it stands to a swarm), member.ts (what runs meanwhile) and
 * managing/ (what a manager has more).
 */
export { runDaemon } from "./run.js";
