// What can be set about a member, and what it is when nobody does.

import type { Ticks } from "./core/types.js";

export interface RaftOptions {
  /** Raft id of this member, 1 … 2^52. */
  readonly id: number;
  /** Folder on the disk that holds `log/` and `snapshot`. */
  readonly folder: string;
  /** An empty folder becomes a new log with this member as its only voter; else it is refused. */
  readonly bootstrap: boolean;
  /** An empty folder becomes an empty log, to be filled by the leader of the cluster this member joins. */
  readonly join?: boolean;
  /** At the start, before anything else, every other member leaves, durably: this one goes on alone with the log it has. */
  readonly forceNewCluster?: boolean;
  readonly tickMs?: number;
  /** Docker's ElectionTick: at least twice `heartbeatTicks` in effect, so that one lost heartbeat elects nobody. */
  readonly electionTicks?: number;
  /** Docker's HeartbeatTick. */
  readonly heartbeatTicks?: number;
  /** Asked once at the start, when what is on disk has been applied: the counts the state itself asks for, in place of the two above. */
  readonly ticks?: () => Ticks | undefined;
  /** A snapshot is made when this many entries have been applied since the last one … */
  readonly snapshotEntries?: number;
  /** … or this much entry data, so that the log in memory stays bounded. */
  readonly snapshotLogBytes?: number;
  /** Entries before a snapshot that are kept, for followers that are only a little behind. */
  readonly trailingEntries?: number;
  /** Entries before a snapshot that are kept beyond that while a follower that is there still needs them. */
  readonly laggingEntriesMax?: number;
  /** Entry data before a snapshot that is kept, for whatever reason. */
  readonly keptBytesMax?: number;
  readonly segmentBytes?: number;
  /** Entry data in one batch, beyond its first entry. */
  readonly persistBytesMax?: number;
  /** Entry data in one append to a follower, beyond its first entry. */
  readonly appendBytesMax?: number;
  /** Appends on their way to one follower: messages, and entry data in bytes. */
  readonly inFlightMessagesMax?: number;
  readonly inFlightBytesMax?: number;
  /** Applied without giving way: at most this many entries and bytes. */
  readonly applyEntriesMax?: number;
  readonly applyBytesMax?: number;
  readonly proposalsMax?: number;
  readonly proposalBytesMax?: number;
}

const mib = 1024 * 1024;

export const raftDefaults = {
  join: false,
  forceNewCluster: false,
  tickMs: 100,
  electionTicks: 10,
  heartbeatTicks: 1,
  ticks: () => undefined,
  snapshotEntries: 10_000,
  snapshotLogBytes: 64 * mib,
  trailingEntries: 500,
  laggingEntriesMax: 10_000,
  keptBytesMax: 64 * mib,
  segmentBytes: 8 * mib,
  persistBytesMax: mib,
  appendBytesMax: mib,
  inFlightMessagesMax: 8,
  inFlightBytesMax: 4 * mib,
  applyEntriesMax: 512,
  applyBytesMax: mib / 4,
  proposalsMax: 10_000,
  proposalBytesMax: 64 * mib,
} as const;

export function completed(options: RaftOptions): Required<RaftOptions> {
  const all = { ...raftDefaults, ...options };
  return { ...all, ...saneTicks(all) };
}

/** What is not given or makes no sense is what it is when nobody says anything. */
export function saneTicks({ electionTicks, heartbeatTicks }: Ticks): Ticks {
  const heartbeat = heartbeatTicks > 0 ? heartbeatTicks : raftDefaults.heartbeatTicks;
  const election = electionTicks > 0 ? electionTicks : raftDefaults.electionTicks;
  return { electionTicks: Math.max(election, 2 * heartbeat), heartbeatTicks: heartbeat };
}
