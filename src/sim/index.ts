/**
 * The simulated world: virtual time and repeatable chance, on which tests and the cluster simulation run the real code.
 * Must stay true: the same seed gives the same run, so nothing here reads the machine's clock, its chance or its files.
 * Start at time.ts. Whole swarms have an index of their own, cluster/index.ts: most tests need no more than a clock.
 */
export { type DiskOperation, SimDisk, type SimDiskOptions, type Survival } from "./disk.js";
export * from "./random.js";
export * from "./time.js";
