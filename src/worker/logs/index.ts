/**
 * Logs of this node's containers on their way to the leader.
 *
 * What must stay true:
 * - only containers that carry this node's and this cluster's labels are read;
 * - nothing is read from the engine before the leader took what came before it: who reads slowly costs no memory here;
 * - without a session nothing is read: a new session says anew what is wanted.
 *
 * Start at readings.ts (what is wanted against what runs); reading.ts reads one subscription, batches.ts packs it.
 */
export { LogReadings, type LogReadingsModules, type LogReadingsOptions, type Publish } from "./readings.js";
