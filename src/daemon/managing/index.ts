/**
 * What a node is more while it is a manager: the consensus, the links to the others, the port.
 *
 * What must stay true:
 * M1  it begins and ends without the worker noticing: containers are not touched by a change of the role.
 * M2  a raft id belongs to one log: a node that becomes a manager again, or whose log was given up, takes a new one.
 * M3  what a crash leaves half done is gone on with: the membership's record is durable before what depends on it happens.
 *
 * Start at part.ts (when it runs), then managing.ts (what runs) and announce.ts (how the others learn of it).
 */
export type { Beginning, Managing } from "./managing.js";
export { ManagerPart, newRaftId } from "./part.js";
