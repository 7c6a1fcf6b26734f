/**
 * The simulator of the Raft library: one to seven real members on virtual time, virtual disks and a virtual network, with
 * faults drawn from the seed. Must stay true: the same seed gives the same run, and every check has been seen to fail on a
 * bug planted for it (test/sim/raft). Start at run.ts.
 */
export { CheckFailed, Checks, type Visible } from "./checks.js";
export { drawPlan, type Fault, type FaultKind, type Plan } from "./plan.js";
export type { Plants } from "./plants.js";
export { type RaftRun, type RunCounts, runPlan, runRaftSeed } from "./run.js";
export { type Shrunk, shrink } from "./shrink.js";
export { Totals } from "./totals.js";
