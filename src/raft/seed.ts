// A member made from a state instead of a log: the folder of a cluster whose only voter it is, and whose first snapshot
// holds the state. What is restored from a backup begins so.

import type { Disk, Log } from "../base/index.js";
import { RaftLog } from "./log/log.js";
import { raftDefaults } from "./options.js";
import type { Sealer } from "./sealer.js";
import { Snapshots } from "./snapshot/snapshots.js";

/** The snapshot stands where the first entry of a new log would: it is what made this member the only voter. */
const position = { index: 1, term: 1 };

export interface SeedOptions {
  readonly id: number;
  /** Empty or absent. After a crash within `seedMember` it has to be removed: it may start with nothing in it. */
  readonly folder: string;
}

export interface SeedModules {
  readonly disk: Disk;
  readonly sealer: Sealer;
  readonly log: Log;
}

/** Durable when it resolves; a RaftMember with the same id then starts from it. */
export async function seedMember(
  { id, folder }: SeedOptions,
  { disk, sealer, log }: SeedModules,
  chunks: Iterable<Uint8Array>,
): Promise<void> {
  await disk.makeFolder(folder);
  const meta = { position, membership: { voters: [id], learners: [] } };
  await new Snapshots(folder, { disk, sealer }).write(meta, chunks, new AbortController().signal);
  const { segmentBytes } = raftDefaults;
  const raftLog = new RaftLog({ folder: `${folder}/log`, segmentBytes }, { disk, sealer, log });
  await raftLog.open({ index: 0, term: 0 });
  raftLog.startAfter(position);
  await raftLog.append({ hardState: { term: position.term, vote: 0, commit: position.index }, entries: [] });
  await raftLog.close();
}
