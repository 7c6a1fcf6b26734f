// What must be true after every step, of all members together. It knows the members only by what they show.

import type { Entry } from "../../gen/skep/raft/v1/raft.js";
import type { CommittedEntry } from "../../raft/index.js";
import type { Write } from "./machine.js";

/** A member's core, as far as the checks look into it. */
export interface Visible {
  readonly term: number;
  readonly role: string;
  readonly commit: number;
  readonly firstIndex: number;
  readonly lastIndex: number;
  termOf(index: number): number | undefined;
  entriesFrom(index: number): readonly Entry[];
}

/** The name of the property stands first, for the report and for the test that plants its bug. */
export class CheckFailed extends Error {
  readonly property: string;

  constructor(property: string, what: string) {
    super(`${property}: ${what}`);
    this.property = property;
  }
}

interface Seen {
  life: number;
  term: number;
  commit: number;
  lastIndex: number;
  /** By index: what was found to match. */
  terms: number[];
}

const contentOf = ({ kind, data }: Entry): string => `${kind}:${Buffer.from(data).toString("latin1")}`;

export class Checks {
  readonly #seen = new Map<number, Seen>();
  /** By term: member and life that led. */
  readonly #leaders = new Map<number, string>();
  /** By index and term: content, and the term before. */
  readonly #entries = new Map<string, string>();
  /** By index: its term, and the term in which it was first seen to be committed. */
  readonly #committed = new Map<number, { readonly term: number; readonly inTerm: number }>();
  #committedMax = 0;
  readonly #applied = new Map<number, string>();
  readonly #indexOf = new Map<string, number>();
  readonly #refused = new Set<string>();
  readonly #promised = new Map<number, number>();
  #acknowledged = 0;
  acknowledgedCount = 0;

  /** The index of the last acknowledged write so far. */
  get acknowledged(): number {
    return this.#acknowledged;
  }

  /** Terms that had a leader. */
  get elections(): number {
    return this.#leaders.size;
  }

  /** The last entry that any member was seen to know as committed. */
  get committed(): number {
    return this.#committedMax;
  }

