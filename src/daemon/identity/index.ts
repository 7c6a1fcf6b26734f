/**
 * Who this node is: its key, its certificate and the root it trusts, on disk and in force.
 *
 * What must stay true:
 * I1  the key never leaves the node; a renewal makes a new one.
 * I2  key and certificate on disk belong together after any crash.
 * I3  nothing is taken into force that does not fit: issued by the trusted root, for this key, this node, this swarm.
 * I4  the root a joiner trusts is the one its token was made for.
 *
 * Start at identity.ts; join.ts is how a node gets its first certificate, files.ts how it is kept.
 */
export type { IdentityModules } from "./credentials.js";
export type { KeyAtRest } from "./files.js";
export { adopt, loadIdentity, NodeIdentity } from "./identity.js";
export { type Joined, type JoinOptions, joinSwarm } from "./join.js";
export type { Issuers } from "./renew.js";
