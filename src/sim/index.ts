/**
 * The simulated world: virtual time and repeatable chance, on which tests and the cluster simulation run the real code.
 * Must stay true: the same seed gives the same run, so nothing here reads the machine's clock, its chance or its files.
 * Start at time.ts; cluster/ has whole swarms.
 */
export {
  type ServiceWish,
  SimCluster,
  type SimClusterOptions,
  type SimContainer,
  serviceSpec,
} from "./cluster/index.js";
export { type DiskOperation, SimDisk, type SimDiskOptions, type Survival } from "./disk.js";
export * from "./random.js";
export * from "./time.js";
