/**
 * Whole swarms in memory, on virtual time: real managers on simulated disks, the real worker on embedded engines, and virtual
 * lines between them. Must stay true: the same seed gives the same run, and nothing is checked by the code it is a check of.
 * Start at cluster.ts; host.ts and manager.ts are the machines, link.ts and raft-lines.ts the network, plan.ts and run.ts what a
 * seed is, checks/ what must always hold.
 */
export { SimCluster, type SimClusterOptions } from "./cluster.js";
export { drawPlan, type Plan } from "./plan.js";
export { runPlan, type SeedResult } from "./run.js";
export type { ServiceWish } from "./spec.js";
export { Totals } from "./totals.js";
