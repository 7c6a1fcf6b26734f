// What a member finds on its disk when it starts: snapshot into the state machine, log into the core's beginning.

import { type Disk, type Log, SwarmError } from "../base/index.js";
import {
  ConfChange,
  ConfChangeKind,
  type Entry,
  EntryKind,
  type Membership,
  type SnapshotMeta,
} from "../gen/skep/raft/v1/raft.js";
import { nobody } from "./core/conf.js";
import type { CoreState } from "./core/types.js";
import { forcedBatch } from "./forced.js";
import { LogDamagedError } from "./log/errors.js";
import type { LoadedLog, RaftLog } from "./log/log.js";
import type { Snapshots } from "./snapshot/snapshots.js";
import type { StateMachine } from "./types.js";

export interface Storage {
  readonly disk: Disk;
  readonly log: Log;
  readonly folder: string;
  readonly raftLog: RaftLog;
  readonly snapshots: Snapshots;
}

export interface LoadOptions {
  readonly id: number;
  readonly bootstrap: boolean;
  readonly join: boolean;
  readonly forceNewCluster: boolean;
  readonly trailingEntries: number;
}

export interface Loaded {
  readonly state: CoreState;
  readonly snapshotIndex: number;
}

export async function load(options: LoadOptions, storage: Storage, stateMachine: StateMachine): Promise<Loaded> {
  await storage.disk.makeFolder(storage.folder);
  await storage.snapshots.clean();
  const meta = await restoreSnapshot(storage.snapshots, stateMachine);
  const position = meta?.position ?? { index: 0, term: 0 };
  const found = await storage.raftLog.open(position);
  if (found.isNew && meta) throw new LogDamagedError(storage.folder, 0, "there is a snapshot and no log");
  const membership = meta?.membership ?? nobody;
  const begun = found.isNew ? await begin(options, storage) : found;
  const log = options.forceNewCluster ? await force(options.id, storage, begun, membership, position.index) : begun;
  const state = {
    hardState: log.hardState,
    base: log.base,
    entries: log.entries,
    applied: position.index,
    membership,
    snapshot: meta,
  };
  return { state: withoutOldEntries(state, options.trailingEntries), snapshotIndex: position.index };
}

/** Makes the state machine what the snapshot on disk holds; undefined when there is none. */
export async function restoreSnapshot(
  snapshots: Snapshots,
  stateMachine: StateMachine,
): Promise<SnapshotMeta | undefined> {
  const snapshot = await snapshots.open();
  if (!snapshot) return undefined;
  let isComplete = false;
  async function* verified(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    yield* chunks;
    isComplete = true;
  }
  try {
    await stateMachine.restore(verified(snapshot.chunks));
  } finally {
    await snapshot.close();
  }
  if (!isComplete) throw new Error("the state machine did not read the whole snapshot");
  return snapshot.meta;
}

type Beginning = Pick<LoadedLog, "hardState" | "base" | "entries">;

/** Everybody else leaves, durably, before anything else happens. */
async function force(
  id: number,
  storage: Storage,
  begun: Beginning,
  membership: Membership,
  applied: number,
): Promise<Beginning> {
  const batch = forcedBatch(id, begun, membership, applied);
  if (!batch) return begun;
  await storage.raftLog.append(batch);
  storage.log.warn("raft cluster forced to this member alone", { id, removed: batch.entries.length });
  return { base: begun.base, hardState: batch.hardState, entries: [...begun.entries, ...batch.entries] };
}

/** The log's first entry makes this member the only voter; it counts as committed. Who joins begins with nothing at all. */
async function begin(options: LoadOptions, storage: Storage): Promise<Beginning> {
  if (options.join) {
    const nothing = { hardState: { term: 0, vote: 0, commit: 0 }, entries: [] };
    await storage.raftLog.append(nothing);
    storage.log.info("raft log begun, to be filled by a leader", { id: options.id });
    return { ...nothing, base: { index: 0, term: 0 } };
  }
  if (!options.bootstrap) throw new SwarmError("FailedPrecondition", `there is no log in ${storage.folder}`);
  const change = ConfChange.encode({ kind: ConfChangeKind.ADD_VOTER, member: options.id }).finish();
  const entry: Entry = { term: 1, index: 1, kind: EntryKind.CONF_CHANGE, data: Buffer.from(change) };
  const batch = { hardState: { term: 1, vote: 0, commit: 1 }, entries: [entry] };
  await storage.raftLog.append(batch);
  storage.log.info("raft log begun", { id: options.id });
  return { ...batch, base: { index: 0, term: 0 } };
}

/** Segments are dropped whole, so more may be read than is worth keeping. */
function withoutOldEntries(state: CoreState, trailingEntries: number): CoreState {
  const surplus = state.applied - trailingEntries - state.base.index;
  const base = state.entries[surplus - 1];
  if (!base) return state;
  return { ...state, base: { index: base.index, term: base.term }, entries: state.entries.slice(surplus) };
}
