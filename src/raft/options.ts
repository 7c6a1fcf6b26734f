// What can be set about a member, and what it is when nobody does.

export interface RaftOptions {
  /** Raft id of this member, 1 … 2^52. */
  readonly id: number;
  /** Folder on the disk that holds `log/` and `snapshot`. */
  readonly folder: string;
  /** An empty folder becomes a new log with this member as its only voter; else it is refused. */
  readonly bootstrap: boolean;
  readonly tickMs?: number;
  readonly electionTicks?: number;
  /** A snapshot is made when this many entries have been applied since the last one … */
  readonly snapshotEntries?: number;
  /** … or this much entry data, so that the log in memory stays bounded. */
  readonly snapshotLogBytes?: number;
  /** Entries before a snapshot that are kept, for followers that are only a little behind. */
  readonly trailingEntries?: number;
  readonly segmentBytes?: number;
  /** Entry data in one batch, beyond its first entry. */
  readonly persistBytesMax?: number;
  /** Applied without giving way: at most this many entries and bytes. */
  readonly applyEntriesMax?: number;
  readonly applyBytesMax?: number;
  readonly proposalsMax?: number;
  readonly proposalBytesMax?: number;
}

const mib = 1024 * 1024;

export const raftDefaults = {
  tickMs: 100,
  electionTicks: 10,
  snapshotEntries: 10_000,
  snapshotLogBytes: 64 * mib,
  trailingEntries: 500,
  segmentBytes: 8 * mib,
  persistBytesMax: mib,
  applyEntriesMax: 512,
  applyBytesMax: mib,
  proposalsMax: 10_000,
  proposalBytesMax: 64 * mib,
} as const;
