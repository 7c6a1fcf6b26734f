/**
 * A manager's keys at rest: the data key its log and snapshots are sealed with, and its TLS key. Locked, they need the
 * swarm's unlock key (`SWMKEY-1-…`) to be read.
 *
 * What must stay true:
 * K1  after a crash at any point one file decides: it is readable in the open, with the old unlock key or with the new one,
 *     and then everything is.
 * K2  a file never goes back to an older unlock key: it knows the version of the row it follows.
 * K3  what is sealed while locked is sealed with a data key that never lay in the open.
 * K4  no key is ever in a log line or an error.
 *
 * Start at ring.ts (whether a node has keys), then node-keys.ts; keeper.ts follows the cluster row, file.ts is what stands on disk.
 */
export { KeyKeeper } from "./keeper.js";
export { NodeKeys } from "./node-keys.js";
export { KeyRing, NodeLockedError } from "./ring.js";
export { sealerFor } from "./seal.js";