  /** Looks at one member as it is now. */
  look(id: number, life: number, core: Visible): void {
    const { commit, lastIndex } = core;
    let seen = this.#seen.get(id);
    if (seen?.life !== life) {
      seen = { life, term: 0, commit: 0, lastIndex: 0, terms: [] };
      this.#seen.set(id, seen);
      if (core.term < (this.#promised.get(id) ?? 0)) {
        fail("terms are kept", `member ${id} spoke in term ${this.#promised.get(id)} and came back in ${core.term}`);
      }
    }
    if (core.term < seen.term) fail("monotonic term", `member ${id} goes from ${seen.term} to ${core.term}`);
    if (commit < seen.commit) fail("monotonic commit", `member ${id} goes from ${seen.commit} to ${commit}`);
    this.#matchLog(id, seen, core);
    if (commit > seen.commit) this.#commit(id, Math.max(seen.commit + 1, core.firstIndex), commit, core);
    if (core.role === "leader") this.#lead(id, life, core);
    Object.assign(seen, { term: core.term, commit, lastIndex });
  }

  /** A message of this term left the member. */
  promised(id: number, term: number): void {
    if (term > (this.#promised.get(id) ?? 0)) this.#promised.set(id, term);
  }

  applied(id: number, entry: CommittedEntry, text: string, before: Write | undefined): void {
    if (before && before.index >= entry.index)
      fail("applied once, in order", `member ${id}: ${before.index}, ${entry.index}`);
    this.#same(id, { index: entry.index, text });
  }

  restored(id: number, writes: readonly Write[]): void {
    for (const write of writes) this.#same(id, write);
  }

  /** Where it was applied; undefined if it was not. */
  indexOf(text: string): number | undefined {
    return this.#indexOf.get(text);
  }

  writeAcknowledged(text: string): void {
    const index = this.#indexOf.get(text);
    if (index === undefined) return fail("acknowledged writes are applied", text);
    this.acknowledgedCount += 1;
    this.#acknowledged = Math.max(this.#acknowledged, index);
  }

  /** Whoever asked was told that it certainly never happens. */
  writeRefused(text: string): void {
    this.#refused.add(text);
    if (this.#indexOf.has(text)) fail("refused writes never happen", text);
  }

  /** A read that began when `acknowledged` was the last write answered from a state up to `index`. */
  read(id: number, acknowledged: number, index: number): void {
    if (index < acknowledged)
      fail("reads are linearizable", `member ${id} answers at ${index}, ${acknowledged} was written`);
  }

  /** In the end: this member has all there is. */
  complete(id: number, writes: readonly Write[]): void {
    const all = [...this.#applied].sort(([a], [b]) => a - b).map(([, text]) => text);
    const has = writes.map(({ text }) => text);
    if (String(has) !== String(all))
      fail("no acknowledged write is lost", `member ${id} has ${has.length} of ${all.length}`);
  }

  /** State-machine safety: at one index everybody applies the same. */
  #same(id: number, { index, text }: Write): void {
    const known = this.#applied.get(index);
    if (known !== undefined && known !== text)
      fail("state-machine safety", `member ${id} at ${index}: ${text}, not ${known}`);
    const at = this.#indexOf.get(text);
    if (at !== undefined && at !== index) fail("state-machine safety", `${text} is applied at ${at} and ${index}`);
    if (this.#refused.has(text)) fail("refused writes never happen", text);
    this.#applied.set(index, text);
    this.#indexOf.set(text, index);
  }

  /** Same index and term: same entry, and the same before it (§5.3). From the end back to what was looked at before. */
  #matchLog(id: number, seen: Seen, core: Visible): void {
    const { firstIndex, lastIndex } = core;
    let from = lastIndex + 1;
    while (from > firstIndex && seen.terms[from - 1] !== core.termOf(from - 1)) from -= 1;
    if (from <= lastIndex) {
      for (const entry of core.entriesFrom(from)) {
        const found = `${contentOf(entry)} after ${core.termOf(entry.index - 1)}`;
        const key = `${entry.index}@${entry.term}`;
        const known = this.#entries.get(key);
        if (known !== undefined && known !== found)
          fail("log matching", `member ${id} at ${key}: ${found}, not ${known}`);
        this.#entries.set(key, found);
        seen.terms[entry.index] = entry.term;
      }
    }
    seen.terms.length = lastIndex + 1;
  }

  #commit(id: number, from: number, until: number, core: Visible): void {
    for (let index = from; index <= until; index++) {
      const term = core.termOf(index);
      if (term === undefined) continue;
      const known = this.#committed.get(index)?.term;
      if (known !== undefined && known !== term) {
        fail("committed entries stay", `member ${id} commits ${index}@${term}, it was ${index}@${known}`);
      }
      if (known === undefined) this.#committed.set(index, { term, inTerm: core.term });
      this.#committedMax = Math.max(this.#committedMax, index);
    }
  }

  /** One leader a term (§5.2), and it has all that was committed before (§5.4). */
  #lead(id: number, life: number, core: Visible): void {
    const who = `${id} in life ${life}`;
    const known = this.#leaders.get(core.term);
    if (known === who) return;
    if (known !== undefined) fail("election safety", `term ${core.term} is led by member ${known} and ${who}`);
    this.#leaders.set(core.term, who);
    const { firstIndex, lastIndex } = core;
    for (let index = firstIndex; index <= this.#committedMax; index++) {
      const { term, inTerm = 0 } = this.#committed.get(index) ?? {};
      // One that was elected before, and learns it late because it was paused, need not have it.
      if (term !== undefined && inTerm < core.term && (index > lastIndex || core.termOf(index) !== term)) {
        fail("leader completeness", `member ${who} leads term ${core.term} without ${index}@${term}`);
      }
    }
  }
}

function fail(property: string, what: string): never {
  throw new CheckFailed(property, what);
}
