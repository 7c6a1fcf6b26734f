// The log as the core sees it: entries in memory from after the last one compacted away, and five marks on them:
// applied ≤ applying ≤ committed ≤ last, and applying ≤ persisted ≤ persisting ≤ last.

import { invariant } from "../../base/index.js";
import { type Entry, EntryKind, type Position } from "../../gen/skep/raft/v1/raft.js";

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

  /** What will be durable once the persist under way is. */
  get persisting(): number {
    return this.#persisting;
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

  /** Does the log have this entry? What is compacted away was committed and is the same everywhere, but nobody can tell by term. */
  matches(index: number, term: number): boolean {
    return this.termOf(index) === term;
  }

  /**
   * Takes a leader's consecutive entries, of which the one before is known to agree: what agrees stays, what conflicts
   * goes with all that follows it, and only then (§5.3; an old message must shorten nothing, check-list 15).
   */
  merge(entries: readonly Entry[]): void {
    const at = entries.findIndex(({ index, term }) => !this.matches(index, term));
    const first = entries[at];
    if (!first) return;
    if (first.index <= this.lastIndex) this.#truncateFrom(first.index);
    for (const entry of entries.slice(at)) this.append(entry);
  }

  /** The last place at or before `index` whose entry may be of `term` or earlier: where logs that differ after it may agree. */
  hintFor(index: number, term: number): Position {
    let at = Math.min(index, this.lastIndex);
    while (at > this.#base.index && (this.termOf(at) ?? 0) > term) at -= 1;
    return { index: at, term: this.termOf(at) ?? 0 };
  }

  /** Entries from `from` on to send: at least one, and then as many as fit into `bytesMax`; none where none are. */
  entriesFrom(from: number, bytesMax: number): readonly Entry[] {
    return this.#slice(from, this.lastIndex, bytesMax);
  }

  /** Is there a change of the membership among what is committed and not applied? */
  get hasUnappliedChange(): boolean {
    const rest = this.#slice(this.#applied + 1, this.#committed, Number.POSITIVE_INFINITY);
    return rest.some(({ kind }) => kind === EntryKind.CONF_CHANGE);
  }

  /** All that was handed out to be applied has been. */
  get isApplySettled(): boolean {
    return this.#applied === this.#applying;
  }

  /**
   * The state is now that of a snapshot at `position`. Entries after it stay only when the log has the snapshot's last
   * entry: then they may follow it; else all of it goes (§7, figure 13 rules 6 and 7; check-list 26).
   */
  restore(position: Position): void {
    invariant(
      this.#persisting === this.#persisted && this.isApplySettled,
      "nothing under way while a snapshot comes in",
    );
    invariant(position.index > this.#applied, "a snapshot goes forward", {
      to: position.index,
      applied: this.#applied,
    });
    const isKnown = this.matches(position.index, position.term);
    if (isKnown) this.#entries.splice(0, position.index - this.#base.index);
    else this.#entries.length = 0;
    this.#base = { index: position.index, term: position.term };
    this.#persisted = this.#persisting = isKnown ? Math.max(this.#persisted, position.index) : position.index;
    this.#committed = Math.max(this.#committed, position.index);
    this.#applied = this.#applying = position.index;
  }

  /** Hands out what is not yet on disk, at least one entry and then as many as fit into `bytesMax`. */
  takeToPersist(bytesMax: number): readonly Entry[] {
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

  /** The mark of a persist under way goes down with the rest: what it writes of the old suffix is replaced by the next one. */
  #truncateFrom(index: number): void {
    invariant(index > this.#committed, "nothing committed is ever replaced", { index, committed: this.#committed });
    this.#entries.length = index - this.#base.index - 1;
    this.#persisted = Math.min(this.#persisted, index - 1);
    this.#persisting = Math.min(this.#persisting, index - 1);
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
