/**
 * Whole swarms in memory, on virtual time: the real manager on a simulated disk, the real worker on embedded engines, and
 * virtual lines between them. Must stay true: the same seed gives the same run, and nothing is checked by the code it is a
 * check of. Start at cluster.ts; host.ts and manager.ts are the machines, link.ts the network, checks/ what must always hold.
 */
export { SimCluster, type SimClusterOptions } from "./cluster.js";
export { runSeed, type SeedResult } from "./simulate.js";
export type { ServiceWish } from "./spec.js";
