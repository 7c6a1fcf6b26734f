/**
 * A manager: the store behind Raft, and while it leads everything that keeps what runs equal to what was asked for.
 *
 * What must stay true: the parts never import one another and meet in the store; what runs only while leading holds a
 * handle of the term, so that nothing of an old term is ever written. Start at manager.ts (what runs always), then
 * leading.ts (what runs while leading).
 */
export { type BackupModules, type BackupOptions, makeBackup } from "./backup.js";
export type { Digest, NewDigest } from "./backup-file.js";
export type { NewSwarm } from "./bootstrap.js";
export type { KnownManager } from "./directory.js";
export type { Leading } from "./leading.js";
export { Manager, type ManagerModules, type ManagerOptions } from "./manager.js";
export type { Quorum, QuorumManager } from "./quorum.js";
export { type ReadBackup, type RestoredManager, readBackup, restoredSnapshot } from "./restore.js";
