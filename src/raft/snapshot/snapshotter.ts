// When a snapshot is made, and what may be forgotten once it is durable.

import { InvariantError, type Log, messageOf } from "../../base/index.js";
import type { Entry, SnapshotMeta } from "../../gen/skep/raft/v1/raft.js";
import type { RaftCore } from "../core/core.js";
import type { RaftLog } from "../log/log.js";
import type { StateMachine } from "../types.js";
import type { Snapshots } from "./snapshots.js";

export interface SnapshotterOptions {
  readonly snapshotEntries: number;
  readonly snapshotLogBytes: number;
  readonly trailingEntries: number;
  readonly laggingEntriesMax: number;
  readonly keptBytesMax: number;
}

export interface SnapshotterModules {
  readonly snapshots: Snapshots;
  readonly raftLog: RaftLog;
  readonly stateMachine: StateMachine;
  readonly log: Log;
  /** Told of a bug: the member can go on no more. */
  readonly onBug: (error: InvariantError) => void;
}

export class Snapshotter {
  readonly #options: SnapshotterOptions;
  readonly #modules: SnapshotterModules;
  #abort = new AbortController();
  #isStopped = false;
  #core: RaftCore | undefined;
  #snapshotIndex = 0;
  /** Where the last one was tried; a failed one is not tried again before as much has been applied anew. */
  #triedIndex = 0;
  #appliedBytes = 0;
  #writing: Promise<void> | undefined;

  constructor(options: SnapshotterOptions, modules: SnapshotterModules) {
    this.#options = options;
    this.#modules = modules;
  }

  /** The last entry the durable snapshot contains. */
  get snapshotIndex(): number {
    return this.#snapshotIndex;
  }

  begin(core: RaftCore, snapshotIndex: number): void {
    this.#core = core;
    this.#snapshotIndex = this.#triedIndex = snapshotIndex;
    this.#appliedBytes = 0;
    this.#abort = new AbortController();
    this.#isStopped = false;
  }

  /** One more entry has been applied. */
  applied(bytes: number): void {
    this.#appliedBytes += bytes;
  }

  /** Begins a snapshot of the state as it is now, if one is due and none is under way. */
  consider(): void {
    const { snapshotEntries, snapshotLogBytes } = this.#options;
    const core = this.#core;
    if (!core || this.#writing || this.#isStopped) return;
    const index = core.applied;
    if (index - this.#triedIndex < snapshotEntries && this.#appliedBytes < snapshotLogBytes) return;
    const term = core.termOf(index);
    if (term === undefined) return;
    const { membership } = core.status;
    this.#triedIndex = index;
    this.#appliedBytes = 0;
    // References are collected now, while the state is that of `index`.
    const chunks = this.#modules.stateMachine.snapshot();
    this.#writing = this.#write(core, { position: { index, term }, membership }, chunks).finally(() => {
      this.#writing = undefined;
    });
  }

  /** Makes no more of them until `begin`; what is being written is given up. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#abort.abort(new Error("the member stops, or another snapshot comes in"));
    await this.#writing;
  }

  async #write(core: RaftCore, meta: SnapshotMeta, chunks: Iterable<Uint8Array>): Promise<void> {
    const { snapshots, raftLog, log, onBug } = this.#modules;
    const index = meta.position?.index ?? 0;
    try {
      await snapshots.write(meta, chunks, this.#abort.signal);
      this.#snapshotIndex = index;
      core.snapshotted(meta);
      const through = this.#forgettable(core, index);
      core.compact(through);
      await raftLog.dropThrough(through);
      log.info("raft snapshot written", { index });
    } catch (error) {
      if (error instanceof InvariantError) return onBug(error);
      // The old one and the whole log are still there: nothing is lost but room.
      if (!this.#abort.signal.aborted) log.error("raft snapshot failed", { index, error: messageOf(error) });
    }
  }

  /** Followers that are only slow need not be sent the whole state, as long as what they need is not too much to keep. */
  #forgettable(core: RaftCore, index: number): number {
    const { trailingEntries, laggingEntriesMax, keptBytesMax } = this.#options;
    const trailing = index - trailingEntries;
    const needed = Math.min(trailing, Math.max(core.neededFrom(trailing - laggingEntriesMax) - 1, 0));
    return Math.max(needed, lastBeyond(core.entriesFrom(0), index, keptBytesMax));
  }
}

/** The last entry that is too much: those after it, up to `index`, hold at most `bytesMax`. 0 when there is none. */
function lastBeyond(entries: readonly Entry[], index: number, bytesMax: number): number {
  let bytes = 0;
  return (
    entries.findLast((entry) => {
      if (entry.index <= index) bytes += entry.data.length;
      return bytes > bytesMax;
    })?.index ?? 0
  );
}
