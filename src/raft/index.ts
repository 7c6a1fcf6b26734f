/**
 * A Raft library that knows nothing of Skep: a replicated log. `core/` decides (pure), `log/` and `snapshot/` keep what was
 * decided on a disk, `node.ts` is the loop between them, `transport.ts` what it wants of a network. Start at types.ts, then
 * node.ts, then core/core.ts.
 *
 * What must stay true, whatever crashes when:
 * - S1 Nothing is acknowledged, applied or promised to others before it is durable. A failed write or sync ends the member.
 * - S2 A frame of the log is written only when the one before it is durable. So a bad frame with a good one after it is
 *   damage, and only the last can be a tear.
 * - S3 Term and vote are on disk in one atomic frame with the entries that go with them.
 * - S4 Entries are applied in index order, each once, and only when committed; an entry of an earlier term only under one of the own.
 * - S5 Every segment begins with the hard state, and only a durable snapshot lets a segment be dropped: oldest first.
 * - S6 A snapshot is whole before it takes the old one's place.
 * - S7 Where what is read back is not what was written, the member refuses to start and says file and offset.
 * - S8 Nobody hears of a term or a vote, and no leader hears an acknowledgement, before it is durable here; appends alone go
 *   out before the own sync, because the leader counts itself only after it.
 * - C1 Two majorities in use at one time share a member: see core/conf.ts.
 */
export type { ConfRefusal } from "./core/conf.js";
export { LogLostError } from "./core/errors.js";
export type { ProbeOutcome, ProgressStatus } from "./core/types.js";
export { LogDamagedError, NewerFormatError, WrongKeyError } from "./log/errors.js";
export { RaftMember } from "./node.js";
export type { RaftOptions } from "./options.js";
export type { RaftModules } from "./parts.js";
export { openSealer, type Sealer } from "./sealer.js";
export { seedMember } from "./seed.js";
export type { Transport } from "./transport.js";
export {
  type CommittedEntry,
  type Leadership,
  NotLeaderError,
  type RaftNode,
  type RaftStatus,
  type StateMachine,
  UnknownOutcomeError,
} from "./types.js";
