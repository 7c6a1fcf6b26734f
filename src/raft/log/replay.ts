// Folds the batches of a log, oldest first, into what the member knew when it stopped.

import { invariant } from "../../base/index.js";
import type { Entry, HardState, Position } from "../../gen/skep/raft/v1/raft.js";
import type { Batch } from "./records.js";

export interface Replayed {
  /** Zeros when the log never said. */
  readonly hardState: HardState;
  /** The entry before the first of `entries`: what the log starts after. */
  readonly base: Position;
  readonly entries: readonly Entry[];
  /**
   * True when the log does not reach what the snapshot contains, so that the next batch has to say where it starts
   * anew. Happens after a crash between a snapshot's installation and that batch.
   */
  readonly startsAnew: boolean;
}

/** Thrown for batches no member can have written in this order; the caller knows the file and offset. */
export class ReplayError extends Error {}

export class Replay {
  #hardState: HardState = { term: 0, vote: 0, commit: 0 };
  /** Known when the log was seen from its first entry, or was started anew. */
  #start: Position | undefined;
  #entries: Entry[] = [];

  add(batch: Batch): void {
    if (batch.start) this.#startAfter(batch.start);
    for (const entry of batch.entries) this.#append(entry);
    if (batch.hardState) this.#become(batch.hardState);
  }

  /** What stands after the last batch, seen together with the newest snapshot (index 0: none). */
  finish(snapshot: Position): Replayed {
    const hardState = this.#committedAtLeast(snapshot.index);
    const known = this.#knownFromBase(snapshot);
    const last = known.entries.at(-1)?.index ?? known.base.index;
    if (known.base.index > snapshot.index) throw new ReplayError(gap(known.base.index + 1, snapshot.index));
    const atSnapshot = known.base.index === snapshot.index ? known.base : entryAt(known.entries, snapshot.index);
    // The snapshot was installed over a log that ends before it or contradicts it: it wins (check-list 26).
    if (atSnapshot?.term !== snapshot.term) return { hardState, base: snapshot, entries: [], startsAnew: true };
    if (hardState.commit > last) {
      throw new ReplayError(`entries up to ${hardState.commit} were committed, and the log ends at ${last}`);
    }
    return { hardState, ...known, startsAnew: false };
  }

  #startAfter(start: Position): void {
    if (entryAt(this.#entries, start.index)?.term === start.term) return;
    this.#start = start;
    this.#entries = [];
  }

  #append(entry: Entry): void {
    // Where the beginning was dropped, what is left of it may be a suffix that was replaced from further down.
    if (!this.#start && entry.index < (this.#entries[0]?.index ?? 0)) this.#entries = [];
    const first = this.#entries[0]?.index ?? (this.#start ? this.#start.index + 1 : entry.index);
    const at = entry.index - first;
    const before = this.#entries[at - 1];
    if (at < 0 || at > this.#entries.length) {
      throw new ReplayError(`entry ${entry.index} follows entry ${first + this.#entries.length - 1}`);
    }
    if (before && before.term > entry.term) throw new ReplayError(`entry ${entry.index} goes back in term`);
    if (entry.index <= this.#hardState.commit && at < this.#entries.length) {
      throw new ReplayError(`committed entry ${entry.index} is replaced`);
    }
    this.#entries.length = at;
    this.#entries.push(entry);
  }

  #become(next: HardState): void {
    const now = this.#hardState;
    if (next.term < now.term || next.commit < now.commit) throw new ReplayError("term or commit goes back");
    if (next.term === now.term && now.vote !== 0 && next.vote !== now.vote) throw new ReplayError("the vote changes");
    this.#hardState = next;
  }

  #committedAtLeast(index: number): HardState {
    return { ...this.#hardState, commit: Math.max(this.#hardState.commit, index) };
  }

  /** A log whose beginning was dropped starts after its first entry: that one's term is all that is needed of it. */
  #knownFromBase(snapshot: Position): { base: Position; entries: readonly Entry[] } {
    const first = this.#entries[0];
    if (this.#start) return { base: this.#start, entries: this.#entries };
    if (first?.index === snapshot.index + 1) return { base: snapshot, entries: this.#entries };
    if (!first || first.index === 1) return { base: { index: 0, term: 0 }, entries: this.#entries };
    return { base: { index: first.index, term: first.term }, entries: this.#entries.slice(1) };
  }
}

function entryAt(entries: readonly Entry[], index: number): Entry | undefined {
  const first = entries[0];
  if (!first) return undefined;
  const entry = entries[index - first.index];
  invariant(!entry || entry.index === index, "consecutive entries", { index });
  return entry;
}

function gap(first: number, snapshot: number): string {
  return `the log begins at entry ${first}, and the snapshot ends at ${snapshot}`;
}
