// The log as the core sees it: entries in memory from after the last one compacted away, and four marks on them:
// applied ≤ applying ≤ committed, and persisted ≤ persisting ≤ last.

import { invariant } from "../../base/index.js";
import type { Entry, Position } from "../../gen/skep/raft/v1/raft.js";

export class MemoryLog {
  #base: Position;
  readonly #entries: Entry[];
  #persisted: number;
  #persisting: number;
  #committed: number;
  #applying: number;
  #applied: number;

  /** `entries` are durable; `applied` is at least `base`. */
  constructor(base: Position, entries: readonly Entry[], committed: number, applied: number) {
    this.#base = base;
    this.#entries = [...entries];
    this.#persisted = this.#persisting = this.lastIndex;
    this.#committed = committed;
    this.#applied = this.#applying = applied;
    invariant(base.index <= applied && applied <= committed && committed <= this.lastIndex, "marks of a loaded log", {
      base: base.index,
      applied,
      committed,
      last: this.lastIndex,
    });
  }

  get firstIndex(): number {
    return this.#base.index + 1;
  }

  get lastIndex(): number {
    return this.#base.index + this.#entries.length;
  }

  get last(): Position {
    return this.#entries.at(-1) ?? this.#base;
  }

  get persisted(): number {
    return this.#persisted;
  }

  get committed(): number {
    return this.#committed;
  }

  get applied(): number {
    return this.#applied;
  }

  /** Undefined where nothing is, or nothing is kept. */
  termOf(index: number): number | undefined {
    return index === this.#base.index ? this.#base.term : this.#at(index)?.term;
  }

  append(entry: Entry): void {
    invariant(entry.index === this.lastIndex + 1, "entries are consecutive", { index: entry.index });
    invariant(entry.term >= this.last.term, "terms never go back", { index: entry.index, term: entry.term });
    this.#entries.push(entry);
  }

  /** Hands out what is not yet on disk, at least one entry and then as many as fit into `bytesMax`. */
  takeToPersist(bytesMax: number): readonly Entry[] {
    invariant(this.#persisting === this.#persisted, "one persist at a time");
    const taken = this.#slice(this.#persisting + 1, this.lastIndex, bytesMax);
    this.#persisting += taken.length;
    return taken;
  }

  get hasToPersist(): boolean {
    return this.#persisting < this.lastIndex;
  }

  /** persisting → persisted, once what was handed out is durable. */
  markPersisted(): void {
    this.#persisted = this.#persisting;
  }

  /** Only upwards: what was committed stays so (state-machine safety, §5.4.3). */
  commit(index: number): void {
    invariant(index >= this.#committed && index <= this.lastIndex, "commit only grows, within the log", { index });
    this.#committed = index;
  }

  /** Hands out what is committed and durable here, each entry once (S4). */
  takeToApply(bytesMax: number, entriesMax: number): readonly Entry[] {
    const until = Math.min(this.#committed, this.#persisted, this.#applying + entriesMax);
    const taken = this.#slice(this.#applying + 1, until, bytesMax);
    this.#applying += taken.length;
    return taken;
  }

  /** applying → applied; returns the entries that were passed. */
  markApplied(index: number): readonly Entry[] {
    invariant(index >= this.#applied && index <= this.#applying, "applied only what was handed out", { index });
    const passed = this.#slice(this.#applied + 1, index, Number.POSITIVE_INFINITY);
    this.#applied = index;
    return passed;
  }

  /** Forgets entries up to `index`, which a durable snapshot contains. */
  compact(index: number): void {
    if (index <= this.#base.index) return;
    invariant(index <= this.#applied, "only applied entries are compacted", { index, applied: this.#applied });
    const term = this.termOf(index);
    invariant(term !== undefined, "the entry compacted to is kept", { index });
    this.#entries.splice(0, index - this.#base.index);
    this.#base = { index, term };
  }

  #at(index: number): Entry | undefined {
    return this.#entries[index - this.#base.index - 1];
  }

  #slice(from: number, until: number, bytesMax: number): readonly Entry[] {
    const taken: Entry[] = [];
    let bytes = 0;
    for (let index = from; index <= until; index++) {
      const entry = this.#at(index);
      invariant(entry, "an entry asked for is kept", { index, first: this.firstIndex });
      bytes += entry.data.length;
      if (taken.length > 0 && bytes > bytesMax) break;
      taken.push(entry);
    }
    return taken;
  }
}
