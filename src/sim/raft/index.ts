/**
 * The simulator of the Raft library: one to seven real members on virtual time, virtual disks and a virtual network, with
 * faults drawn from the seed. Must stay true: the same seed gives the same run, and every check has been seen to fail on a
 * bug planted for it (test/sim/raft). Start at run.ts.
 */
export { CheckFailed, Checks, type Visible } from "./checks.js";
export { type Plants, type RaftRun, runRaftSeed } from "./run.js";
